"""The least and the greatest value of each channel.

They are measured while the pixels of a block are in the processor's cache.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box

# Size of the pixels that are measured at once, in bytes: it fits in a second-level cache of today, of 1 to 2 MiB and
# more. Each piece costs two calls of NumPy, some microseconds against hundreds for the piece.
PIECE_BYTES = 2**21


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the greatest value of one channel.

    Both are None if the channel holds only NaN.

    Examples
    --------
    >>> Extremes(1, 3).joined(Extremes(0, 2))
    Extremes(least=0, greatest=3)
    """

    least: int | float | None
    greatest: int | float | None

    def joined(self, other: Extremes) -> Extremes:
        """Return the extremes of both."""
        least = [v for v in (self.least, other.least) if v is not None]
        greatest = [v for v in (self.greatest, other.greatest) if v is not None]
        return Extremes(min(least, default=None), max(greatest, default=None))


def join(seen: dict[int, Extremes], more: Iterable[tuple[int, Extremes]]) -> None:
    """Merge further extremes into those seen before.

    They may be of other channels, or of further pixels of a channel.

    Examples
    --------
    >>> seen = {0: Extremes(1, 3)}
    >>> join(seen, [(0, Extremes(0, 2)), (1, Extremes(5, 5))])
    >>> seen
    {0: Extremes(least=0, greatest=3), 1: Extremes(least=5, greatest=5)}
    """
    for channel, extremes in more:
        seen[channel] = seen[channel].joined(extremes) if channel in seen else extremes


def measure(pixels: NDArray[Any], box: Box, axes: str, nodata: float | None = None) -> tuple[tuple[int, Extremes], ...]:
    """Return the extremes of each channel of a block of level 0, without NaN.

    Parameters
    ----------
    pixels
        The block, with axes in the order of `axes`.
    box
        Region of the block in the level.
    axes
        Letters of ``tczyx``.
    nodata
        Value of pixels that do not count, None if all do.

    Examples
    --------
    >>> measure(np.array([[1, 2], [3, 4]]), Box((0, 0), (2, 2)), "yx")
    ((0, Extremes(least=1, greatest=4)),)
    """
    if "c" not in axes:
        return ((0, _extremes(pixels, nodata)),)
    axis = axes.index("c")
    channels = np.moveaxis(pixels, axis, 0)
    return tuple((box.start[axis] + i, _extremes(channel, nodata)) for i, channel in enumerate(channels))


def _extremes(pixels: NDArray[Any], nodata: float | None) -> Extremes:
    """Return the extremes of pixels, measured piece by piece.

    So the cache still holds a piece when its maximum is measured after its minimum.
    """
    if pixels.dtype.kind == "b":
        pixels = pixels.view(np.uint8)
    if pixels.flags.c_contiguous:
        pixels = pixels.reshape(-1)
    if pixels.ndim > 1 and len(pixels) == 1:
        return _extremes(pixels[0], nodata)
    if pixels.nbytes > PIECE_BYTES:
        step = max(1, PIECE_BYTES * len(pixels) // pixels.nbytes)
        found = (_extremes(pixels[at : at + step], nodata) for at in range(0, len(pixels), step))
        return functools.reduce(Extremes.joined, found)
    if nodata is not None:
        pixels = pixels[pixels != nodata]
        if not pixels.size:
            return Extremes(None, None)
    if pixels.dtype.kind != "f":
        return Extremes(pixels.min().item(), pixels.max().item())
    least, greatest = float(np.fmin.reduce(pixels, axis=None)), float(np.fmax.reduce(pixels, axis=None))
    return Extremes(None, None) if np.isnan(least) else Extremes(least, greatest)
