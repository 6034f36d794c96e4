"""NumPy arrays, and ``.npy`` files read by region without being loaded or mapped."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Shape, SourceSpec
from pyramid.readers.axes import AxisOrder, array_order, check_dtype
from pyramid.readers.flat import FlatArray, flat_spans, read_flat
from pyramid.readers.paths import is_url, local_path, stem
from pyramid.readers.places import Place, local_file
from pyramid.readers.remote import remote_file
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.options import Options


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """An array in memory, with axes in canonical order; pickling it pickles the array."""

    spec: SourceSpec
    array: NDArray[Any]

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Copy the pixels of `box`, in native byte order."""
        out[...] = self.array[box.slices]


@dataclass(frozen=True, slots=True)
class NpySource:
    """An array in a ``.npy`` file.

    Parameters
    ----------
    spec
        What is known before a pixel is read.
    place, offset
        The file as it was when it was opened, and where in it the pixels begin (bytes).
    dtype
        Of the pixels in the file, as NumPy writes it, with its byte order.
    order
        How the file's dimensions, the fastest last, stand for axes.
    """

    spec: SourceSpec
    place: Place
    offset: int
    dtype: str
    order: AxisOrder

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`; raise SourceError where the file ends before them."""
        array = FlatArray(self.offset, self.order.shape, np.dtype(self.dtype))
        pieces = list(self.order.pieces(box, out))
        spans = (span for part, view in pieces for span in flat_spans(array, part.start, view))
        try:
            with self.place.reading(spans) as files:
                for part, view in pieces:
                    read_flat(files[str(self.place)], array, part.start, view)
        except SourceError:
            raise
        except (OSError, EOFError) as error:
            raise SourceError(f"{self.place} cannot be read: {error}; copy it again from where it came from") from error


def open_array(source: object, options: Options) -> ArraySource | NpySource | None:
    """Open a NumPy array or a ``.npy`` file of this machine or at a URL; None for anything else.

    Raises
    ------
    SourceError
        For a file that is cut short or holds Python objects, and for arrays that are no image.
    """
    if isinstance(source, np.ndarray):
        return _open_ndarray(source, options.axes)
    place = _npy_file(source, options)
    return None if place is None else _open_npy(place, options.axes)


def _npy_file(source: object, options: Options) -> Place | None:
    path = local_path(source)
    if path is not None:
        return local_file(path) if path.is_file() and path.suffix == ".npy" else None
    if not is_url(source) or not locate(str(source)).path.endswith(".npy"):
        return None
    place = remote_file(str(source), options)
    if place is None:
        raise SourceError(f"there is no file {locate(str(source))}; check the spelling")
    return place


def _open_ndarray(array: NDArray[Any], axes: str | None) -> ArraySource:
    if isinstance(array, np.ma.MaskedArray):
        raise SourceError("a masked array would lose its mask; fill it first, as array.filled(0)")
    dtype = check_dtype(array.dtype)
    order = array_order(array.shape, axes)
    spec = _spec(order, dtype, "image", None)
    whole = np.asarray(array)
    canonical = whole.transpose([order.letters.index(axis) for axis in order.axes])
    return ArraySource(spec, canonical)


def _open_npy(place: Place, axes: str | None) -> NpySource:
    with place.open() as file:
        try:
            shape, in_fortran, stored = _header(file)
            offset, size_bytes = file.tell(), file.seek(0, io.SEEK_END)
            if stored.hasobject:
                raise ValueError("it holds Python objects")
            if offset + math.prod(shape) * stored.itemsize > size_bytes:
                raise ValueError(f"its pixels go past its end at byte {size_bytes}")
        except SourceError:
            raise
        except (ValueError, OSError, EOFError) as error:
            raise SourceError(
                f"{place} cannot be read as .npy: {error}; it is damaged, or holds no plain array"
            ) from error
    dtype = check_dtype(stored)
    order = array_order(shape, axes)
    spec = replace(_spec(order, dtype, stem(PurePath(place.name)), str(place)), notices=place.notices)
    if in_fortran:  # the first dimension is the fastest
        order = AxisOrder(order.letters[::-1], order.shape[::-1])
    return NpySource(spec, place, offset, stored.str, order)


def _header(file: io.RawIOBase) -> tuple[Shape, bool, np.dtype[Any]]:
    """What the header of a ``.npy`` file says: shape, whether it is in Fortran's order, dtype."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its version {version[0]}.{version[1]} is for arrays with named fields")
    return readers[version](file)


def _spec(order: AxisOrder, dtype: str, name: str, location: str | None) -> SourceSpec:
    shape: Shape = order.axes_shape
    nothing = (None,) * len(shape)
    return SourceSpec(order.axes, shape, dtype, (1,) * len(shape), nothing, nothing, name, location=location)
