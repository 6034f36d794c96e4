"""One level of an image: the facts in its document, and its pixels when asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pyramid.errors import SourceError
from pyramid.hierarchy.arrays import ArrayFacts
from pyramid.hierarchy.nodes import Node
from pyramid.model import Shape
from pyramid.stores import Location, Readable, open_objects
from pyramid.tables import format_shape

if TYPE_CHECKING:
    import dask.array
    import numpy as np
    from numpy.typing import NDArray
    from zarr import Array
    from zarr.core.metadata import ArrayV3Metadata

    from pyramid.decoding import ArrayReader

# The most files of a level that are counted: each takes some microseconds, and some hundred if it is not cached.
MAX_COUNTED = 50_000


@dataclass(frozen=True, eq=False)
class ArrayAddress:
    """The address of an array: the store of its image, and its node there.

    Parameters
    ----------
    location, url
        The store; `url` as it was given.
    options
        Options with which the store is opened; never shown, for they may hold secrets.
    node
        The array's node.
    """

    location: Location
    url: str = field(repr=False)
    options: Mapping[str, Any] | None = field(repr=False)
    node: Node = field(repr=False)

    def open(self) -> Array[Any]:
        """Return the Zarr array, built from its document without a request."""
        import zarr  # noqa: PLC0415  (0.6 s, and metadata needs none of it)
        from zarr.storage import StorePath  # noqa: PLC0415

        from pyramid.stores import open_source_store  # noqa: PLC0415

        document = dict(self.node.array or {})
        if self.node.zarr_format == "n5":
            raise SourceError(f"{self.location}/{self.node.path} is N5, which zarr cannot read; use its .data")
        if self.node.zarr_format == 2:
            # Some programs write an empty list of filters instead of null, and zarr warns at it.
            document |= {"attributes": self.node.attributes, "filters": document.get("filters") or None}
        store = open_source_store(self.url, self.options)
        # zarr takes a dictionary too, in either format, but its annotations leave that out.
        metadata = cast("ArrayV3Metadata", document)
        return zarr.Array(zarr.AsyncArray(metadata, StorePath(store, self.node.path)))

    def reader(self) -> ArrayReader | None:
        """Return the reader of its pixels; None if only zarr has its codecs."""
        from pyramid.decoding import ArrayReader, stored_array  # noqa: PLC0415  (NumPy and codecs: not for metadata)

        stored = stored_array(self.node)
        if stored is None:
            return None
        objects = Readable(open_objects(self.url, self.options))
        return ArrayReader(objects, objects, stored)

    def stored_bytes(self) -> int | None:
        """Count the bytes of its files.

        Returns
        -------
        int or None
            None where they are not on local disk, or more than `MAX_COUNTED`.
        """
        if self.location.archive is not None:
            entries = open_objects(self.url, self.options).entries(f"{self.node.path}/" if self.node.path else "")
            return sum(size for _, size, _ in entries)
        if not self.location.is_folder:
            return None
        count = total = 0
        for folder, _, names in os.walk(Path(self.location.path, self.node.path)):
            count += len(names)
            if count > MAX_COUNTED:
                return None
            total += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
        return total


@dataclass(frozen=True, repr=False, eq=False)
class ImageLevel:
    """One level of an image.

    Parameters
    ----------
    path
        Path of its array below the image.
    scale
        Size of a pixel on each axis, in the image's units; None where the image gives none.
    translation
        Centre of its first pixel on each axis, in the image's units; None where the image gives none.
    facts
        Shape, dtype and codecs, as in its document.
    address
        The address of its array.
    """

    path: str
    scale: tuple[float, ...] | None
    translation: tuple[float, ...] | None
    facts: ArrayFacts
    address: ArrayAddress

    @property
    def shape(self) -> Shape:
        """Pixels on each axis."""
        return self.facts.shape

    @property
    def chunks(self) -> Shape:
        """Pixels of a chunk on each axis."""
        return self.facts.chunks

    @property
    def shards(self) -> Shape | None:
        """Pixels of a shard on each axis; None where chunks are not in shards."""
        return self.facts.shards

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixels' dtype, in the byte order in which they are stored."""
        return self.facts.dtype.to_numpy()

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels before compression."""
        return self.facts.nbytes

    @functools.cached_property
    def stored_bytes(self) -> int | None:
        """Bytes of its files; None where they are not on local disk, or too many."""
        return self.address.stored_bytes()

    @property
    def codecs(self) -> list[dict[str, Any]]:
        """The codecs as in the array's metadata, in the order in which they encode."""
        return [dict(codec) for codec in self.facts.codecs]

    @functools.cached_property
    def zarr(self) -> Array[Any]:
        """The Zarr array."""
        return self.address.open()

    @property
    def data(self) -> dask.array.Array:
        """The pixels as a lazy Dask array.

        A block is made of whole shards, or of whole chunks where chunks are not in shards, up to about 32 MiB. Dask
        reads only the chunks that are asked for, not the whole block.
        """
        import dask.array  # noqa: PLC0415  (it takes a second, and metadata needs none of it)

        from pyramid.image.lazy_pixels import LazyPixels, block_shape  # noqa: PLC0415  (NumPy, as above)

        reader = self.address.reader()
        blocks = block_shape(self.shape, self.shards or self.chunks, self.facts.dtype.itemsize)
        if reader is None and self.address.node.zarr_format == "n5":
            raise SourceError(f"{self.address.location}/{self.path} has a compression that is not known here")
        if reader is None:
            return dask.array.from_zarr(self.zarr, chunks=blocks)
        return dask.array.from_array(LazyPixels(reader), blocks, name=False, asarray=False)

    def read(self, index: tuple[int | slice | Sequence[int], ...]) -> NDArray[Any]:
        """Read the pixels of an index, with one entry for each axis and one list at most."""
        import numpy as np  # noqa: PLC0415  (metadata needs none of it)

        from pyramid.image.lazy_pixels import LazyPixels  # noqa: PLC0415  (NumPy, as above)

        reader = self.address.reader()
        if reader is None:
            return np.asarray(self.data[index].compute(scheduler="synchronous"))
        return LazyPixels(reader)[index]

    def __repr__(self) -> str:
        """Return its path, shape and dtype."""
        return f"<Level {self.path!r}: {format_shape(self.shape)} {self.facts.dtype}>"
