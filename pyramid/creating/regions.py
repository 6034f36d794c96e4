"""Regions of an image as Python writes them, and the arrays that go there.

A key is the index in ``target[...]``: integers, slices of step 1 and an ellipsis, in the order of the user's axes.
An array fits a region as NumPy has it: it may be of fewer dimensions, and an axis of one pixel is repeated.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError, short_repr
from pyramid.model import Box, Shape

KEYS = "give an index, a slice of step 1, or an ellipsis for each axis, as target[0, :, 512:1024]"


@dataclass(frozen=True, slots=True)
class Region:
    """A region in the order of the user's axes.

    Parameters
    ----------
    box
        Its pixels.
    kept
        Whether each axis is a dimension of the array that goes there: an integer takes an axis away.
    """

    box: Box
    kept: tuple[bool, ...]

    @property
    def array_shape(self) -> Shape:
        """Shape of the array that goes there."""
        return tuple(n for n, kept in zip(self.box.shape, self.kept, strict=True) if kept)


def parse_region(key: object, axes: str, shape: Sequence[int | None]) -> Region:
    """Return the region that a key names.

    Parameters
    ----------
    key
        The index in the brackets.
    axes, shape
        The axes and their pixels; None for an axis whose length is not known.

    Raises
    ------
    OptionError
        If it is not such a key, or goes beyond the image.

    Examples
    --------
    >>> parse_region((2, ..., slice(-3, None)), "tyx", (5, 8, 9))
    Region(box=Box(start=(2, 0, 6), shape=(1, 8, 3)), kept=(False, True, True))
    """
    parts = _one_an_axis(key if isinstance(key, tuple) else (key,), axes)
    spans = [_span(part, axis, length) for part, axis, length in zip(parts, axes, shape, strict=True)]
    box = Box(tuple(start for start, _ in spans), tuple(stop - start for start, stop in spans))
    return Region(box, tuple(isinstance(part, slice) for part in parts))


def _one_an_axis(parts: tuple[object, ...], axes: str) -> list[object]:
    """Return a part of the key for each axis."""
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    given = len(parts) - len(dots)
    if len(dots) > 1 or given > len(axes):
        raise OptionError(f"target[{_shown(parts)}] does not fit the axes {axes}; {KEYS}")
    place = dots[0] if dots else given
    rest = [slice(None)] * (len(axes) - given)
    return [*parts[:place], *rest, *parts[place + len(dots) :]]


def _span(part: object, axis: str, length: int | None) -> tuple[int, int]:
    """Return the first pixel of a part of a key, and the one after its last."""
    if isinstance(part, slice):
        if part.step not in (None, 1):
            raise OptionError(f"a region has no step, and {axis} has {short_repr(part)}; {KEYS}")
        start = 0 if part.start is None else _pixel(part.start, axis, length)
        stop = length if part.stop is None else _pixel(part.stop, axis, length)
        if stop is None:
            raise OptionError(f"the length of {axis} is not known yet; give the end of the region on {axis}")
        stop = max(start, stop)
    else:
        start = _pixel(part, axis, length)
        stop = start + 1
    if start < 0 or (length is not None and stop > length):
        raise OptionError(
            f"{show_span(axis, start, stop)} is beyond the image, which has {length} pixels on {axis}; give a region "
            "within it"
        )
    return start, stop


def _pixel(value: object, axis: str, length: int | None) -> int:
    """Return an index as a number, counted from the end where it is negative."""
    if isinstance(value, bool | np.bool_):
        raise OptionError(f"{axis} has {value!r}, which is not an index; {KEYS}")
    try:
        pixel = operator.index(value)  # type: ignore[arg-type]  # it raises TypeError for anything else
    except TypeError:
        raise OptionError(f"{axis} has {short_repr(value)}, which is not an index; {KEYS}") from None
    if pixel < 0 and length is None:
        raise OptionError(f"the length of {axis} is not known yet, so {pixel} has no meaning; count {axis} from 0")
    return pixel if pixel >= 0 or length is None else pixel + length


def _shown(parts: tuple[object, ...]) -> str:
    return ", ".join("..." if part is Ellipsis else short_repr(part) for part in parts)


def show_span(axis: str, start: int, stop: int) -> str:
    """Return a part of an axis as ``--select`` has it.

    Examples
    --------
    >>> show_span("t", 3, 4), show_span("y", 0, 512)
    ('t=3', 'y=0:512')
    """
    return f"{axis}={start}" if stop == start + 1 else f"{axis}={start}:{stop}"


def show_box(axes: str, box: Box) -> str:
    """Return a region in words.

    Examples
    --------
    >>> show_box("tyx", Box((3, 0, 0), (1, 512, 512)))
    't=3,y=0:512,x=0:512'
    """
    return ",".join(map(show_span, axes, box.start, box.stop))


def fit_array(value: object, region: Region, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the pixels of a region: a view of `value`, which may be of another dtype.

    Parameters
    ----------
    value
        An array, what NumPy makes one of, or a number.
    region, dtype
        The region, and the dtype of the image.

    Raises
    ------
    OptionError
        If it does not have the shape, or might lose values.

    Examples
    --------
    >>> region = parse_region((0, slice(0, 2)), "cyx", (2, 4, 3))
    >>> fit_array(np.arange(3, dtype="uint8"), region, np.dtype("uint16")).shape
    (1, 2, 3)
    """
    array = _as_array(value, dtype)
    wanted = region.array_shape
    extra = max(0, array.ndim - len(wanted))
    if any(n != 1 for n in array.shape[:extra]):
        raise _of_other_shape(array.shape, wanted)
    try:
        fitted = np.broadcast_to(array.reshape(array.shape[extra:]), wanted)
    except ValueError:
        raise _of_other_shape(array.shape, wanted) from None
    return fitted[tuple(slice(None) if kept else None for kept in region.kept)]


