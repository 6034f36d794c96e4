"""Chunk and shard shapes: what a viewer fetches at once, and what an object holds.

Chunks hold 0.5 to 1 MiB before compression, and are as near to a cube of space as powers of two allow. Shards hold
about 64 MiB, which makes some 16,000 objects a TB. A shard grows first over what the source decodes at once, so that
no tile of the source is decoded for two shards. Planes or volumes that are smaller are gathered over time, then over
channels. So a long series of small frames does not become many small objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from pyramid.errors import OptionError
from pyramid.model import SPACE, Shape, SourceSpec

# Largest automatic chunk and shard before compression: a viewer fetches a chunk at once, and shards keep objects few.
MAX_CHUNK_BYTES = 2**20
MAX_SHARD_BYTES = 64 * 2**20
# Least size before compression. A smaller chunk or shard is gathered with its neighbours in time and over channels:
# many small objects are slow to write and to read.
MIN_CHUNK_BYTES = 2**19
MIN_SHARD_BYTES = 4 * 2**20
# Axes along which small chunks are gathered, in this order.
GATHERED_AXES = "tc"
# Edges of automatic chunks along y and x, the largest first: powers of two, which halve into each other.
CHUNK_EDGES = (1024, 512, 256, 128, 64, 32)


def chunk_shape(spec: SourceSpec, given: Literal["auto", "none"] | Mapping[str, int]) -> Shape:
    """Return the chunk shape before it is cut to each level's shape.

    An axis of space that `given` leaves out takes its automatic extent. The axes t and c take 1.
    """
    item_bytes = np.dtype(spec.dtype).itemsize
    automatic = _auto_chunks(spec, item_bytes)
    if isinstance(given, str):
        return automatic
    left_out = {axis: 1 if axis in GATHERED_AXES else edge for axis, edge in zip(spec.axes, automatic, strict=True)}
    return tuple(given.get(axis, left_out[axis]) for axis in spec.axes)


def _auto_chunks(spec: SourceSpec, item_bytes: int) -> Shape:
    extent = dict(zip(spec.axes, spec.shape, strict=True))
    depth = _depth(spec)
    edge, deep = CHUNK_EDGES[-1], 1
    for edge in CHUNK_EDGES:
        deep = 1 if depth is None else min(edge, max(1, 2 ** round(math.log2(edge / depth))))
        if edge * edge * deep * item_bytes <= MAX_CHUNK_BYTES:
            break
    fitted = {axis: min(n, edge) if axis in "yx" else 1 for axis, n in extent.items()}
    if "z" in extent:
        planes = MAX_CHUNK_BYTES // (fitted["y"] * fitted["x"] * item_bytes)
        fits = extent["z"] if extent["z"] <= planes else 2 ** int(math.log2(max(1, planes // 2)))
        fitted["z"] = min(extent["z"], max(deep, fits))
    edges = {"y": edge, "x": edge, **_gathered(fitted, extent, item_bytes)}
    return tuple(edges.get(axis, fitted[axis]) for axis in spec.axes)


def _gathered(fitted: Mapping[str, int], extent: Mapping[str, int], item_bytes: int) -> dict[str, int]:
    """Return the extents over time and channels of a chunk.

    They are above 1 only where the chunk holds all of space and is still small.

    Examples
    --------
    >>> _gathered({"t": 1, "y": 64, "x": 64}, {"t": 10_000, "y": 64, "x": 64}, 2)
    {'t': 128}
    """
    grown: dict[str, int] = {}
    size_bytes = math.prod(fitted.values()) * item_bytes
    if any(fitted[axis] < extent[axis] for axis in SPACE if axis in extent):
        return grown
    for axis in GATHERED_AXES:
        if axis not in extent:
            continue
        if size_bytes >= MIN_CHUNK_BYTES:
            break
        fits = MAX_CHUNK_BYTES // size_bytes
        grown[axis] = extent[axis] if extent[axis] <= fits else 2 ** int(math.log2(fits))
        if grown[axis] < extent[axis]:
            break
        size_bytes *= grown[axis]
    return grown


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


def first_shards(spec: SourceSpec, chunks: Shape, given: Literal["auto", "none"] | Mapping[str, int]) -> Shape | None:
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
    item_bytes = np.dtype(spec.dtype).itemsize
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
