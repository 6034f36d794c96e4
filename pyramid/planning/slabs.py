"""Slabs: how much of a block is in memory at once while its chunks are made.

A block is whole shards on every level of its pass, and fresh memory for all of its pixels costs more than to encode
them. So it is read slab by slab, each whole rows of chunks, which the processor's cache still holds when they are
encoded and reduced. A shard's chunks come in C order all the same: its bytes do not depend on the slabs.
"""

from __future__ import annotations

import math

from pyramid.model import Shape
from pyramid.planning.levels import Level

# Below this a slab's own calls show; above, a processor's cache holds less of it.
SLAB_BYTES_AIM = 16 * 2**20
# Shards that are under way at once, each a file that is open.
OPEN_SHARDS = 64


def choose_slab(  # noqa: PLR0913  (what an object would hold is known here alone)
    level: Level, factors: Shape, block: Shape, source_chunks: Shape, item_bytes: int, *, one_object: bool
) -> Shape:
    """The extents of a slab: those of the block where nothing is gained.

    Parameters
    ----------
    level
        The level that the slabs are chunks of.
    factors
        What it is reduced by; windows are not cut.
    block
        Extents of what the slabs are cut from: whole write units of the level, or as far as it reaches.
    source_chunks
        What the source decodes at once; it is not cut.
    item_bytes
        Of a pixel.
    one_object
        Whether only one shard may be under way at once.

    Examples
    --------
    >>> ones, scale = (1, 1, 1), (1.0, 1.0, 1.0)
    >>> level = Level((64, 2048, 2048), ones, ones, scale, scale, (32, 128, 128), (64, 512, 1024))
    >>> choose_slab(level, (1, 2, 2), (64, 512, 2048), (1, 1, 1), 2, one_object=False)
    (32, 128, 2048)
    """
    slab = _grown(_least(level, factors, block, source_chunks), level, block, item_bytes)
    begun = any(
        edge < min(object_shape, end) for edge, object_shape, end in zip(slab, level.object_shape, block, strict=True)
    )
    shards = math.prod(-(-edge // object_shape) for edge, object_shape in zip(slab, level.object_shape, strict=True))
    too_many = begun and shards > (1 if one_object else OPEN_SHARDS)
    return block if too_many or 2 * math.prod(slab) > math.prod(block) else slab


def _least(level: Level, factors: Shape, block: Shape, source_chunks: Shape) -> Shape:
    """The smallest slab of whole rows that cuts neither chunks nor windows nor the order of a shard's chunks."""
    slab: list[int] = []
    whole = False  # of a shard, once an axis before this one takes more than one of its chunks
    for chunk, factor, piece, object_shape, end in zip(
        level.chunks, factors, source_chunks, level.object_shape, block, strict=True
    ):
        edge = math.lcm(chunk, factor, piece)
        if whole or object_shape % edge:
            edge = math.lcm(edge, object_shape)
        slab.append(min(edge, end))
        whole = whole or min(slab[-1], object_shape) > chunk
    return (*slab[:-1], block[-1])


def _grown(slab: Shape, level: Level, block: Shape, item_bytes: int) -> Shape:
    """A slab of more rows of chunks, no more than a shard has of them, as long as that is small."""
    grown = list(slab)
    for axis in reversed(range(len(slab) - 1)):
        end = min(block[axis], level.shards[axis] if level.shards else block[axis])
        while 2 * grown[axis] <= end and 2 * math.prod(grown) * item_bytes <= SLAB_BYTES_AIM:
            if level.shards and level.shards[axis] % (2 * grown[axis]):
                break
            grown[axis] *= 2
        if grown[axis] < end:
            break
    return tuple(grown)


def padded_px(shape: Shape, chunks: Shape) -> int:
    """How many pixels whole chunks hold.

    Examples
    --------
    >>> padded_px((5, 8), (4, 4))
    64
    """
    return math.prod(-(-n // c) * c for n, c in zip(shape, chunks, strict=True))
