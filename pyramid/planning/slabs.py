"""Slabs: parts of a block that are in memory at once while its chunks are made.

A block holds whole shards on every level of its pass, and fresh memory for all of its pixels costs more than to encode
them. So a block is read slab by slab, each of whole rows of chunks. The processor's cache still holds a slab when it is
encoded and reduced. The chunks of a shard still come in C order, so its bytes do not depend on the slabs.
"""

from __future__ import annotations

import math

from pyramid.model import Shape, reduced_shape
from pyramid.planning.levels import PlannedLevel

# Size of a slab that is aimed at: in smaller ones the cost of calls shows, and a cache holds less of larger ones.
SLAB_BYTES_AIM = 16 * 2**20
# Most shards that are under way at once in a block: each is an open file. Three workers stay below 256, the limit of a
# process on macOS.
MAX_OPEN_SHARDS = 64


def choose_slab(  # noqa: PLR0913  (only this function would use an object of them)
    level: PlannedLevel, factors: Shape, block: Shape, source_chunks: Shape, item_bytes: int, *, one_object: bool
) -> Shape:
    """Return the extents of a slab, or those of the block where slabs gain nothing.

    Parameters
    ----------
    level
        The level whose chunks the slabs hold.
    factors
        Factors from this level to the next. Slabs do not cut windows.
    block
        Extents of the block that is cut: whole objects of the level, or up to its edge.
    source_chunks
        Extents that the source decodes at once. Slabs do not cut them.
    item_bytes
        Bytes of a pixel.
    one_object
        Whether only one shard may be under way at once.

    Examples
    --------
    >>> ones, scale = (1, 1, 1), (1.0, 1.0, 1.0)
    >>> level = PlannedLevel((64, 2048, 2048), ones, ones, scale, scale, (32, 128, 128), (64, 512, 1024))
    >>> choose_slab(level, (1, 2, 2), (64, 512, 2048), (1, 1, 1), 2, one_object=False)
    (32, 128, 2048)
    """
    slab = _grown(least_rows(level, factors, block, source_chunks), level, block, item_bytes)
    too_many = begun_shards(slab, level, block) > (1 if one_object else MAX_OPEN_SHARDS)
    return block if too_many or 2 * math.prod(slab) > math.prod(block) else slab


def begun_shards(slab: Shape, level: PlannedLevel, block: Shape) -> int:
    """Return how many shards are under way between two slabs.

    It is 0 if each slab ends those that it begins.
    """
    whole = all(
        edge >= min(object_shape, end) for edge, object_shape, end in zip(slab, level.object_shape, block, strict=True)
    )
    return 0 if whole else math.prod(reduced_shape(slab, level.object_shape))


def least_rows(level: PlannedLevel, factors: Shape, block: Shape, pieces: Shape) -> Shape:
    """Return the smallest part of whole rows of a block.

    It cuts no chunk, no window and no piece, and keeps the order of the chunks of a shard.
    """
    slab: list[int] = []
    whole = False  # whether an axis before this one takes more than one chunk of a shard
    for chunk, factor, piece, object_shape, end in zip(
        level.chunks, factors, pieces, level.object_shape, block, strict=True
    ):
        edge = math.lcm(chunk, factor, piece)
        if whole or object_shape % edge:
            edge = math.lcm(edge, object_shape)
        slab.append(min(edge, end))
        whole = whole or min(slab[-1], object_shape) > chunk
    return (*slab[:-1], block[-1])


def _grown(slab: Shape, level: PlannedLevel, block: Shape, item_bytes: int) -> Shape:
    """Return a slab of more rows of chunks, as long as it is small.

    It has at most the rows of a shard.
    """
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
    """Count the pixels of the whole chunks that cover a shape.

    Examples
    --------
    >>> padded_px((5, 8), (4, 4))
    64
    """
    return math.prod(-(-n // c) * c for n, c in zip(shape, chunks, strict=True))
