"""The Gaussian mean around a window's centre.

The weights of an axis are those of a normal distribution around the centre of the window, cut off at `TRUNCATE`
standard deviations and divided by their sum. The standard deviation follows from the factor, so that the reduced image
is as sharp as its pixels allow (Cardoso and others, "Scale factor point spread function matching", MICCAI 2015). Pixels
beyond the image are those at its edge. Sums are in float64, an axis at a time, x first; integers are rounded half to
even.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pyramid.model import Box, reduced_shape
from pyramid.reduce.base import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

# Standard deviations at which the weights end, as in SciPy.
TRUNCATE = 4.0
# Edges of the tiles that are computed at a time, along x, y and each further axis that is reduced: what is computed on
# the way stays in the processor's cache, and the pixels around a tile are few against its own.
TILE = (4, 64, 256)


@functools.cache
def gaussian_weights(factor: int) -> tuple[int, tuple[float, ...]]:
    """Return the weights of an axis, with the position of the first one.

    Positions are counted from the start of a window.

    Examples
    --------
    >>> first, weights = gaussian_weights(2)
    >>> first, [round(weight, 4) for weight in weights]
    (-2, [0.0017, 0.0678, 0.4305, 0.4305, 0.0678, 0.0017])
    """
    if factor == 1:
        return 0, (1.0,)
    variance = (factor**2 - 1) / (8 * math.log(2))
    centre, radius = (factor - 1) / 2, TRUNCATE * math.sqrt(variance)
    taps = range(math.ceil(centre - radius), math.floor(centre + radius) + 1)
    raw = [math.exp(-((tap - centre) ** 2) / (2 * variance)) for tap in taps]
    return taps.start, tuple(weight / math.fsum(raw) for weight in raw)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """The method ``gaussian``, a `NeighbourhoodMethod`.

    Parameters
    ----------
    nodata
        The value of pixels that do not count, None if all do.
    """

    name: ClassVar[str] = "gaussian"
    centred: ClassVar[bool] = True
    nodata: float | None = None

    def leaving_out(self, nodata: float) -> Gaussian:
        """Return the method that leaves out the pixels of one value."""
        return Gaussian(nodata)

    def margins(self, factors: Shape) -> Shape:
        """Return how many pixels around a window count, before and after it on each axis."""
        return tuple(-gaussian_weights(int(factor))[0] for factor in factors)

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]``, a whole image, into ``out``, as a Method."""
        check(array, extent, factors, out)
        windows = out[tuple(map(slice, reduced_shape(extent, factors)))]
        if windows.size:
            self.reduce_part(array, extent, (0,) * array.ndim, factors, windows)

    def reduce_part(self, array: NDArray[Any], extent: Shape, first: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce windows from `first` on into all of `out`, as a NeighbourhoodMethod."""
        if array.dtype == np.bool_:
            array, out = array.view(np.uint8), out.view(np.uint8)
        weights = [gaussian_weights(int(factor)) for factor in factors]
        for tile in Box((0,) * out.ndim, out.shape).split(_tile(factors)):
            start = (a + b * f + w for a, b, f, (w, _) in zip(first, tile.start, factors, weights, strict=True))
            shape = ((n - 1) * f + len(w) for n, f, (_, w) in zip(tile.shape, factors, weights, strict=True))
            pixels = _gather(array, Box(tuple(start), tuple(shape)), extent)
            out[tile.slices] = _rounded(_smoothed(pixels, factors, [w for _, w in weights], self.nodata), out.dtype)


def _tile(factors: Shape) -> Shape:
    further = tuple(TILE[0] if factor > 1 else 1 for factor in factors[:-2])
    return (*further, *TILE[-len(factors[-2:]) :])


def _gather(array: NDArray[Any], box: Box, extent: Shape) -> NDArray[np.float64]:
    """Return the pixels of a box; beyond the image they are those at its edge."""
    stop = tuple(map(min, box.stop, extent))
    start = tuple(min(max(a, 0), n - 1) for a, n in zip(box.start, extent, strict=True))
    inside = array[tuple(map(slice, start, (max(a + 1, b) for a, b in zip(start, stop, strict=True))))]
    pixels: NDArray[np.float64] = inside.astype(np.float64)
    before = [a - b for a, b in zip(start, box.start, strict=True)]
    after = [n - b - m for n, b, m in zip(box.shape, before, pixels.shape, strict=True)]
    return np.pad(pixels, list(zip(before, after, strict=True)), mode="edge") if any((*before, *after)) else pixels


def _smoothed(
    pixels: NDArray[np.float64], factors: Shape, weights: list[tuple[float, ...]], nodata: float | None
) -> NDArray[np.float64]:
    """Return the weighted means of windows, without NaN and pixels of `nodata`."""
    missing = np.isnan(pixels) if nodata is None else np.isnan(pixels) | (pixels == nodata)
    if not missing.any():
        return _convolved(pixels, factors, weights)
    weighted = _convolved(np.where(missing, 0, pixels), factors, weights)
    # Where no pixel is missing, nothing is divided, so that a pixel does not depend on others far away.
    lacks = _convolved(missing.astype(np.float64), factors, weights) > 0
    present = _convolved((~missing).astype(np.float64), factors, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        nothing = np.nan if nodata is None else nodata
        return np.where(lacks, np.where(present > 0, weighted / present, nothing), weighted)


def _convolved(pixels: NDArray[np.float64], factors: Shape, weights: list[tuple[float, ...]]) -> NDArray[np.float64]:
    """Return the weighted sums at each window, an axis at a time, x first."""
    for axis in reversed(range(pixels.ndim)):
        factor, taps = factors[axis], weights[axis]
        if len(taps) == 1:
            continue
        count = (pixels.shape[axis] - len(taps)) // factor + 1
        lead = (slice(None),) * axis
        total = np.zeros((*pixels.shape[:axis], count, *pixels.shape[axis + 1 :]))
        with np.errstate(invalid="ignore", over="ignore"):
            for tap, weight in enumerate(taps):
                total += pixels[(*lead, slice(tap, tap + (count - 1) * factor + 1, factor))] * weight
        pixels = total
    return pixels


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in a dtype, integers rounded half to even and in its range."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    # As float64, the greatest 64-bit integers round up to a number that the dtype does not have.
    whole = rounded.clip(float(limits.min), math.nextafter(float(limits.max) + 1, 0)).astype(dtype)
    return np.where(rounded >= float(limits.max), limits.max, whole) if dtype.itemsize == 8 else whole


gaussian = Gaussian()
