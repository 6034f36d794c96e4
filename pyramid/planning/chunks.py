"""Chunk and shard shapes: what a viewer fetches at once, and what an object holds.

A chunk holds at most 1 MiB before compression. It grows by powers of two, in the order that its layout says, so that
planes, cubes or both are quick to fetch. Shards hold about 64 MiB, which makes some 16,000 objects a TB. A shard grows
first over what the source decodes at once, so that no tile of the source is decoded for two shards. Planes or volumes
that are smaller are gathered over time, then over channels. So a long series of small frames does not become many small
objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pyramid.errors import OptionError
from pyramid.model import SPACE, Shape, SourceSpec
from pyramid.options.parsing import ChunkLayout, ShardLayout

# Largest automatic chunk and shard before compression: a viewer fetches a chunk at once, and shards keep objects few.
MAX_CHUNK_BYTES = 2**20
MAX_SHARD_BYTES = 64 * 2**20
# Least size before compression. A smaller chunk or shard is gathered with its neighbours in time and over channels:
# many small objects are slow to write and to read.
MIN_CHUNK_BYTES = 2**19
MIN_SHARD_BYTES = 4 * 2**20
# Axes along which small chunks are gathered, in this order.
GATHERED_AXES = "tc"
# Extent of y and x in the layout `auto` before z grows: viewers draw tiles of 256 pixels.
AUTO_EDGE = 256


def chunk_shape(spec: SourceSpec, given: ChunkLayout | Mapping[str, int]) -> Shape:
    """Return the chunk shape before it is cut to each level's shape.

    Parameters
    ----------
    spec
        The source, with the scale that is to be written.
    given
        ``auto``: y and x grow to 256, then z, then y and x again. ``plane``: y and x grow, z is 1. ``volume``: the
        chunk grows towards a cube of space. By axis: other axes of space take their extent in ``auto``; t and c take 1.
    """
    chunk = _Growing(spec)
    if given == "volume":
        chunk.fill_cube(_depth(spec) or 1.0)
    elif given == "plane":
        chunk.fill("yx")
    else:
        chunk.fill("yx", AUTO_EDGE)
        chunk.fill("z")
        chunk.fill("yx")
    if isinstance(given, str):
        chunk.gather(f"{GATHERED_AXES}z" if given == "plane" else GATHERED_AXES)
        return tuple(chunk.edges.values())
    return tuple(given.get(axis, edge) for axis, edge in chunk.edges.items())


class _Growing:
    """A chunk that grows by powers of two up to `MAX_CHUNK_BYTES`.

    Its last step may take an edge beyond the end of the axis: chunks are cut to each level's shape later.
    """

    def __init__(self, spec: SourceSpec) -> None:
        self._extent = dict(zip(spec.axes, spec.shape, strict=True))
        self._item_bytes = spec.item_bytes
        self.edges = dict.fromkeys(spec.axes, 1)

    def fill(self, axes: str, max_edge: float = math.inf) -> None:
        """Double `axes` together while the chunk stays small enough.

        Each grows up to the end of its axis, or to `max_edge`.
        """
        while self._double(axes, max_edge):
            pass

    def fill_cube(self, depth: float) -> None:
        """Double the shorter side of a cube while the chunk stays small enough.

        A voxel is `depth` widths deep.
        """
        while True:
            wide = min((self.edges[axis] for axis in "yx" if not self._is_whole(axis)), default=math.inf)
            deep = math.inf if self._is_whole("z") else self.edges["z"] * depth
            if not self._double("z" if deep < wide else "yx"):
                return

    def gather(self, axes: str) -> None:
        """Take neighbours along `axes` into a chunk that is still small.

        An axis is begun when all of space that is not in `axes`, and the axes before it, are whole.
        """
        others = [axis for axis in SPACE if axis not in axes]
        for axis in axes:
            if self._bytes_of(self.edges) >= MIN_CHUNK_BYTES or not all(map(self._is_whole, others)):
                return
            self.fill(axis)
            others.append(axis)

    def _double(self, axes: str, max_edge: float = math.inf) -> bool:
        growing = [axis for axis in axes if not self._is_whole(axis) and 2 * self.edges[axis] <= max_edge]
        doubled = self.edges | {axis: 2 * self.edges[axis] for axis in growing}
        if not growing or self._bytes_of(doubled) > MAX_CHUNK_BYTES:
            return False
        self.edges = doubled
        return True

    def _is_whole(self, axis: str) -> bool:
        return axis not in self._extent or self.edges[axis] >= self._extent[axis]

    def _bytes_of(self, edges: Mapping[str, int]) -> int:
        return math.prod(min(edges[axis], extent) for axis, extent in self._extent.items()) * self._item_bytes


def _depth(spec: SourceSpec) -> float | None:
    """Return how many times deeper than wide a voxel is, at least 1.

    Returns None where the depth, the width or a common unit is not known.
    """
    size = dict(zip(spec.axes, spec.scale, strict=True))
    unit = dict(zip(spec.axes, spec.units, strict=True))
    z, y, x = (size.get(axis) for axis in "zyx")
    if z is None or y is None or x is None or not unit["z"] == unit["y"] == unit["x"]:
        return None
    return max(1.0, z / max(y, x))


def first_shards(spec: SourceSpec, chunks: Shape, given: ShardLayout | Mapping[str, int]) -> Shape | None:
    """Return the shard shape of level 0 before it is cut to the level's shape.

    Returns None for no shards. Raises OptionError where a shard is not a multiple of its chunk.
    """
    if given == "none":
        return None
    if isinstance(given, str):
        return _auto_shards(spec, chunks)
    shards = tuple(given.get(axis, edge) for axis, edge in zip(spec.axes, chunks, strict=True))
    for axis, shard, chunk in zip(spec.axes, shards, chunks, strict=True):
        if shard % chunk:
            nearest = max(1, round(shard / chunk)) * chunk
            raise OptionError(
                f"shards: {axis}={shard} is not a multiple of the chunk's {axis}={chunk}; {axis}={nearest} would be"
            )
    return shards


def _auto_shards(spec: SourceSpec, chunks: Shape) -> Shape:
    """Double a chunk until it is a shard.

    It grows first over what the source decodes at once, then along the axis of space with the fewest chunks.
    """
    shards = list(chunks)
    item_bytes = spec.item_bytes
    order = [i for axis in "xyz" if (i := spec.axes.find(axis)) >= 0]

    def held_bytes() -> int:
        return math.prod(min(s, n) for s, n in zip(shards, spec.shape, strict=True)) * item_bytes

    def can_grow(axis: int) -> bool:
        return shards[axis] < spec.shape[axis] and 2 * held_bytes() <= MAX_SHARD_BYTES

    for axis in sorted(range(len(shards)), key=lambda i: (spec.axes[i] != "c", -i)):
        while shards[axis] < spec.chunks[axis] and can_grow(axis):
            shards[axis] *= 2
    while growing := [axis for axis in order if can_grow(axis)]:
        axis = min(growing, key=lambda i: (shards[i] // chunks[i], order.index(i)))
        shards[axis] *= 2
    for axis in (i for letter in GATHERED_AXES if (i := spec.axes.find(letter)) >= 0):
        while held_bytes() < MIN_SHARD_BYTES and can_grow(axis):
            shards[axis] *= 2
    return tuple(shards)


def next_shards(before: Shape | None, factors: Shape, chunks: Shape) -> Shape | None:
    """Return the shard shape of the next level: smaller by that level's factors.

    So one block is one object on each level. Where the smaller shard is not a multiple of the chunk, the shard is one
    chunk wide on that axis. Returns None for no shards.
    """
    if before is None:
        return None
    smaller = (s // f if s % f == 0 else 0 for s, f in zip(before, factors, strict=True))
    return tuple(s if s and s % c == 0 else c for s, c in zip(smaller, chunks, strict=True))
