"""The least and the greatest pixel of a window.

Among equal pixels, as the two zeros are, it is the first in C order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.compiled import compiled, inlined
from pyramid.reduce.window import WindowMethod, Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _minimum(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    floats = array.dtype.kind == "f"
    start = array.dtype.type(np.nan if floats else np.iinfo(array.dtype).max)
    _extremes(array, windows, out, start, False)


def _maximum(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    floats = array.dtype.kind == "f"
    start = array.dtype.type(np.nan if floats else np.iinfo(array.dtype).min)
    _extremes(array, windows, out, start, True)


# In the loops of both functions, any pixel replaces NaN, the start, and a NaN replaces only another NaN.


@inlined
def _lower(row: NDArray[Any], target: NDArray[Any], full: int, fx: int) -> None:
    for i in range(full):
        kept = target[i]
        for k in range(fx):
            value = row[i * fx + k]
            kept = value if value < kept or kept != kept else kept
        target[i] = kept


@inlined
def _raise(row: NDArray[Any], target: NDArray[Any], full: int, fx: int) -> None:
    for i in range(full):
        kept = target[i]
        for k in range(fx):
            value = row[i * fx + k]
            kept = value if value > kept or kept != kept else kept
        target[i] = kept


@compiled
def _extremes(array: NDArray[Any], windows: Windows, out: NDArray[Any], start: np.number[Any], greatest: bool) -> None:
    fx = len(windows.lanes) if len(windows.lanes) > 0 else windows.fx
    full, tail = divmod(windows.width, fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            target = out[windows.targets[group], y]
            target[: -(-windows.width // fx)] = start
            for s in range(windows.first[group], windows.first[group + 1]):
                for v in range(y * windows.fy, min((y + 1) * windows.fy, windows.height)):
                    row = array[windows.sources[s], v]
                    if greatest:
                        _raise(row, target, full, fx)
                        _raise(row[full * fx :], target[full:], min(tail, 1), tail)
                    else:
                        _lower(row, target, full, fx)
                        _lower(row[full * fx :], target[full:], min(tail, 1), tail)


minimum = WindowMethod("min", _minimum)
maximum = WindowMethod("max", _maximum)