def _of_other_shape(shape: Shape, wanted: Shape) -> OptionError:
    return OptionError(
        f"the array has the shape {shape}, and the region {wanted}; give an array of that shape, or one that NumPy "
        "repeats to it"
    )


def _as_array(value: object, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array whose values the dtype holds."""
    if isinstance(value, np.ma.MaskedArray):
        raise OptionError("a masked array would lose its mask; fill it first, as array.filled(0)")
    if hasattr(value, "__dask_graph__"):
        raise OptionError(
            "a Dask array is not written by one assignment; give dask.array.store(array, target, lock=False), or the "
            "array to pyramid.convert"
        )
    if isinstance(value, bool | int | float):
        return _number(value, dtype)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise OptionError(f"{short_repr(value)} is not an array: {error}; give an array of numbers") from error
    if not np.can_cast(array.dtype, dtype, "safe"):
        raise OptionError(
            f"the array has the dtype {array.dtype}, and the image {dtype}, which does not hold all its values; "
            f"convert it first, as array.astype({str(dtype)!r})"
        )
    return array


def _number(value: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a number of Python, which has no dtype of its own, as an array."""
    if dtype.kind in "iu" and isinstance(value, int):
        least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        fits = least <= value <= most
    else:
        fits = dtype.kind == "f" or isinstance(value, bool)
    if not fits:
        raise OptionError(f"{short_repr(value)} is not a value of {dtype}; give one that the image can hold")
    return np.asarray(value, dtype)


def objects_of(box: Box, object_shape: Shape, shape: Shape) -> Iterator[tuple[Shape, Box]]:
    """Yield index and region of each object that a region touches, cut to the level.

    Examples
    --------
    >>> [(index, found.slices) for index, found in objects_of(Box((3,), (3,)), (4,), (6,))]
    [((0,), (slice(0, 4, None),)), ((1,), (slice(4, 6, None),))]
    """
    for index in box.grid_positions(object_shape):
        yield index, object_box(index, object_shape, shape)


def object_box(index: Shape, object_shape: Shape, shape: Shape) -> Box:
    """Return the region of an object by its index, cut to the level."""
    start = tuple(i * n for i, n in zip(index, object_shape, strict=True))
    return Box(start, tuple(min(n, end - a) for a, n, end in zip(start, object_shape, shape, strict=True)))


def show_aligned(axes: str, object_shape: Shape, shape: Shape) -> str:
    """Return the steps in which regions are whole objects.

    Examples
    --------
    >>> show_aligned("tyx", (1, 512, 512), (9, 600, 300))
    'y by 512, x by 300'
    """
    edges = [min(n, end) for n, end in zip(object_shape, shape, strict=True)]
    return ", ".join(f"{axis} by {edge}" for axis, edge in zip(axes, edges, strict=True) if edge > 1) or "each pixel"
