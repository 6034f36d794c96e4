"""The mean of a window.

Integers are rounded half to even. Floats are summed in C order in their own dtype. Where that sum overflows and no
pixel is infinite, the mean is computed from pixels that are made smaller by a power of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.model import MAX_WINDOW_PX
from pyramid.reduce.views import pixels_of
from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bits of the lower half of a pixel of 64 bits: sums of halves of 32 bits cannot overflow.
LOW_BITS = 32
LOW_MASK = np.uint64(2**LOW_BITS - 1)
# Factor that makes pixels smaller: with it, the sum of a whole window of the largest floats does not overflow.
SMALL = 1 / MAX_WINDOW_PX


def _mean(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    """Choose the narrowest numbers that are exact, as NumPy is quicker with them."""
    if out.dtype.kind == "f":
        with np.errstate(all="ignore"):
            _mean_floats(pixels_of(rows, width), out)
        return
    limits, count = np.iinfo(out.dtype), len(rows) * width
    # A sum, and what is added to it for rounding.
    largest = (max(limits.max, -limits.min) + 1) * count
    for number in (np.int16, np.int32, np.int64):
        if largest <= np.iinfo(number).max:
            out[...] = _divided(_sum(rows, width, number), count)
            return
    _mean_wide(rows, width, out)


def _sum(rows: Iterable[NDArray[Any]], width: int, dtype: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """Return the sums of windows of integers.

    Rows are added first, since their pixels follow each other in memory.
    """
    added: NDArray[Any] | None = None
    for row in rows:
        added = row.astype(dtype) if added is None else np.add(added, row, out=added, casting="unsafe")
    assert added is not None  # a window has a row
    total: NDArray[Any] = added[..., ::width]
    for k in range(1, width):
        total = total + added[..., k::width]
    return total


def _divided(total: NDArray[Any], count: int) -> NDArray[Any]:
    """Return integers divided by `count`, rounded half to even."""
    if count & (count - 1) == 0:  # a power of two, as most are: shifts are several times as fast
        bits = count.bit_length() - 1
        rounded = total + ((total >> bits) & 1) + (count // 2 - 1) if bits else total
        return rounded >> bits
    down, left = np.divmod(total, count)
    left *= 2
    down += (left > count) | ((left == count) & (down & 1 == 1))
    return down


def _mean_wide(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    """Write means of 64-bit pixels, with high and low halves summed separately."""
    count = len(rows) * width
    high = _sum(((row >> LOW_BITS).astype(np.int64) for row in rows), width, np.int64)
    low = _sum(((row.astype(np.uint64) & LOW_MASK).astype(np.int64) for row in rows), width, np.int64)
    whole, rest = np.divmod(high, count)
    out[...] = (whole << LOW_BITS) + _divided((rest << LOW_BITS) + low, count)


def _mean_floats(views: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    total = np.zeros(out.shape, out.dtype)
    for view in views:
        total += view
    out[...] = total / out.dtype.type(len(views))
    unclear = ~np.isfinite(out)
    if unclear.any():
        out[unclear] = _mean_unclear(np.stack([view[unclear] for view in views]))


def _mean_unclear(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the means of windows, a column each, without NaN.

    Where only the sum overflows, the mean is finite.
    """
    number = pixels.dtype.type
    valid = ~np.isnan(pixels)
    count = valid.sum(axis=0)
    total, small = np.zeros_like(pixels[0]), np.zeros(pixels.shape[1])
    for row, kept in zip(pixels, valid, strict=True):
        total += np.where(kept, row, number(0))
        small += np.where(kept, row.astype(np.float64) * SMALL, 0)
    # Not fmin and fmax, to which a signalling NaN is a number.
    low = pixels.min(axis=0, where=valid, initial=np.inf)
    high = pixels.max(axis=0, where=valid, initial=-np.inf)
    mean = total / count.astype(pixels.dtype)
    overflown = (count > 0) & ~np.isfinite(total)
    # Infinite where one pixel is infinite, NaN where both infinities are there. Rounding may exceed the greatest pixel.
    finite = np.isfinite(low) & np.isfinite(high)
    exact = np.clip((small / count / SMALL).astype(pixels.dtype), low, high)
    result: NDArray[Any] = np.where(overflown, np.where(finite, exact, low + high), mean)
    return result


mean = WindowMethod("mean", _mean, "pyramid.reduce.kernels.mean:mean")
