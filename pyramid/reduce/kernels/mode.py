"""Compiled modes, as `pyramid.reduce.mode` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.kernels.columns import gather, greatest_value, make_columns, sort
from pyramid.reduce.kernels.compiled import called, compiled, inlined
from pyramid.reduce.kernels.planes import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Largest window in which all pairs are compared: up to here that is quicker, with wide registers, than counting runs.
_MAX_PAIRED_PX = 64


def mode(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    """Write the mode of each window."""
    columns, valid = make_columns(windows, array.dtype)
    _modes(array, windows, out, columns, valid, greatest_value(array.dtype))


@called  # not inlined: within the whole kernel LLVM does not use wide registers for these loops
def _compare_pairs(columns: NDArray[Any], height: int, valid: NDArray[Any], best: NDArray[Any]) -> None:
    """Write the value of the first longest run of each sorted column to `best`.

    Two equal pixels at a distance are the ends of a run. Longer runs are visited later, and of each length the first
    run is visited last. So the value that is kept last is that of the first longest run.
    """
    for i in range(best.size):
        best[i] = columns[0, i]
    for distance in range(1, height):
        for place in range(height - 1, distance - 1, -1):
            _keep_run(columns[place - distance], columns[place], place, valid, best)


@inlined
def _keep_run(start: NDArray[Any], end: NDArray[Any], place: int, valid: NDArray[Any], best: NDArray[Any]) -> None:
    at = valid.dtype.type(place)
    for i in range(best.size):
        a, b, kept, count = start[i], end[i], best[i], valid[i]
        best[i] = b if (a == b) & (at < count) else kept


@inlined
def _count_runs(columns: NDArray[Any], valid: NDArray[Any], best: NDArray[Any]) -> None:
    """Write the same as `_compare_pairs`, in time that is linear in the height."""
    for i in range(best.size):
        best[i] = columns[0, i]
        run = longest = 1
        for place in range(1, valid[i]):
            run = run + 1 if columns[place, i] == columns[place - 1, i] else 1
            if run > longest:
                longest = run
                best[i] = columns[place, i]


@compiled
def _modes(  # noqa: PLR0913  (Numba takes no object that could hold them)
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
                if height <= _MAX_PAIRED_PX:
                    _compare_pairs(columns, height, valid, target)
                else:
                    _count_runs(columns, valid, target)
                for i in range(target.size):
                    if valid[i] == 0:  # a window of only NaN; infinity minus infinity is NaN
                        target[i] = last - last
