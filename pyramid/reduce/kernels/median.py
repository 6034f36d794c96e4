"""Compiled medians, as `pyramid.reduce.median` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.kernels.columns import gather, greatest_value, make_columns, sort
from pyramid.reduce.kernels.compiled import compiled
from pyramid.reduce.kernels.planes import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def median(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    """Write the median of each window."""
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
