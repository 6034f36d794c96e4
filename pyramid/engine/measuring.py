"""The percentiles of an image's channels, in one reading before that of the run.

They are exact: each value of integers of at most 16 bits is counted. Of other dtypes the extremes are measured.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.decoding.pieces import aligned_pieces
from pyramid.errors import SourceError, explaining
from pyramid.model import Box, Source
from pyramid.options.rescale import Rescale
from pyramid.planning import Plan
from pyramid.readers.converting import ConvertedSource, is_counted
from pyramid.readers.linear_map import Limits
from pyramid.writing.extremes import Extremes, join, measure

logger = logging.getLogger(__name__)

# Bytes of pixels that one worker has in memory at once, or one chunk.
PIECE_BYTES = 16 * 2**20


def measured(plan: Plan, source: Source) -> tuple[Plan, Source]:
    """Return a plan and its source with the percentiles that the source needs.

    Nothing is read where it needs none.

    Raises
    ------
    SourceError
        If a pixel cannot be read.
    """
    if not needs_percentiles(source):
        return plan, source
    assert isinstance(source, ConvertedSource)  # as only such needs them
    assert source.rescale is not None
    limits = _limits(source.source, source.rescale, plan.resources.workers)
    ready = source.with_limits(limits)
    found = "; ".join(f"{low!r} to {high!r}" for low, high in limits)
    logger.info("rescale: %s of each channel: %s", source.rescale, found)
    channels = tuple(
        replace(channel, name=channel.name or known.name, shown=known.shown)
        for channel, known in zip(plan.spec.channels, ready.spec.channels, strict=True)
    )
    edits = tuple((name, f"{value}: {found}" if name == "rescale" else value) for name, value in plan.spec.edits)
    return replace(plan, spec=replace(plan.spec, channels=channels, edits=edits)), ready


def needs_percentiles(source: Source) -> bool:
    """Return whether percentiles of a source's pixels decide its values."""
    return isinstance(source, ConvertedSource) and source.rescale is not None and source.rescale.percent


def _limits(source: Source, rescale: Rescale, workers: int) -> list[Limits]:
    """Return the values of two percentiles for each channel."""
    spec, kind = source.spec, np.dtype(source.spec.dtype)
    counts: dict[int, NDArray[np.int64]] = {}
    extremes: dict[int, Extremes] = {}

    def read(box: Box) -> tuple[Box, NDArray[Any]]:
        pixels: NDArray[Any] = np.empty(box.shape, kind)
        with explaining(SourceError, f"the source cannot be read at {box.start}"):
            source.read(box, pixels)
        return box, pixels

    whole = Box((0,) * len(spec.shape), spec.shape)
    pieces = aligned_pieces(whole, spec.inner_chunks or spec.chunks, PIECE_BYTES // spec.item_bytes)
    for box, pixels in map_concurrently(read, pieces, workers):
        if is_counted(kind):
            for channel, one in _by_channel(pixels, box, spec.axes):
                counts[channel] = counts.get(channel, 0) + _count(one)
        else:
            join(extremes, measure(pixels, box, spec.axes))
    if is_counted(kind):
        values = _values(kind)
        found = [_percentiles(counts[channel], values, rescale) for channel in sorted(counts)]
    else:
        found = [_ends(extremes[channel]) for channel in sorted(extremes)]
    return [(low, high) if low < high else (low, low + max(1, abs(low) / 1024)) for low, high in found]


def _by_channel(pixels: NDArray[Any], box: Box, axes: str) -> Iterator[tuple[int, NDArray[Any]]]:
    if "c" not in axes:
        yield 0, pixels
        return
    axis = axes.index("c")
    for index, one in enumerate(np.moveaxis(pixels, axis, 0)):
        yield box.start[axis] + index, one


def _count(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """Count each value, in the order of `_values`."""
    kind = pixels.dtype
    return np.bincount(pixels.view(f"u{kind.itemsize}").ravel(), minlength=256**kind.itemsize)


def _values(kind: np.dtype[Any]) -> NDArray[np.int64]:
    """Return each value of a dtype of at most 16 bits, in the order of its bytes."""
    plain = np.arange(256**kind.itemsize).astype(f"u{kind.itemsize}")
    return (plain if kind.kind == "b" else plain.view(kind)).astype(np.int64)


def _percentiles(counts: NDArray[np.int64], values: NDArray[np.int64], rescale: Rescale) -> Limits:
    """Return the percentiles of counted values, between two values as NumPy's are.

    Examples
    --------
    >>> _percentiles(np.array([1, 0, 1]), np.array([0, 1, 2]), Rescale(0, 75, percent=True))
    (0.0, 1.5)
    """
    order = np.argsort(values)
    ends, values = counts[order].cumsum(), values[order]

    def value(percent: float) -> float:
        rank = (int(ends[-1]) - 1) * Fraction(str(percent)) / 100
        below, above = (
            int(values[np.searchsorted(ends, at, side="right")]) for at in (math.floor(rank), math.ceil(rank))
        )
        return float(below + (above - below) * (rank - math.floor(rank)))

    return value(rescale.low), value(rescale.high)


def _ends(extremes: Extremes) -> Limits:
    """Return the extremes of a channel; 0 and 1 if it holds only NaN."""
    if extremes.least is None or extremes.greatest is None:
        return 0, 1
    if math.isinf(extremes.least) or math.isinf(extremes.greatest):
        raise SourceError('rescale: the pixels hold infinite values; give two values, as rescale="0,1"')
    return extremes.least, extremes.greatest
