"""The axis of each of a source's dimensions, and regions in terms of both.

Axes are letters of ``tczyx``, in that order.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.model import AXES, Box, Shape
from pyramid.ngff.axis_names import axis_letter

logger = logging.getLogger(__name__)

# The most pixels of an image: an exbibyte even at one byte a pixel, so that a file that claims more is damaged.
MAX_PX = 2**60
# The most channels of an image: more than any detector has, so that a file that claims more is damaged or misread.
MAX_CHANNELS = 100_000
# The axes of an array without names, by its number of dimensions: the most common reading of each.
DEFAULT_AXES = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}
COLOR_SAMPLES = (3, 4)  # of a pixel: red, green and blue, and alpha
# Remedies of errors, which several readers share.
AXES_REMEDY = 'say which axis is which, as axes="czyx"'
_DTYPE_REMEDIES = {  # by the dtype's kind
    "c": "convert complex numbers first, to their magnitude or to two channels",
    "f": "convert them first, as array.astype('float64')",
    "V": "give one of its fields, as array['NAME']",
    "O": "convert them first, as array.astype('float64')",
}
FILL_REMEDY = "fill it first, as array.filled(0), or dask.array.ma.filled(array, 0) for a Dask array"


@dataclass(frozen=True, slots=True)
class AxisOrder:
    """The axis of each of a source's dimensions, with their shape.

    Parameters
    ----------
    letters
        The axis of each of the source's dimensions, in the source's order. It is empty for a dimension of one pixel
        that is left out. Two dimensions may be ``c``: together they are one axis, and the first is the slower one.
    shape
        Pixels on each of the source's dimensions.

    Examples
    --------
    >>> order = AxisOrder(("y", "x", "c"), (5, 6, 3))
    >>> order.axes, order.axes_shape
    ('cyx', (3, 5, 6))
    """

    letters: tuple[str, ...]
    shape: Shape

    @property
    def axes(self) -> str:
        """Letters of ``tczyx``, in that order."""
        return "".join(axis for axis in AXES if axis in self.letters)

    @property
    def axes_shape(self) -> Shape:
        """Pixels on each of `axes`."""
        return self.by_axis(self.shape)

    def by_axis(self, values: Sequence[int]) -> Shape:
        """Return for each of `axes` the product of the values of its dimensions."""
        return tuple(
            math.prod(v for v, letter in zip(values, self.letters, strict=True) if letter == axis) for axis in self.axes
        )

    def pieces(self, box: Box, out: NDArray[Any]) -> Iterator[tuple[Box, NDArray[Any]]]:
        """Split a box on `axes` into boxes on the source's dimensions.

        Yields
        ------
        tuple
            A box, and the view of `out` that it fills, both in the order of the source's dimensions.
        """
        if self.letters.count("c") < 2:
            yield self._piece(box, out, None)
            return
        c = self.axes.index("c")
        inner = self.shape[len(self.letters) - 1 - self.letters[::-1].index("c")]
        start, stop = box.start[c], box.stop[c]
        for outer in range(start // inner, -(-stop // inner)):
            low, high = max(start, outer * inner), min(stop, (outer + 1) * inner)
            part = Box(_put(box.start, c, low - outer * inner), _put(box.shape, c, high - low))
            yield self._piece(part, out[(slice(None),) * c + (slice(low - start, high - start),)], outer)

    def _piece(self, box: Box, out: NDArray[Any], outer: int | None) -> tuple[Box, NDArray[Any]]:
        axes = self.axes
        slower = self.letters.index("c") if outer is not None else -1
        start, shape, order = [], [], []
        view: list[slice | None] = []
        for dimension, letter in enumerate(self.letters):
            if not letter or dimension == slower:
                start.append(outer if letter and outer is not None else 0)
                shape.append(1)
                view.append(None)
                continue
            axis = axes.index(letter)
            start.append(box.start[axis])
            shape.append(box.shape[axis])
            order.append(axis)
            view.append(slice(None))
        return Box(tuple(start), tuple(shape)), out.transpose(order)[tuple(view)]


def _put(values: Shape, index: int, value: int) -> Shape:
    return (*values[:index], value, *values[index + 1 :])


def array_order(shape: Shape, axes: str | None, names: Sequence[object] = ()) -> AxisOrder:
    """Return the axis of each dimension of an array.

    The user's letters come first, then the names of the dimensions, then the default for their number.

    Parameters
    ----------
    shape
        Pixels on each dimension.
    axes
        The user's letters of ``tczyx``, in the array's order; None if the user gives none.
    names
        Names of the dimensions, letters or words; empty, or None for each, if they have none.

    Raises
    ------
    OptionError
        If the number of `axes` is not that of the dimensions.
    SourceError
        For fewer than two dimensions or more than five, and for an empty one. Also for names that do not say which axis
        each dimension is.
    """
    if not 2 <= len(shape) <= 5:
        dimensions = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        raise SourceError(f"an array of shape {shape} has {dimensions}; an image has 2 to 5: select or reshape it")
    if axes and len(axes) != len(shape):
        raise OptionError(
            f'axes="{axes}" names {len(axes)} axes, but the array of shape {shape} has {len(shape)}; name each once'
        )
    named = None if axes else _named_letters(names, len(shape))
    letters = tuple(axes or named or DEFAULT_AXES[len(shape)])
    reason = "as given" if axes else "by the names of the dimensions" if named else "the usual ones, as none are named"
    logger.info("axes: %s, %s", "".join(letters), reason)
    check_extent("".join(letters), shape)
    return AxisOrder(letters, shape)


def doubtful_axes(shape: Shape, axes: str | None, names: Sequence[object] = ()) -> tuple[str, ...]:
    """Return a notice if an array may hold colours along its last axis.

    It is given if nothing names the axes, and the last has the length of a pixel's colours.

    Examples
    --------
    >>> doubtful_axes((64, 64, 3), "yxc"), doubtful_axes((64, 64, 64), None), doubtful_axes((3, 64, 64), None)
    ((), (), ())
    >>> len(doubtful_axes((64, 64, 3), None))
    1
    """
    named = any(name is not None and name != "" for name in names)
    if axes or named or len(shape) < 3 or shape[-1] not in COLOR_SAMPLES or min(shape[-3:-1]) <= max(COLOR_SAMPLES):
        return ()
    taken = DEFAULT_AXES[len(shape)]
    colors = f"{DEFAULT_AXES[len(shape) - 1].replace('c', 't')}c"
    return (
        f"the array of shape {shape} does not say which axis is which; it is taken as {taken}, with rows of "
        f'{shape[-1]} pixels: if these are colours, say so with axes="{colors}"',
    )


def _named_letters(names: Sequence[object], dimensions: int) -> tuple[str, ...] | None:
    """Return the axes that names of dimensions mean; None if none has a name."""
    if all(name is None or name == "" for name in names):
        return None
    letters = tuple(letter for letter in map(axis_letter, names) if letter is not None)
    if len(letters) < len(names) or len(names) != dimensions:
        reason = "do not say which axis each dimension is"
    elif len(set(letters)) < len(letters):
        reason = f"mean the axes {''.join(letters)}, one of them twice"
    elif not {"y", "x"} <= set(letters):
        reason = f"mean the axes {''.join(letters)}, which lack y or x"
    else:
        return letters
    raise SourceError(
        f"the names of the array's {dimensions} dimensions, {short_repr(list(names))}, {reason}; {AXES_REMEDY}"
    )


def check_extent(axes: str, shape: Shape) -> None:
    """Raise SourceError if an axis is empty, or pixels or channels are too many."""
    if 0 in shape:
        raise SourceError(f"the image ({axes}, shape {shape}) has an axis with no pixels; there is nothing to convert")
    if math.prod(shape) > MAX_PX:
        raise SourceError(
            f"the image ({axes}) has the shape {short_repr(shape)}: more pixels than any image has; the file or the "
            "shape is wrong"
        )
    channels = math.prod(n for n, axis in zip(shape, axes, strict=True) if axis == "c")
    if channels > MAX_CHANNELS:
        raise SourceError(
            f"the image ({axes}, shape {shape}) has {channels} channels, and the most is {MAX_CHANNELS}; {AXES_REMEDY}"
        )


def check_dtype(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype of pixels, in native byte order.

    Raises
    ------
    SourceError
        For a dtype that OME-Zarr does not hold.

    Examples
    --------
    >>> check_dtype(np.dtype(">u2"))
    'uint16'
    """
    known = dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize <= 8)
    if not known:
        remedy = _DTYPE_REMEDIES.get(dtype.kind, "give an array of numbers")
        raise SourceError(
            f"pixels of dtype {dtype} have no place in OME-Zarr, which holds booleans, integers and floats "
            f"of 16 to 64 bits; {remedy}"
        )
    return dtype.newbyteorder("=").name
