"""NumPy arrays, and ``.npy`` files read by region without being loaded or mapped."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Shape, SourceSpec
from pyramid.readers.axes import AxisOrder, array_order, check_dtype
from pyramid.readers.flat import FlatArray, read_flat
from pyramid.readers.paths import local_path, stem

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
    path, offset
        The file, and where in it the pixels begin (bytes).
    dtype
        Of the pixels in the file, as NumPy writes it, with its byte order.
    order
        How the file's dimensions, the fastest last, stand for axes.
    """

    spec: SourceSpec
    path: str
    offset: int
    dtype: str
    order: AxisOrder

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`; raise SourceError where the file ends before them."""
        array = FlatArray(self.offset, self.order.shape, np.dtype(self.dtype))
        try:
            with io.FileIO(self.path) as file:
                for part, view in self.order.pieces(box, out):
                    read_flat(file, array, part.start, view)
        except (OSError, EOFError) as error:
            raise SourceError(f"{self.path} cannot be read: {error}; copy it again from where it came from") from error


def open_array(source: object, options: Options) -> ArraySource | NpySource | None:
    """Open a NumPy array or a ``.npy`` file; None for anything else.

    Raises
    ------
    SourceError
        For a file that is cut short or holds Python objects, and for arrays that are no image.
    """
    if isinstance(source, np.ndarray):
        return _open_ndarray(source, options.axes)
    path = local_path(source)
    if path is None or not path.is_file() or path.suffix != ".npy":
        return None
    return _open_npy(path, options.axes)


def _open_ndarray(array: NDArray[Any], axes: str | None) -> ArraySource:
    if isinstance(array, np.ma.MaskedArray):
        raise SourceError("a masked array would lose its mask; fill it first, as array.filled(0)")
    dtype = check_dtype(array.dtype)
    order = array_order(array.shape, axes)
    spec = _spec(order, dtype, "image", None)
    whole = np.asarray(array)
    canonical = whole.transpose([order.letters.index(axis) for axis in order.axes])
    return ArraySource(spec, canonical)


def _open_npy(path: Path, axes: str | None) -> NpySource:
    try:
        mapped = np.lib.format.open_memmap(os.fspath(path), mode="r")  # parses the header; the map is let go at once
    except (ValueError, OSError, EOFError) as error:
        raise SourceError(f"{path} cannot be read as .npy: {error}; it is damaged, or holds no plain array") from error
    dtype = check_dtype(mapped.dtype)
    order = array_order(mapped.shape, axes)
    spec = _spec(order, dtype, stem(path), str(path))
    if not mapped.flags.c_contiguous:  # in Fortran's order: the first dimension is the fastest
        order = AxisOrder(order.letters[::-1], order.shape[::-1])
    return NpySource(spec, str(path), int(mapped.offset), mapped.dtype.str, order)


def _spec(order: AxisOrder, dtype: str, name: str, location: str | None) -> SourceSpec:
    shape: Shape = order.axes_shape
    nothing = (None,) * len(shape)
    return SourceSpec(order.axes, shape, dtype, (1,) * len(shape), nothing, nothing, name, location=location)
