"""Arrays that zarr-python reads.

They are those that are given as its objects, and those with codecs that only it has.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.buffer.cpu import NDBuffer

from pyramid.model import Box
from pyramid.ngff.values import check_path
from pyramid.readers.zarr.found import FoundArray
from pyramid.stores.zarr_store import ObjectsStore


@dataclass(frozen=True, slots=True)
class ArrayAddress:
    """The address at which another process opens an array again.

    Parameters
    ----------
    array_path, zarr_format
        The array's path in the store, and its format, 2 or 3.
    store
        The store, which pickles without its secrets.
    opening
        Different each time that a source is opened, so that an array that was written again is opened again.
    """

    array_path: str
    zarr_format: int
    store: ObjectsStore = field(repr=False, compare=False)
    opening: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)


@dataclass(frozen=True, slots=True)
class LibraryReader:
    """Reads an array through zarr-python.

    Parameters
    ----------
    where
        The array itself, or its address.
    """

    where: zarr.Array[Any] | ArrayAddress

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`."""
        array = open_address(self.where) if isinstance(self.where, ArrayAddress) else self.where
        try:
            if array.dtype == out.dtype:
                array.get_basic_selection(box.slices, out=NDBuffer.from_numpy_array(out))
            else:  # in the other byte order the array cannot be read into `out` itself
                out[...] = array[box.slices]
        except Exception:
            if isinstance(self.where, ArrayAddress):
                self.where.store.settle()
            raise


@functools.lru_cache(maxsize=16)
def open_address(address: ArrayAddress) -> zarr.Array[Any]:
    """Open the array at an address, with one request for Zarr 3 and two for Zarr 2."""
    form: Literal[2, 3] = 2 if address.zarr_format == 2 else 3
    return zarr.open_array(address.store, path=check_path(address.array_path), mode="r", zarr_format=form)


def of_zarr(array: zarr.Array[Any], where: zarr.Array[Any] | ArrayAddress) -> FoundArray:
    """Return an array of zarr-python as it is found in a Zarr."""
    return FoundArray(
        array.shape,
        np.dtype(array.dtype),
        array.shards or array.chunks,
        attributes_of(array),
        getattr(array.metadata, "dimension_names", None),
        LibraryReader(where),
        zarr.config.get("async.concurrency", 1) or 1,
        array.chunks if array.shards else (),
    )


def attributes_of(node: zarr.Array[Any] | zarr.Group) -> Mapping[str, Any]:
    """Return the attributes of a node; empty if the document is not a mapping."""
    attributes: Any = node.metadata.attributes
    return attributes if isinstance(attributes, Mapping) else {}
