"""A Zarr array as a `Source`.

For a path or URL, a pickle holds the address of the array, with the options that are not secret. Each process opens the
array once.
"""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import zarr
from numpy.typing import NDArray
from zarr.buffer.cpu import NDBuffer

from pyramid.errors import SourceError, short_repr
from pyramid.model import Box, SourceSpec
from pyramid.ngff.values import check_path
from pyramid.readers.axes import AxisOrder

if TYPE_CHECKING:
    from pyramid.stores.zarr_store import ObjectsStore

MAX_REASON_CHARACTERS = 300  # of another library's error, which may quote a whole document


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


@dataclass(frozen=True, slots=True, eq=False)
class ZarrSource:
    """A Zarr array.

    Parameters
    ----------
    spec, order
        What is known before a chunk is read, and the axis of each of the array's dimensions.
    where
        The array itself, or its address.
    """

    spec: SourceSpec
    order: AxisOrder
    where: zarr.Array[Any] | ArrayAddress

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            For a chunk that cannot be read.
        """
        array = open_address(self.where) if isinstance(self.where, ArrayAddress) else self.where
        for part, view in self.order.pieces(box, out):
            try:
                if array.dtype == view.dtype:
                    array.get_basic_selection(part.slices, out=NDBuffer.from_numpy_array(view))
                else:  # in the other byte order the array cannot be read into `out` itself
                    view[...] = array[part.slices]
            except Exception as error:  # a codec may raise anything over a damaged chunk
                if isinstance(self.where, ArrayAddress):
                    self.where.store.settle()
                raise SourceError(
                    f"{self.spec.location or 'the Zarr array'}: the region from {part.start} to {part.stop} cannot be "
                    f"read: {reason(error)}; a chunk is damaged, or the store is out of reach"
                ) from error


@functools.lru_cache(maxsize=16)
def open_address(address: ArrayAddress) -> zarr.Array[Any]:
    """Open the array at an address, with one request for Zarr 3 and two for Zarr 2.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """
    path = address.array_path
    try:
        form: Literal[2, 3] = 2 if address.zarr_format == 2 else 3
        return zarr.open_array(address.store, path=check_path(path), mode="r", zarr_format=form)
    except Exception as error:  # stores and codecs raise their own kinds
        level = f": its largest level {short_repr(path)}" if path else ""
        raise SourceError(
            f"{address.store!s}{level} cannot be opened as Zarr: {reason(error)}; check that it is complete"
        ) from error


def reason(error: Exception) -> str:
    """Return the text of an error, cut to `MAX_REASON_CHARACTERS`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 3]}..."
