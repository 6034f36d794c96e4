"""Chunk and shard shapes: what a viewer fetches at once, and what an object holds.

Chunks hold 0.5 to 1 MiB before compression and are as near to a cube of space as powers of two allow; shards hold
about 64 MiB, some 16,000 objects a TB. A shard grows first over what the source decodes at once, so that no tile
of it is decoded for two shards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from pyramid.errors import OptionError
from pyramid.model import Shape, SourceSpec

CHUNK_BYTES_MOST = 2**20
SHARD_BYTES_MOST = 64 * 2**20
CHUNK_EDGES = (1024, 512, 256, 128, 64, 32)


def chunk_shape(spec: SourceSpec, given: Literal["auto", "none"] | Mapping[str, int]) -> Shape:
    """The chunk shape before it is cut to each level's shape.

    Axes that `given` leaves out take the whole of y and x up to the automatic edge, and 1 elsewhere.
    """
    item_bytes = np.dtype(spec.dtype).itemsize
    automatic = _auto_chunks(spec, item_bytes)
    if isinstance(given, str):
        return automatic
    return tuple(given.get(axis, edge) for axis, edge in zip(spec.axes, automatic, strict=True))


def _auto_chunks(spec: SourceSpec, item_bytes: int) -> Shape:
    extent = dict(zip(spec.axes, spec.shape, strict=True))
    depth = _depth(spec)
    edge, deep = CHUNK_EDGES[-1], 1
    for edge in CHUNK_EDGES:
        deep = 1 if depth is None else min(edge, max(1, 2 ** round(math.log2(edge / depth))))
        if edge * edge * deep * item_bytes <= CHUNK_BYTES_MOST:
            break
    fitted = {axis: min(n, edge) if axis in "yx" else 1 for axis, n in extent.items()}
    if "z" in extent:
        planes = CHUNK_BYTES_MOST // (fitted["y"] * fitted["x"] * item_bytes)
        fits = extent["z"] if extent["z"] <= planes else 2 ** int(math.log2(max(1, planes // 2)))
        fitted["z"] = min(extent["z"], max(deep, fits))
    edges = {"y": edge, "x": edge}
    return tuple(edges.get(axis, fitted[axis]) for axis in spec.axes)


def _depth(spec: SourceSpec) -> float | None:
    """How many times deeper than wide a voxel is, at least 1; None where it is not known."""
    size = dict(zip(spec.axes, spec.scale, strict=True))
    unit = dict(zip(spec.axes, spec.units, strict=True))
    z, y, x = (size.get(axis) for axis in "zyx")
    if z is None or y is None or x is None or not unit["z"] == unit["y"] == unit["x"]:
        return None
    return max(1.0, z / max(y, x))


def first_shards(spec: SourceSpec, chunks: Shape, given: Literal["auto", "none"] | Mapping[str, int]) -> Shape | None:
    """The shard shape of level 0 before it is cut to its shape, None for none.

    Raises OptionError where a shard is no multiple of its chunk.
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
                f"shards: {axis}={shard} is no multiple of the chunk's {axis}={chunk}; {axis}={nearest} would be"
            )
    return shards


def _auto_shards(spec: SourceSpec, chunks: Shape) -> Shape:
    """Double the chunk, first over what the source decodes at once, then where fewest chunks are joined."""
    shards = list(chunks)
    item_bytes = np.dtype(spec.dtype).itemsize
    order = [i for axis in "xyz" if (i := spec.axes.find(axis)) >= 0]

    def room(axis: int) -> bool:
        grown = 2 * math.prod(min(s, n) for s, n in zip(shards, spec.shape, strict=True)) * item_bytes
        return shards[axis] < spec.shape[axis] and grown <= SHARD_BYTES_MOST

    for axis in sorted(range(len(shards)), key=lambda i: (spec.axes[i] != "c", -i)):
        while shards[axis] < spec.chunks[axis] and room(axis):
            shards[axis] *= 2
    while growing := [axis for axis in order if room(axis)]:
        axis = min(growing, key=lambda i: (shards[i] // chunks[i], order.index(i)))
        shards[axis] *= 2
    return tuple(shards)


def next_shards(before: Shape | None, factors: Shape, chunks: Shape) -> Shape | None:
    """The shard of the next level: smaller by its factors, so that one block is one object on each level.

    Where that is no multiple of the chunk, the shard is one chunk wide on that axis.
    """
    if before is None:
        return None
    smaller = (s // f if s % f == 0 else 0 for s, f in zip(before, factors, strict=True))
    return tuple(s if s and s % c == 0 else c for s, c in zip(smaller, chunks, strict=True))
