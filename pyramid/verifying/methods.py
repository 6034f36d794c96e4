"""The methods by which levels are made: ours, and habits of other programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError
from pyramid.model import Shape, reduced_shape
from pyramid.reduce import Method, leave_out, load_method

# Divides sums by numbers of pixels.
Divide: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]

OURS = ("mean", "nearest", "mode", "median", "min", "max", "gaussian")


@dataclass(frozen=True, slots=True)
class Habit:
    """A method of other programs, by NumPy.

    Parameters
    ----------
    name
        Its name in a report.
    reduce
        Returns the reduced pixels of an array.
    """

    name: str
    reduce: Callable[[NDArray[Any], Shape], NDArray[Any]]
    centred: bool = True

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]`` into ``out``, as a Method."""
        pixels = array[tuple(map(slice, extent))]
        factors = tuple(map(min, factors, extent))  # a window has no more pixels than there are
        with np.errstate(all="ignore"):
            made = self.reduce(pixels, factors)
        held = out[tuple(map(slice, made.shape))]
        held[...] = made


def _mean(divide: Divide, *, padded: bool = False) -> Callable[[NDArray[Any], Shape], NDArray[Any]]:
    """Return a mean that rounds by `divide`.

    Windows that are `padded` count zeros beyond the edge.
    """

    def reduce(pixels: NDArray[Any], factors: Shape) -> NDArray[Any]:
        total = pixels.astype(np.float64 if pixels.dtype.kind == "f" or pixels.dtype.itemsize == 8 else np.int64)
        counts = np.ones((), np.int64)
        for axis, factor in enumerate(factors):
            starts = np.arange(0, pixels.shape[axis], factor)
            total = np.add.reduceat(total, starts, axis=axis)
            held = np.minimum(starts + factor, pixels.shape[axis]) - starts
            along = [1] * pixels.ndim
            along[axis] = -1
            counts = counts * held.reshape(along)
        if padded:
            counts = np.full_like(counts, math.prod(factors))
        return np.asarray(divide(total, counts), pixels.dtype)

    return reduce


def _cut(total: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    made: NDArray[Any] = np.trunc(total / counts) if total.dtype.kind == "i" else total / counts
    return made


def _half_up(total: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    made: NDArray[Any] = (2 * total + counts) // (2 * counts) if total.dtype.kind == "i" else total / counts
    return made


def _half_to_even(total: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    made: NDArray[Any] = np.round(total / counts) if total.dtype.kind == "i" else total / counts
    return made


def _stride(from_middle: bool) -> Callable[[NDArray[Any], Shape], NDArray[Any]]:
    """Return the choice of one pixel of a window, at its middle or its last."""

    def reduce(pixels: NDArray[Any], factors: Shape) -> NDArray[Any]:
        first = [f // 2 if from_middle else f - 1 for f in factors]
        picked: NDArray[Any] = pixels[tuple(slice(a, None, f) for a, f in zip(first, factors, strict=True))]
        if picked.shape == reduced_shape(pixels.shape, factors):
            return picked
        whole = [
            np.minimum(np.arange(m) * f + a, n - 1)
            for m, f, a, n in zip(reduced_shape(pixels.shape, factors), factors, first, pixels.shape, strict=True)
        ]
        return np.asarray(pixels[np.ix_(*whole)])

    return reduce


def _median(pixels: NDArray[Any], factors: Shape) -> NDArray[Any]:
    """Return the median with the mean of the two in the middle, cut to whole numbers."""
    full = tuple(n // f * f for n, f in zip(pixels.shape, factors, strict=True))
    split = [part for n, f in zip(full, factors, strict=True) for part in (n // f, f)]
    windows = pixels[tuple(map(slice, full))].reshape(split)
    middle: NDArray[Any] = np.median(windows, axis=tuple(range(1, 2 * pixels.ndim, 2))).astype(pixels.dtype)
    return middle


HABITS = (
    Habit("mean, cut to whole numbers", _mean(_cut)),
    Habit("mean, half rounded up", _mean(_half_up)),
    Habit("mean, by 64-bit floats", _mean(_half_to_even)),
    Habit("local mean, zeros beyond the edge, cut to whole numbers", _mean(_cut, padded=True)),
    Habit("local mean, zeros beyond the edge", _mean(_half_to_even, padded=True)),
    Habit("every n-th pixel, from the middle", _stride(from_middle=True)),
    Habit("every n-th pixel, from the last", _stride(from_middle=False)),
    Habit("median, cut to whole numbers", _median),
)


def candidates(named: str | None, nodata: float | None = None) -> Sequence[Method]:
    """Return the methods that may have made a level, the named one first.

    They leave out pixels of `nodata`.

    Examples
    --------
    >>> [method.name for method in candidates("max")][:3]
    ['max', 'mean', 'nearest']
    """
    ours = [leave_out(load_method(name), nodata) for name in OURS]
    if named is None:
        return (*ours, *HABITS)
    try:
        first = leave_out(load_method(named), nodata)
    except OptionError:  # a word of another program
        return (*ours, *HABITS)
    return (first, *(method for method in ours if method.name != first.name), *HABITS)


def same_pixels(made: NDArray[Any], stored: NDArray[Any], *, exact: bool) -> bool:
    """Return whether two arrays hold the same pixels; NaN is the same as NaN.

    Floats of another program may differ by rounding, where `exact` is not set.
    """
    if made.dtype.kind != "f":
        return np.array_equal(made, stored)
    return not different_pixels(made, stored, exact=exact).any()


def different_pixels(made: NDArray[Any], stored: NDArray[Any], *, exact: bool) -> NDArray[np.bool_]:
    """Return where two arrays differ, as `same_pixels` compares them."""
    differs: NDArray[np.bool_] = made != stored
    if made.dtype.kind != "f" or not differs.any():
        return differs
    differs &= ~(np.isnan(made) & np.isnan(stored))
    if not exact:
        limits = np.finfo(made.dtype)
        differs &= ~np.isclose(made, stored, rtol=16 * float(limits.eps), atol=float(limits.tiny))
    return differs
