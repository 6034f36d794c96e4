"""Compiled means, as `pyramid.reduce.mean` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.kernels.compiled import compiled, inlined
from pyramid.reduce.kernels.planes import Windows
from pyramid.reduce.mean import LOW_BITS, LOW_MASK, SMALL

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mean(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    """Write the mean of each window.

    The narrowest numbers that are exact are taken, since more of them are added at a time.
    """
    width = windows.reduced_width
    if array.dtype.kind == "f":
        _mean_floats(array, windows, out, np.empty(width, array.dtype))
        return
    limits = np.iinfo(array.dtype)
    largest = max(limits.max, -limits.min) * windows.most_px
    # A quotient that is not a half differs from one by at least 1 / (2 count). Division errs by at most
    # quotient / 2**24 in float32 and quotient / 2**53 in float64. So below these sums rounding is exact.
    if largest < 2**15:
        _mean_integers(array, windows, out, np.empty(width, np.int16), np.float32(0))
    elif largest < 2**23:
        _mean_integers(array, windows, out, np.empty(width, np.int32), np.float32(0))
    elif largest < 2**52:
        _mean_integers(array, windows, out, np.empty(width, np.float64), np.float64(0))
    else:
        _mean_wide(array, windows, out, np.empty((2, width), np.int64))


@inlined
def _sum_row(array: NDArray[Any], windows: Windows, group: int, y: int, sums: NDArray[Any]) -> int:
    """Sum the windows of output row `y` in C order.

    Returns the number of rows in each window.
    """
    fx = len(windows.lanes) if len(windows.lanes) > 0 else windows.fx
    full = windows.width // fx
    top = y * windows.fy
    bottom = min(top + windows.fy, windows.height)
    sums[:] = 0
    for s in range(windows.first[group], windows.first[group + 1]):
        for v in range(top, bottom):
            row = array[windows.sources[s], v]
            _add_row(sums, row, full, fx)
            for k in range(full * fx, windows.width):
                sums[full] += row[k]
    count: int = (bottom - top) * (windows.first[group + 1] - windows.first[group])
    return count


@inlined
def _add_row(sums: NDArray[Any], row: NDArray[Any], full: int, fx: int) -> None:
    for i in range(full):
        total = sums[i]
        for k in range(fx):
            total += row[i * fx + k]
        sums[i] = total


@compiled
def _mean_integers(
    array: NDArray[Any], windows: Windows, out: NDArray[Any], sums: NDArray[Any], zero: np.floating[Any]
) -> None:
    """Write means of integers, with sums divided in the dtype of `zero`."""
    number = type(zero)
    full, tail = divmod(windows.width, windows.fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            count = _sum_row(array, windows, group, y, sums)
            target = out[windows.targets[group], y]
            divisor = number(count * windows.fx)
            for i in range(full):
                target[i] = np.rint(number(sums[i]) / divisor)
            if tail > 0:
                target[full] = np.rint(number(sums[full]) / number(count * tail))


@compiled
def _mean_floats(array: NDArray[Any], windows: Windows, out: NDArray[Any], sums: NDArray[Any]) -> None:
    """Write means of floats.

    Only a window whose sum is not finite is summed again, so that others stay fast.
    """
    number = sums.dtype.type
    full, tail = divmod(windows.width, windows.fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            count = _sum_row(array, windows, group, y, sums)
            target = out[windows.targets[group], y]
            divisor = number(count * windows.fx)
            unclear = 0
            for i in range(full):
                target[i] = sums[i] / divisor
                unclear += sums[i] - sums[i] != 0  # the difference is NaN for infinity and for NaN
            if tail > 0:
                target[full] = sums[full] / number(count * tail)
                unclear += sums[full] - sums[full] != 0
            if unclear > 0:
                _mean_unclear(array, windows, group, y, target)


@inlined
def _mean_unclear(array: NDArray[Any], windows: Windows, group: int, y: int, target: NDArray[Any]) -> None:
    """Compute the means of output row `y` again that are not finite.

    They are the means of the pixels that are not NaN. Where only the sum overflows, the mean is finite.
    """
    number = target.dtype.type
    for i in range(-(-windows.width // windows.fx)):
        if target[i] - target[i] != 0:
            total, small, count = number(0), 0.0, 0
            low, high = number(np.inf), number(-np.inf)
            for s in range(windows.first[group], windows.first[group + 1]):
                block = array[windows.sources[s]]
                for v in range(y * windows.fy, min((y + 1) * windows.fy, windows.height)):
                    for k in range(i * windows.fx, min((i + 1) * windows.fx, windows.width)):
                        value = block[v, k]
                        if value == value:
                            total += value
                            small += np.float64(value) * SMALL
                            low, high = min(low, value), max(high, value)
                            count += 1
            target[i] = total / number(count)
            if count > 0 and total - total != 0:
                target[i] = low + high  # infinite where one is infinite, NaN where both are
                if low - low == 0 and high - high == 0:
                    # Rounding may exceed the greatest pixel, and so overflow.
                    target[i] = min(max(number(small / count / SMALL), low), high)


@compiled
def _mean_wide(array: NDArray[Any], windows: Windows, out: NDArray[Any], sums: NDArray[Any]) -> None:
    """Write means of integers, with high and low halves summed separately.

    So no sum of 64-bit pixels overflows.
    """
    high, low = sums
    full, tail = divmod(windows.width, windows.fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            count = _sum_halves(array, windows, group, y, sums)
            target = out[windows.targets[group], y]
            for i in range(full):
                target[i] = _join(high[i], low[i], count * windows.fx)
            if tail > 0:
                target[full] = _join(high[full], low[full], count * tail)


@inlined
def _sum_halves(array: NDArray[Any], windows: Windows, group: int, y: int, sums: NDArray[Any]) -> int:
    """Sum the windows of output row `y`, upper and lower 32 bits separately.

    Returns the number of rows in each window.
    """
    fx = len(windows.lanes) if len(windows.lanes) > 0 else windows.fx
    full, tail = divmod(windows.width, fx)
    top = y * windows.fy
    bottom = min(top + windows.fy, windows.height)
    high, low = sums
    sums[:] = 0
    for s in range(windows.first[group], windows.first[group + 1]):
        for v in range(top, bottom):
            row = array[windows.sources[s], v]
            _add_halves(row, high, low, full, fx)
            if tail > 0:
                _add_halves(row[full * fx :], high[full:], low[full:], 1, tail)
    count: int = (bottom - top) * (windows.first[group + 1] - windows.first[group])
    return count


@inlined
def _add_halves(row: NDArray[Any], high: NDArray[Any], low: NDArray[Any], full: int, fx: int) -> None:
    for i in range(full):
        for k in range(fx):
            value = row[i * fx + k]
            high[i] += np.int64(value >> LOW_BITS)
            low[i] += np.int64(np.uint64(value) & LOW_MASK)


@inlined
def _join(high: int, low: int, count: int) -> int:
    """Divide ``high * 2**32 + low`` by `count`, rounded half to even."""
    whole = high // count
    rest = ((high - whole * count) << LOW_BITS) + low
    part = rest // count
    down = (whole << LOW_BITS) + part
    twice_left = 2 * (rest - part * count)
    return down + (twice_left > count or (twice_left == count and down & 1 == 1))
