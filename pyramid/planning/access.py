"""The cost of reading regions of level 0: requests and bytes, by layout of chunks.

Whoever shows an image, or works on parts of it, reads whole chunks. A chunk that is an object takes one request. Of a
shard, its index takes one, and chunks that follow each other in it take one together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from pyramid.errors import OptionError
from pyramid.model import Box, Shape
from pyramid.ngff import FORMATS
from pyramid.options.parsing import ChunkLayout
from pyramid.planning.chunks import chunk_shape, first_shards
from pyramid.planning.levels import fitted
from pyramid.planning.resources import show_bytes
from pyramid.tables import Row, Table, format_shape

if TYPE_CHECKING:
    from pyramid.options.convert import Options
    from pyramid.planning import Plan
    from pyramid.planning.levels import PlannedLevel

# Number of positions of a region whose mean is taken. They are spread over the image, so that few are on the grid.
POSITIONS = 32
# The bases of the sequence of positions, one for each axis: primes, so that no two axes move together.
BASES = (2, 3, 5, 7, 11)
# Extents of regions by axis; None is the whole axis, and axes that are not named have one pixel.
REGIONS: Mapping[str, Mapping[str, int | None]] = {
    "plane": {"y": None, "x": None},
    "512 x 512 tile": {"y": 512, "x": 512},
    "128 x 128 x 128 cube": {"z": 128, "y": 128, "x": 128},
    "time trace of a pixel": {"t": None},
}


@dataclass(frozen=True, slots=True)
class RegionCost:
    """The cost of one region: mean requests, and mean bytes before compression."""

    region: str
    requests: float
    read_bytes: float


@dataclass(frozen=True, slots=True)
class LayoutCost:
    """The cost of regions in one layout.

    Parameters
    ----------
    layout
        The value of ``chunks``: the name of a preset, or ``as given``.
    chosen
        True for the layout that the plan has.
    chunks, shards
        Their shapes on level 0; no shards are None.
    regions
        The cost of each region that the image has the axes for.
    """

    layout: str
    chosen: bool
    chunks: Shape
    shards: Shape | None
    regions: tuple[RegionCost, ...]


def with_access(plan: Plan, options: Options) -> Plan:
    """Return a plan with the cost of regions in its chunks and in the presets.

    Parameters
    ----------
    plan
        The plan.
    options
        ``chunks`` and ``shards`` are read.
    """
    shards_allowed = FORMATS[plan.version].shards
    first, spec = plan.levels[0], plan.spec
    own = options.chunks if isinstance(options.chunks, str) else "as given"
    found = [_cost(own, first, plan, chosen=True)]
    for preset in get_args(ChunkLayout):
        if preset != own:
            chunks = chunk_shape(spec, preset)
            try:
                shards = first_shards(spec, chunks, options.shards) if shards_allowed else None
            except OptionError:  # the shards that are given fit no other chunks
                shards = first_shards(spec, chunks, "auto")
            found.append(_cost(preset, fitted(replace(first, chunks=chunks, shards=shards)), plan, chosen=False))
    return replace(plan, access=tuple(found))


def _cost(layout: str, level: PlannedLevel, plan: Plan, *, chosen: bool) -> LayoutCost:
    axes, item_bytes, regions = plan.spec.axes, plan.spec.item_bytes, []
    for name, extents in REGIONS.items():
        if all(axis in axes for axis in extents):
            shape = tuple(
                n if (extent := extents.get(axis, 1)) is None else min(extent, n)
                for axis, n in zip(axes, level.shape, strict=True)
            )
            costs = [region_cost(box, level) for box in positions(shape, level.shape)]
            requests, pixels = (sum(values) / len(costs) for values in zip(*costs, strict=True))
            regions.append(RegionCost(name, requests, pixels * item_bytes))
    return LayoutCost(layout, chosen, level.chunks, level.shards, tuple(regions))


def positions(shape: Shape, extent: Shape) -> Iterator[Box]:
    """Yield a region at positions that are spread evenly over an image.

    Examples
    --------
    >>> [box.start for box in itertools.islice(positions((2, 4), (10, 4)), 3)]
    [(4, 0), (2, 0), (6, 0)]
    """
    for number in range(1, POSITIONS + 1):
        start = tuple(
            int(_van_der_corput(number, base) * (n - edge + 1))
            for n, edge, base in zip(extent, shape, BASES, strict=False)
        )
        yield Box(start, shape)


def _van_der_corput(number: int, base: int) -> float:
    """Return a number's digits in a base, reversed behind the point."""
    found, share = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        share /= base
        found += digit * share
    return found


def region_cost(box: Box, level: PlannedLevel) -> tuple[int, int]:
    """Return the requests, and the pixels of the chunks, that reading a region takes."""
    pixels = math.prod(
        min(-(-stop // chunk) * chunk, extent) - start // chunk * chunk
        for start, stop, chunk, extent in zip(box.start, box.stop, level.chunks, level.shape, strict=True)
    )
    if level.shards is None:
        return _count_tiles(box, level.chunks), pixels
    per_axis = [
        _parts(start, stop, chunk, shard)
        for start, stop, chunk, shard in zip(box.start, box.stop, level.chunks, level.shards, strict=True)
    ]
    grid = tuple(shard // chunk for shard, chunk in zip(level.shards, level.chunks, strict=True))
    requests = 0
    for combination in itertools.product(*(parts.items() for parts in per_axis)):
        shards = math.prod(count for _, count in combination)
        requests += shards * (1 + _runs([taken for taken, _ in combination], grid))
    return requests, pixels


def _count_tiles(box: Box, tile: Shape) -> int:
    """Return the number of tiles that a box touches."""
    return math.prod(-(-stop // t) - start // t for start, stop, t in zip(box.start, box.stop, tile, strict=True))


def _parts(start: int, stop: int, chunk: int, shard: int) -> dict[int, int]:
    """Return how many shards have how many of their chunks touched, on one axis.

    Examples
    --------
    >>> _parts(3, 20, 2, 8)
    {3: 1, 4: 1, 2: 1}
    """
    first, last = start // shard, (stop - 1) // shard
    parts: dict[int, int] = {}

    def add(taken: int, count: int) -> None:
        if count:
            parts[taken] = parts.get(taken, 0) + count

    def touched(number: int) -> int:
        low, high = max(start, number * shard), min(stop, (number + 1) * shard)
        return -(-high // chunk) - low // chunk

    add(touched(first), 1)
    add(shard // chunk, max(0, last - first - 1))
    add(touched(last), int(last > first))
    return parts


def _runs(taken: Sequence[int], grid: Shape) -> int:
    """Return the number of runs of chunks that follow each other in a shard.

    Examples
    --------
    >>> _runs((2, 3, 4), (8, 8, 4)), _runs((8, 8, 4), (8, 8, 4))
    (2, 1)
    """
    for axis in reversed(range(len(grid))):
        if taken[axis] < grid[axis]:
            return math.prod(taken[:axis])
    return 1


def access_table(costs: Sequence[LayoutCost]) -> Table:
    """Return costs as a table; a cell has requests and bytes before compression."""
    heads = ("chunks", "a chunk", "shards", *(cost.region for cost in costs[0].regions))
    rows: list[Row] = [
        (
            f"{cost.layout} (chosen)" if cost.chosen else cost.layout,
            format_shape(cost.chunks),
            format_shape(cost.shards),
            *(f"{max(1, round(each.requests)):,}: {show_bytes(round(each.read_bytes))}" for each in cost.regions),
        )
        for cost in costs
    ]
    return heads, rows
