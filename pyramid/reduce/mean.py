"""The mean of a window.

Integers are rounded half to even. Floats are summed in C order in their own dtype. Where that sum overflows and no
pixel is infinite, the mean is computed from pixels that are made smaller by a power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.model import MAX_WINDOW_PX
from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bits of the lower half of a pixel of 64 bits: sums of halves of 32 bits cannot overflow.
LOW_BITS = 32
LOW_MASK = np.uint64(2**LOW_BITS - 1)
# Factor that makes pixels smaller: with it, the sum of a whole window of the largest floats does not overflow.
SMALL = 1 / MAX_WINDOW_PX


def _mean(views: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    dtype = out.dtype
    if dtype.kind == "f":
        with np.errstate(all="ignore"):
            _mean_floats(views, out)
        return
    limits = np.iinfo(dtype)
    largest = max(limits.max, -limits.min) * len(views)
    # Division errs by at most quotient / 2**24 in float32 and quotient / 2**53 in float64, and a quotient that is not a
    # half differs from one by at least 1 / (2 count). So below these sums rounding is exact.
    if largest < 2**23:
        out[...] = np.rint(_sum(views, np.int32).astype(np.float32) / np.float32(len(views)))
    elif largest < 2**52:
        out[...] = np.rint(_sum(views, np.int64) / len(views))
    else:
        _mean_wide(views, out)


def _sum(views: Sequence[NDArray[Any]], dtype: type[np.signedinteger[Any]]) -> NDArray[Any]:
    total = views[0].astype(dtype)
    for view in views[1:]:
        total += view
    return total


def _mean_wide(views: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    """Write means of 64-bit pixels, with high and low halves summed separately."""
    count = len(views)
    high = _sum([(view >> LOW_BITS).astype(np.int64) for view in views], np.int64)
    low = _sum([(view.astype(np.uint64) & LOW_MASK).astype(np.int64) for view in views], np.int64)
    whole, rest = np.divmod(high, count)
    part, left = np.divmod((rest << LOW_BITS) + low, count)
    down = (whole << LOW_BITS) + part
    out[...] = down + ((2 * left > count) | ((2 * left == count) & (down & 1 == 1)))


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
