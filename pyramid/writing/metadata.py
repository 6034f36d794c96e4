"""The last step: write the metadata, with display ranges from measured values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid._version import __version__
from pyramid.concurrency.parallel import map_concurrently
from pyramid.model import Box, Shape
from pyramid.ngff import FORMATS, Dataset, Multiscale, OmeroChannel, attributes, creator, omero_channels
from pyramid.ngff.acquisition import kept_acquisition
from pyramid.planning import Plan
from pyramid.stores import locate
from pyramid.writing.extremes import Extremes
from pyramid.writing.lease import Lease
from pyramid.writing.level_documents import late_documents
from pyramid.writing.ome_group import ome_documents
from pyramid.writing.target import Target

# Percentiles of the values between which a channel is displayed: outliers do not darken the image.
SHOWN_PERCENT = (1.0, 99.9)
# Pixels of a channel that percentiles are computed from. The level has at least the first number of them, so that the
# percentiles are reliable. Planes are chosen up to the second number, so that they are read quickly.
MIN_SAMPLE_PX = 2**16
MAX_SAMPLE_PX = 2**20
# Pixels in memory at once. Planes of one chunk are read together with the pixels between them, up to this number. So
# are the objects of all reads that are under way at once.
MAX_HELD_PX = 2**24
# Reads under way at once over the network: each waits for a round trip.
READS = 16


@dataclass(frozen=True, slots=True)
class Additions:
    """Further metadata of an image.

    Parameters
    ----------
    attributes
        Returns further attributes of the group, given those that are about to be written; None for none.
    xml
        OME-XML that is kept next to the levels; None if there is none.
    foreign
        Attributes of the group that OME-Zarr has no meaning for.
    """

    attributes: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    xml: bytes | None = None
    foreign: Mapping[str, Any] = field(default_factory=dict)


def finish(
    plan: Plan,
    target: Target,
    lease: Lease,
    extremes: Mapping[int, Extremes],
    additions: Additions,
) -> Mapping[str, bytes]:
    """Write the metadata of a pyramid whose pixels are all written.

    Parameters
    ----------
    plan, target, lease
        The plan of the run, its target, and its claim on the target.
    extremes
        The least and the greatest value of level 0, by channel index.
    additions
        What is written with the metadata.

    Returns
    -------
    mapping
        The documents that were written, by key.
    """
    image = image_of(plan, () if plan.label is not None else measured_channels(plan, target, extremes))
    made = attributes(image, plan.version)
    late = {**dict(late_documents(plan, image)), **ome_documents(FORMATS[plan.version], additions.xml)}
    add = additions.attributes
    return target.commit({**additions.foreign, **made, **(add(made) if add else {})}, lease, late)


def image_of(plan: Plan, channels: Sequence[OmeroChannel]) -> Multiscale:
    """Return the metadata of a pyramid, with its channels as they are displayed."""
    spec = plan.spec
    moved = any(any(level.translation) for level in plan.levels)
    used = plan.method if plan.uses_method else None
    return Multiscale(
        axes=spec.axes,
        units=spec.units,
        datasets=tuple(
            Dataset(plan.level_path(number), level.scale, level.translation if moved else None)
            for number, level in enumerate(plan.levels)
        ),
        name=spec.name,
        method=plan.made_by,
        copied=plan.copied,
        nodata=plan.nodata,
        channels=tuple(channels),
        image_label=plan.label,
        provenance={
            **creator(__version__, used, spec.location, skip_empty=plan.encoding.skip_empty),
            **dict(spec.edits),
            **kept_acquisition(spec.details, () if plan.label is not None else spec.channels),
        },
        default_z=spec.shape[spec.axes.index("z")] // 2 if "z" in spec.axes else 0,
    )


def early_attributes(plan: Plan, further: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the attributes of an image whose pixels are yet to come.

    Nothing is known of how its channels are displayed. `further` attributes are those that options add.
    """
    return {**(further or {}), **attributes(image_of(plan, ()), plan.version)}


