"""The storage of a dataset of an HDF5 file, and the check that it can be read."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError, list_some, short_repr
from pyramid.model import Shape
from pyramid.readers.axes import MAX_PX
from pyramid.readers.files.raw_array import FlatArray
from pyramid.readers.hdf5.filters import NAMES, Filter, can_decode
from pyramid.readers.hdf5.library import load_h5py
from pyramid.readers.hdf5.links import Place, find_place, neighbour

# The most chunks whose places a process keeps, at 16 bytes each. The library finds the chunks of larger arrays.
MAX_CHUNKS = 1 << 23
MAX_SOURCES = 10_000  # parts of a virtual dataset that are looked at
MISSING = np.iinfo(np.uint64).max  # the offset of a chunk that was not written
MAX_LISTED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """The chunks of a dataset.

    They have a shape, filters, places, and a value where none was written.
    `offsets`, `sizes` and `skipped` are arrays over the grid of chunks.
    """

    shape: Shape
    filters: tuple[Filter, ...]
    fill_value: Any
    offsets: NDArray[np.uint64] = field(repr=False)
    sizes: NDArray[np.uint32] = field(repr=False)
    skipped: NDArray[np.uint32] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class StoredDataset:
    """A dataset that can be read.

    Parameters
    ----------
    place
        Its file and its path in it.
    shape, chunks
        Pixels on each dimension, and those that are decoded at once; 1 on each dimension that can be cut anywhere.
    dtype
        The dtype of its pixels, with the byte order of the file.
    layout
        How its bytes are read without the library: as one run, or as chunks; None if only the library can read them.
    """

    place: Place
    shape: Shape
    chunks: Shape
    dtype: np.dtype[Any]
    layout: FlatArray | Chunks | None


def find_dataset(place: Place) -> StoredDataset:
    """Return the dataset at a place, and how it is stored.

    Raises
    ------
    SourceError
        If it holds no numbers, or needs a filter that is not there, or its pixels are outside the folder of the file.
    """
    dataset = place.read()
    dtype = _pixel_dtype(place, dataset)
    if dataset.shape is None:
        raise SourceError(f"{place} is an empty dataset, without a shape; there is nothing to convert")
    if math.prod(dataset.shape) > MAX_PX:
        raise SourceError(f"{place} has the shape {short_repr(dataset.shape)}: more pixels than any image has")
    _check_sources(place, dataset, depth=0)
    shape = tuple(map(int, dataset.shape))
    chunks = tuple(map(int, dataset.chunks or (1,) * len(shape)))
    return StoredDataset(place, shape, chunks, dtype, _layout(place, dataset, dtype))


def is_image(dataset: Any) -> bool:  # noqa: ANN401  (h5py is not typed)
    """Return whether a dataset may be an image: numbers, and two dimensions or more."""
    shape = dataset.shape
    return shape is not None and len(shape) >= 2 and min(shape) > 0 and dataset.dtype.kind in "biufc"


def _pixel_dtype(place: Place, dataset: Any) -> np.dtype[Any]:  # noqa: ANN401
    h5py = load_h5py(place.file)
    try:
        dtype: np.dtype[Any] = dataset.dtype
    except Exception as error:
        raise SourceError(f"{place} holds a type that cannot be read: {error}; give another array") from error
    kind = None
    if h5py.check_string_dtype(dtype) is not None or dtype.kind in "SU":
        kind = "text"
    elif h5py.check_ref_dtype(dtype) is not None:
        kind = "references to other objects"
    elif h5py.check_vlen_dtype(dtype) is not None:
        kind = "rows of different lengths (vlen)"
    elif dtype.kind == "V" and dtype.names:
        kind = f"a compound of {list_some([repr(name) for name in dtype.names], MAX_LISTED)}"
    elif dtype.kind in "OVmM":
        kind = f"the type {dtype}"
    if kind is not None:
        raise SourceError(f"{place} holds {kind}, not pixels; name another array, or store numbers")
    return dtype


def _layout(place: Place, dataset: Any, dtype: np.dtype[Any]) -> FlatArray | Chunks | None:  # noqa: ANN401
    h5py, identity = load_h5py(place.file), dataset.id
    plist = identity.get_create_plist()
    filters = tuple(
        Filter(int(found[0]), tuple(found[2])) for found in map(plist.get_filter, range(plist.get_nfilters()))
    )
    known = can_decode(filters)
    if not known:
        _check_filters(place, filters)
    # Integers of fewer bits than their bytes have, and addresses behind a block of the user's, are left to the library.
    plain = identity.get_type().equal(h5py.h5t.py_create(dtype, logical=True)) and not dataset.file.userblock_size
    if not plain or not known or dataset.is_virtual or dataset.external:
        return None
    kind = plist.get_layout()
    if kind == h5py.h5d.CONTIGUOUS:
        offset = identity.get_offset()
        return None if offset is None else FlatArray(int(offset), tuple(map(int, dataset.shape)), dtype)
    return _chunks(dataset, filters) if kind == h5py.h5d.CHUNKED else None


def _chunks(dataset: Any, filters: tuple[Filter, ...]) -> Chunks | None:  # noqa: ANN401
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    if math.prod(grid) > MAX_CHUNKS or not hasattr(dataset.id, "chunk_iter"):
        return None
    offsets = np.full(grid, MISSING, np.uint64)
    sizes, skipped = np.zeros(grid, np.uint32), np.zeros(grid, np.uint32)

    def keep(info: Any) -> None:  # noqa: ANN401
        index = tuple(start // edge for start, edge in zip(info.chunk_offset, dataset.chunks, strict=True))
        if info.byte_offset is not None and all(i < n for i, n in zip(index, grid, strict=True)):
            offsets[index], sizes[index], skipped[index] = info.byte_offset, info.size, info.filter_mask

    dataset.id.chunk_iter(keep)
    return Chunks(tuple(map(int, dataset.chunks)), filters, dataset.fillvalue, offsets, sizes, skipped)


def _check_filters(place: Place, filters: tuple[Filter, ...]) -> None:
    """Raise SourceError if the library lacks a filter."""
    h5py = load_h5py(place.file)
    with suppress(ImportError):
        import hdf5plugin  # noqa: F401, PLC0415  (an optional library, which registers its filters)
    for each in filters:
        if not h5py.h5z.filter_avail(each.number):
            name = NAMES.get(each.number, "not in the table of known ones")
            raise SourceError(
                f"{place} is compressed by the HDF5 filter {each.number} ({name}), which is not installed; "
                "pip install hdf5plugin brings many filters"
            )


def _check_sources(place: Place, dataset: Any, depth: int) -> None:  # noqa: ANN401
    """Raise SourceError if pixels are outside of the file's folder, or missing.

    HDF5 itself opens such files wherever they are, and fills in for those that are missing.
    """
    if dataset.external:
        names = [str(name) for name, _, _ in dataset.external[:MAX_LISTED]]
        raise SourceError(
            f"{place} keeps its pixels in another file, {list_some(list(map(repr, names)), MAX_LISTED)}, which is not "
            "read; store them in the file with h5repack -l CONTI"
        )
    if not dataset.is_virtual:
        return
    sources = dataset.virtual_sources()
    if len(sources) > MAX_SOURCES or depth > 2:
        raise SourceError(f"{place} is a virtual dataset of more than {MAX_SOURCES} parts; copy it into one array")
    for name, path in dict.fromkeys((str(each.file_name), str(each.dset_name)) for each in sources):
        if "%" in name or "%" in path:
            raise SourceError(
                f"{place} is a virtual dataset whose parts are named by the pattern {short_repr(name + path)}; copy it "
                "into one array"
            )
        file = place.file if name == "." else neighbour(place.file, name, "a part of a virtual dataset")
        part = find_place(file, path)
        if hasattr(part.read(), "is_virtual"):
            _check_sources(part, part.read(), depth + 1)
