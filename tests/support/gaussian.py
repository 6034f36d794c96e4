"""The Gaussian mean of a whole image by SciPy, which tests compare the method ``gaussian`` with."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray


def gaussian_level(before: NDArray[Any], factors: tuple[int, ...]) -> NDArray[np.float64]:
    """The next level before it is rounded, for an image without NaN."""
    values = before.astype(np.float64)
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        sigma = np.sqrt((factor**2 - 1) / (8 * np.log(2)))
        # Odd numbers of taps around the centre of a window, which for even factors is between two pixels: there the
        # image is correlated on a grid of half pixels, on which every second weight is 0.
        distances = np.arange(-2 * int(4 * sigma) - 2, 2 * int(4 * sigma) + 3) / 2
        used = (np.abs(distances) <= 4 * sigma) & ((distances * 2) % 2 == (factor - 1) % 2)
        weights = np.where(used, np.exp(-(distances**2) / (2 * sigma**2)), 0)
        count = -(-values.shape[axis] // factor)
        edge = 2 * factor + len(weights)
        padded = np.pad(values, [(edge, edge) if i == axis else (0, 0) for i in range(values.ndim)], mode="edge")
        finer = np.repeat(padded, 2, axis)
        smooth = scipy.ndimage.correlate1d(finer, weights / weights.sum(), axis)
        # Pixel i is at 2 i on the finer grid, and the pixel between it and the next one at 2 i + 1.
        values = smooth.take(2 * edge + 2 * factor * np.arange(count) + factor - 1, axis)
    return values


def assert_gaussian(level: NDArray[Any], before: NDArray[Any], factors: tuple[int, ...]) -> None:
    """Assert that a level is the Gaussian mean of the one before, rounded to its dtype."""
    expected = gaussian_level(before, factors)
    assert level.shape == expected.shape
    error = np.abs(level.astype(np.float64) - expected)
    half = 0.5 if level.dtype.kind in "iub" else np.finfo(level.dtype).eps * np.abs(expected)
    assert (error <= half + 1e-9 * (1 + np.abs(expected))).all(), error.max()