def measured_channels(plan: Plan, target: Target, extremes: Mapping[int, Extremes]) -> tuple[OmeroChannel, ...]:
    """Return the display settings of a pyramid whose pixels are all written."""
    shown = {channel: shown_range(sample, plan.nodata) for channel, sample in _samples(plan, target)}
    measured = []
    for channel in sorted(shown):
        seen = extremes[channel]
        least = math.nan if seen.least is None else seen.least
        greatest = math.nan if seen.greatest is None else seen.greatest
        measured.append((least, greatest, *shown[channel]))
    return omero_channels(plan.spec.channels, plan.spec.dtype, measured)


def shown_range(sample: NDArray[Any], nodata: float | None) -> tuple[float, float]:
    """Return the lower and the upper percentile of the values to display.

    NaN, infinite values and `nodata` are ignored. Both results are NaN if no other values remain.
    """
    sample = sample if nodata is None else sample[sample != nodata]
    finite = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    if finite.size == 0:
        return math.nan, math.nan
    if finite.dtype in (np.uint8, np.uint16):
        return _percentiles_by_counts(finite)
    start, end = np.percentile(finite.astype(np.float64), SHOWN_PERCENT)
    return float(start), float(end)


def _percentiles_by_counts(values: NDArray[Any]) -> tuple[float, float]:
    """Return the percentiles of small unsigned integers from their histogram.

    They are those of `numpy.percentile`, which takes seven times as long.

    Examples
    --------
    >>> values = np.arange(101, dtype="uint16")
    >>> _percentiles_by_counts(values), tuple(map(float, np.percentile(values, SHOWN_PERCENT)))
    ((1.0, 99.9), (1.0, 99.9))
    """
    ranks = np.cumsum(np.bincount(values.ravel()))
    positions = np.asarray(SHOWN_PERCENT) / 100 * (values.size - 1)
    below = np.floor(positions)
    lower = np.searchsorted(ranks, below, side="right")
    upper = np.searchsorted(ranks, np.ceil(positions), side="right")
    fraction = positions - below
    near_lower, near_upper = lower + (upper - lower) * fraction, upper - (upper - lower) * (1 - fraction)
    start, end = np.where(fraction < 0.5, near_lower, near_upper)  # as numpy rounds
    return float(start), float(end)


