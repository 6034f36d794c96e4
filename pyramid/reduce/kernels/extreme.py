"""Compiled minima and maxima, as `pyramid.reduce.extreme` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.kernels.compiled import compiled, inlined
from pyramid.reduce.kernels.planes import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def minimum(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    """Write the least pixel of each window."""
    floats = array.dtype.kind == "f"
    start = array.dtype.type(np.nan if floats else np.iinfo(array.dtype).max)
    _extremes(array, windows, out, start, 0)


def maximum(array: NDArray[Any], windows: Windows, out: NDArray[Any]) -> None:
    """Write the greatest pixel of each window."""
    floats = array.dtype.kind == "f"
    start = array.dtype.type(np.nan if floats else np.iinfo(array.dtype).min)
    _extremes(array, windows, out, start, 1)


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
def _extremes(array: NDArray[Any], windows: Windows, out: NDArray[Any], start: np.number[Any], greatest: int) -> None:
    fx = len(windows.lanes) if len(windows.lanes) > 0 else windows.fx
    full, tail = divmod(windows.width, fx)
    for group in range(windows.targets.size):
        for y in range(-(-windows.height // windows.fy)):
            target = out[windows.targets[group], y]
            target[: -(-windows.width // fx)] = start
            for s in range(windows.first[group], windows.first[group + 1]):
                for v in range(y * windows.fy, min((y + 1) * windows.fy, windows.height)):
                    row = array[windows.sources[s], v]
                    if greatest == 1:
                        _raise(row, target, full, fx)
                        _raise(row[full * fx :], target[full:], min(tail, 1), tail)
                    else:
                        _lower(row, target, full, fx)
                        _lower(row[full * fx :], target[full:], min(tail, 1), tail)
