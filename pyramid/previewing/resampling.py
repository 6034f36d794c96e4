"""A plane at another size: the mean over areas, or repeated pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pixels that are turned into float64 at a time: 32 MiB, whatever the plane's size.
BAND_PX = 2**22


def resample(plane: NDArray[Any], shape: tuple[int, int], *, nearest: bool = False) -> NDArray[Any]:
    """Return a plane at another size.

    On an axis that becomes shorter, a pixel is the mean of the pixels that it covers, each by its covered part. On one
    that becomes longer, or with `nearest`, it is the pixel at its centre.

    Parameters
    ----------
    plane
        (y, x), of any dtype of numbers.
    shape
        Height and width of the result, in pixels.
    nearest
        Whether no mean is taken, as for labels.

    Returns
    -------
    numpy.ndarray
        (y, x), float64 where an axis became shorter, else of the plane's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.array([[1, 2, 3], [1, 2, 3]]), (1, 2)).round(6).tolist()
    [[1.333333, 2.666667]]
    >>> resample(np.array([[1, 2]]), (1, 4)).tolist()
    [[1, 1, 2, 2]]
    """
    shorter = (min(shape[0], plane.shape[0]), min(shape[1], plane.shape[1]))
    if shorter != plane.shape and not nearest:
        plane = _shrink(plane, shorter)
    for axis in (0, 1):
        if shape[axis] != plane.shape[axis]:
            centres = (2 * np.arange(shape[axis]) + 1) * plane.shape[axis] // (2 * shape[axis])
            plane = plane.take(centres, axis)
    return plane


def _shrink(plane: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Average a plane over areas, some rows at a time."""
    (tall, wide), (height, width) = plane.shape, shape
    out = np.empty(shape)
    rows = max(1, BAND_PX // wide * height // tall)
    with np.errstate(all="ignore"):  # sums of the largest floats are infinite
        for first in range(0, height, rows):
            last = min(first + rows, height)
            top = first * tall // height
            part = plane[top : -(-last * tall // height)].astype(np.float64)
            across = _average(part, np.arange(width + 1) * wide, width, 1)
            out[first:last] = _average(across, np.arange(first, last + 1) * tall - top * height, height, 0)
    return out


def _average(pixels: NDArray[np.float64], edges: NDArray[np.int64], count: int, axis: int) -> NDArray[np.float64]:
    """Return the mean of the pixels between edges.

    Edges are in parts of 1 / `count` of a pixel, and at least a pixel apart. A pixel that an edge cuts counts by
    its part.
    """
    whole, rest = np.divmod(edges, count)
    if count == pixels.shape[axis] and not rest.any():
        return pixels
    shape = (-1, 1) if axis == 0 else (1, -1)
    sums = np.add.reduceat(pixels.take(np.arange(whole[-1]), axis), whole[:-1], axis)
    last = pixels.shape[axis] - 1
    is_clear = np.isfinite(sums).all()  # what an edge cuts off is taken from the sum, and infinity cannot be
    for at, part in ((whole[:-1], -rest[:-1]), (whole[1:], rest[1:])):
        cut = part != 0  # a pixel without a part must not count at all, as it may be NaN
        index = (cut, slice(None)) if axis == 0 else (slice(None), cut)
        sums[index] += pixels.take(np.minimum(at[cut], last), axis) * (part[cut] / count).reshape(shape)
    if not is_clear:
        sums = _with_infinities(sums, pixels, whole[:-1], whole[1:] + (rest[1:] > 0), axis)
    span: float = (edges[1] - edges[0]) / count
    return np.asarray(sums / (span if math.isfinite(span) else 1.0))


def _with_infinities(
    sums: NDArray[np.float64], pixels: NDArray[np.float64], first: NDArray[np.int64], stop: NDArray[np.int64], axis: int
) -> NDArray[np.float64]:
    """Return sums from `first` to `stop`, infinite or NaN where a pixel makes them so."""

    def has(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        total = np.insert(found.cumsum(axis), 0, 0, axis)
        return np.asarray(total.take(stop, axis) > total.take(first, axis))

    high, low, none = has(np.isposinf(pixels)), has(np.isneginf(pixels)), has(np.isnan(pixels))
    sums = np.where(high, np.inf, np.where(low, -np.inf, sums))
    return np.where(none | (high & low), np.nan, sums)