def _samples(plan: Plan, target: Target) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the index and a sample of the pixels of each channel, in any order.

    The samples are planes of a small level, evenly spread over time and depth.
    """
    axes = plan.spec.axes
    number = _sampled_level(plan)
    level = plan.levels[number]

    def read(boxes: Sequence[Box]) -> list[tuple[int, NDArray[Any]]]:
        around = _around(boxes)
        pixels = np.empty(around.shape, plan.spec.dtype)
        target.read(number, around, pixels)
        within = (tuple(a - b for a, b in zip(box.start, around.start, strict=True)) for box in boxes)
        planes = (pixels[Box(start, box.shape).slices].ravel() for start, box in zip(within, boxes, strict=True))
        return [(channel(box), plane) for box, plane in zip(boxes, planes, strict=True)]

    def channel(box: Box) -> int:
        return box.start[axes.index("c")] if "c" in axes else 0

    channels = range(level.shape[axes.index("c")] if "c" in axes else 1)
    planes = [list(_planes(axes, level.shape, c)) for c in channels]
    reads = list(_together(_by_chunks(planes, axes, level.chunks), level.chunks))
    most = 1 if locate(target.url).is_local else _reads_at_once(map(_around, reads), level.object_shape)
    held: dict[int, list[NDArray[Any]]] = {}
    for found in map_concurrently(read, reads, most):
        for c, pixels in found:
            held.setdefault(c, []).append(pixels)
            if len(held[c]) == len(planes[c]):
                yield c, np.concatenate(held.pop(c))


def _by_chunks(planes: Sequence[Sequence[Box]], axes: str, chunks: Shape) -> Iterator[Box]:
    """Yield the planes of all channels, chunk by chunk where channels share chunks.

    Examples
    --------
    >>> planes = [[Box((c, y), (1, 8)) for y in (0, 8)] for c in range(2)]
    >>> [box.start for box in _by_chunks(planes, "cy", (2, 8))], [box.start for box in _by_chunks(planes, "cy", (1, 8))]
    ([(0, 0), (1, 0), (0, 8), (1, 8)], [(0, 0), (0, 8), (1, 0), (1, 8)])
    """
    step = chunks[axes.index("c")] if "c" in axes else 1
    for first in range(0, len(planes), step):
        sharing = (box for boxes in planes[first : first + step] for box in boxes)
        yield from sorted(sharing, key=lambda box: tuple(a // c for a, c in zip(box.start, chunks, strict=True)))


def _reads_at_once(boxes: Iterable[Box], object_shape: Shape) -> int:
    """Return how many boxes to read at once, so that their objects fit in memory.

    Examples
    --------
    >>> _reads_at_once([Box((0, 100), (1, 3000))], (256, 1024))
    16
    >>> _reads_at_once([Box((0, 100), (1, 3000))], (1024, 1024))
    4
    """
    most_objects = max(sum(1 for _ in box.grid_positions(object_shape)) for box in boxes)
    return min(READS, max(1, MAX_HELD_PX // (most_objects * math.prod(object_shape))))


def _together(boxes: Iterable[Box], chunks: Shape) -> Iterator[list[Box]]:
    """Yield groups of planes that begin in one chunk, as many as fit in memory.

    So each chunk is fetched and decoded once.

    Examples
    --------
    >>> planes = [Box((z, 0, 0), (1, 64, 64)) for z in (0, 20, 40, 60)]
    >>> [[box.start[0] for box in boxes] for boxes in _together(planes, (32, 64, 64))]
    [[0, 20], [40, 60]]
    """
    held: list[Box] = []
    for box in boxes:
        apart = held and any(a // c != b // c for a, b, c in zip(box.start, held[0].start, chunks, strict=True))
        if apart or _around([*held, box]).size_px > MAX_HELD_PX:
            yield from [held] if held else []
            held = []
        held.append(box)
    yield held


def _around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds all boxes."""
    start = tuple(map(min, zip(*(box.start for box in boxes), strict=True)))
    stop = map(max, zip(*(box.stop for box in boxes), strict=True))
    return Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))


def _sampled_level(plan: Plan) -> int:
    """Return the number of the smallest level with all channels and enough pixels.

    It is 0 if none has.
    """
    channels = [level.shape[plan.spec.axes.index("c")] if "c" in plan.spec.axes else 1 for level in plan.levels]
    for number, (level, count) in reversed([*enumerate(zip(plan.levels, channels, strict=True))]):
        if count == channels[0] and math.prod(level.shape) // count >= MIN_SAMPLE_PX:
            return number
    return 0


def _planes(axes: str, shape: Shape, channel: int) -> Iterator[Box]:
    """Yield the boxes of a channel that are sampled.

    This is the whole channel if it is small, otherwise some of its planes. Of a large plane only the middle is sampled.
    """
    extent = dict(zip(axes, shape, strict=True)) | {"c": 1}
    if math.prod(extent[axis] for axis in axes) <= MAX_SAMPLE_PX:
        yield Box(tuple(channel if axis == "c" else 0 for axis in axes), tuple(extent[axis] for axis in axes))
        return
    edge = math.isqrt(MAX_SAMPLE_PX)
    plane = {axis: min(extent[axis], edge) for axis in "yx"}
    stack = {axis: n for axis, n in extent.items() if axis in "tz"}
    depth = math.prod(stack.values())
    wanted = min(depth, max(1, MAX_SAMPLE_PX // math.prod(plane.values())))
    middle = {axis: (extent[axis] - n) // 2 for axis, n in plane.items()}
    for flat in np.linspace(0, depth - 1, wanted).round().astype(int):
        at = dict(zip(stack, np.unravel_index(flat, tuple(stack.values())), strict=True)) if stack else {}
        start = {**at, **middle, "c": channel}
        yield Box(tuple(int(start[axis]) for axis in axes), tuple(plane.get(axis, 1) for axis in axes))
