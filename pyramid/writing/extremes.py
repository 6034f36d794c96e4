"""The least and the greatest value of each channel, measured while its pixels are in the cache."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box

# Small enough for a cache, large enough that a call does not show.
PIECE_BYTES = 2**21


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the greatest value of one channel; None where it holds no number but NaN.

    Examples
    --------
    >>> Extremes(1, 3).joined(Extremes(0, 2))
    Extremes(least=0, greatest=3)
    """

    least: int | float | None
    greatest: int | float | None

    def joined(self, other: Extremes) -> Extremes:
        """The extremes of both."""
        least = [v for v in (self.least, other.least) if v is not None]
        greatest = [v for v in (self.greatest, other.greatest) if v is not None]
        return Extremes(min(least, default=None), max(greatest, default=None))


def join(seen: dict[int, Extremes], more: Iterable[tuple[int, Extremes]]) -> None:
    """Take the extremes of further channels, or of further pixels of one, into those seen before.

    Examples
    --------
    >>> seen = {0: Extremes(1, 3)}
    >>> join(seen, [(0, Extremes(0, 2)), (1, Extremes(5, 5))])
    >>> seen
    {0: Extremes(least=0, greatest=3), 1: Extremes(least=5, greatest=5)}
    """
    for channel, one in more:
        seen[channel] = seen[channel].joined(one) if channel in seen else one


def measure(pixels: NDArray[Any], box: Box, axes: str) -> tuple[tuple[int, Extremes], ...]:
    """Extremes of each channel of a block of level 0; NaN is passed over.

    Parameters
    ----------
    pixels
        The block, its axes as `axes`.
    box
        Where it lies.
    axes
        Letters of ``tczyx``.

    Examples
    --------
    >>> measure(np.array([[1, 2], [3, 4]]), Box((0, 0), (2, 2)), "yx")
    ((0, Extremes(least=1, greatest=4)),)
    """
    if "c" not in axes:
        return ((0, _extremes(pixels)),)
    axis = axes.index("c")
    channels = np.moveaxis(pixels, axis, 0)
    return tuple((box.start[axis] + i, _extremes(channel)) for i, channel in enumerate(channels))


def _extremes(pixels: NDArray[Any]) -> Extremes:
    """Piece by piece: the cache still holds a piece when its maximum is looked for after its minimum."""
    if pixels.dtype.kind == "b":
        pixels = pixels.view(np.uint8)
    if pixels.flags.c_contiguous:
        pixels = pixels.reshape(-1)
    if pixels.ndim > 1 and len(pixels) == 1:
        return _extremes(pixels[0])
    if pixels.nbytes > PIECE_BYTES:
        step = max(1, PIECE_BYTES * len(pixels) // pixels.nbytes)
        found = (_extremes(pixels[at : at + step]) for at in range(0, len(pixels), step))
        return functools.reduce(Extremes.joined, found)
    if pixels.dtype.kind != "f":
        return Extremes(pixels.min().item(), pixels.max().item())
    least, greatest = float(np.fmin.reduce(pixels, axis=None)), float(np.fmax.reduce(pixels, axis=None))
    return Extremes(None, None) if np.isnan(least) else Extremes(least, greatest)
