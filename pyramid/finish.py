"""The last step: what was measured on the way becomes metadata, and the target an OME-Zarr."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid._version import __version__
from pyramid.model import Box, Shape
from pyramid.ngff import Dataset, Multiscale, OmeroChannel, attributes, creator, omero_channels
from pyramid.planning import Plan
from pyramid.receipt import Extremes
from pyramid.sink import Sink

SHOWN_PERCENT = (1.0, 99.9)
# Percentiles are taken of a level of at least this many pixels a channel, in planes of at most that many in all.
SAMPLE_PX_LEAST = 2**16
SAMPLE_PX_MOST = 2**20


def finish(plan: Plan, sink: Sink, extremes: Mapping[int, Extremes]) -> None:
    """Write the metadata of a pyramid whose pixels are all written.

    Parameters
    ----------
    plan, sink
        What was done, and where.
    extremes
        By channel index, the least and the greatest value of level 0.
    """
    spec = plan.spec
    moved = any(any(level.translation) for level in plan.levels)
    image = Multiscale(
        axes=spec.axes,
        units=spec.units,
        datasets=tuple(
            Dataset(str(number), level.scale, level.translation if moved else None)
            for number, level in enumerate(plan.levels)
        ),
        name=spec.name,
        method=plan.method if len(plan.levels) > 1 else None,
        channels=_channels(plan, sink, extremes),
        provenance=creator(__version__, plan.method, spec.location),
        default_z=_middle(spec.axes, spec.shape),
    )
    sink.commit(attributes(image, plan.version))


def _middle(axes: str, shape: Shape) -> int:
    return shape[axes.index("z")] // 2 if "z" in axes else 0


def _channels(plan: Plan, sink: Sink, extremes: Mapping[int, Extremes]) -> tuple[OmeroChannel, ...]:
    measured = []
    for channel, sample in enumerate(_samples(plan, sink)):
        seen = extremes[channel]
        least = math.nan if seen.least is None else seen.least
        greatest = math.nan if seen.greatest is None else seen.greatest
        start, end = _shown(sample)
        measured.append((least, greatest, start, end))
    return omero_channels(plan.spec.channels, plan.spec.dtype, measured)


def _shown(sample: NDArray[Any]) -> tuple[float, float]:
    """The values from which and to which most pixels lie; NaN and infinite ones are passed over."""
    finite = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    if finite.size == 0:
        return math.nan, math.nan
    start, end = np.percentile(finite.astype(np.float64), SHOWN_PERCENT)
    return float(start), float(end)


def _samples(plan: Plan, sink: Sink) -> Iterator[NDArray[Any]]:
    """Some pixels of each channel, of a small level: planes evenly spread over time and depth."""
    axes = plan.spec.axes
    number = _sampled_level(plan)
    shape = plan.levels[number].shape
    for channel in range(shape[axes.index("c")] if "c" in axes else 1):
        boxes = list(_planes(axes, shape, channel))
        planes = [np.empty(box.shape, plan.spec.dtype) for box in boxes]
        for box, plane in zip(boxes, planes, strict=True):
            sink.read(number, box, plane)
        yield np.concatenate([plane.ravel() for plane in planes])


def _sampled_level(plan: Plan) -> int:
    """The smallest level with enough pixels, level 0 where none has."""
    for number in reversed(range(len(plan.levels))):
        shape = plan.levels[number].shape
        channels = shape[plan.spec.axes.index("c")] if "c" in plan.spec.axes else 1
        if math.prod(shape) // channels >= SAMPLE_PX_LEAST:
            return number
    return 0


def _planes(axes: str, shape: Shape, channel: int) -> Iterator[Box]:
    """All of one channel where that is not too much; else planes of it, and of one that is larger, its middle."""
    extent = dict(zip(axes, shape, strict=True)) | {"c": 1}
    if math.prod(extent[axis] for axis in axes) <= SAMPLE_PX_MOST:
        yield Box(tuple(channel if axis == "c" else 0 for axis in axes), tuple(extent[axis] for axis in axes))
        return
    edge = math.isqrt(SAMPLE_PX_MOST)
    plane = {axis: min(extent[axis], edge) for axis in "yx"}
    stack = {axis: n for axis, n in extent.items() if axis in "tz"}
    depth = math.prod(stack.values())
    wanted = min(depth, max(1, SAMPLE_PX_MOST // math.prod(plane.values())))
    middle = {axis: (extent[axis] - n) // 2 for axis, n in plane.items()}
    for flat in np.linspace(0, depth - 1, wanted).round().astype(int):
        at = dict(zip(stack, np.unravel_index(flat, tuple(stack.values())), strict=True)) if stack else {}
        start = {**at, **middle, "c": channel}
        yield Box(tuple(int(start[axis]) for axis in axes), tuple(plane.get(axis, 1) for axis in axes))
