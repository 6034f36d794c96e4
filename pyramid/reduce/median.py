"""The median of a window, which is always one of its pixels.

Of an even number of pixels it is the lower of the middle two. For a window with both zeros, 0.0 and -0.0, either may
result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.columns import gather, greatest_value, make_columns, sort
from pyramid.reduce.compiled import compiled
from pyramid.reduce.window import WindowMethod, Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _median(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    columns, valid = make_columns(windows, array.dtype)
    _medians(array, windows, out, columns, valid, greatest_value(array.dtype))


@compiled
def _medians(  # noqa: PLR0913  (Numba takes no object that could hold them)
    array: NDArray[Any],
    windows: Windows,
    out: NDArray[Any],
    columns: NDArray[Any],
    valid: NDArray[Any],
    last: np.number[Any],
) -> None:
    width = -(-windows.width // windows.fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            for start in range(0, width, valid.size):
                height = gather(array, windows, group, y, start, columns, valid, last)
                sort(columns, height)
                target = out[windows.targets[group], y, start : min(start + valid.size, width)]
                for i in range(target.size):
                    # A window of only NaN has no middle, and infinity minus infinity is NaN.
                    target[i] = columns[(np.int64(valid[i]) - 1) // 2, i] if valid[i] > 0 else last - last


median = WindowMethod("median", _median)
