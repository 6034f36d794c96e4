"""Slabs of the coarser levels of a block: of each level, one is in memory at once.

The slabs of a level fill one of the next level, which is encoded as soon as it is whole and becomes part of one of the
level after it. So a level takes the memory of one slab, and the processor's cache may still hold it. Slabs cut no chunk
and no window, and they come in an order in which the chunks of a shard are in C order: its bytes do not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyramid.model import Shape, reduced_shape
from pyramid.planning.levels import PlannedLevel
from pyramid.planning.slabs import MAX_OPEN_SHARDS, begun_shards, least_rows


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The pieces in which a level of a block comes: reduced slabs of the one before.

    Parameters
    ----------
    block
        Extents of the block in the level.
    piece
        Extents of a piece.
    group
        Extents of a group: groups come in C order, and so do the pieces of each.
    """

    block: Shape
    piece: Shape
    group: Shape

    def reduced(self, factors: Shape) -> _Pieces:
        """Return the pieces that those become in the next level."""
        return _Pieces(*(reduced_shape(extents, factors) for extents in (self.block, self.piece, self.group)))

    def slab_within_group(self, level: PlannedLevel, factors: Shape) -> Shape | None:
        """Return the smallest slab of pieces that follow each other in a group.

        Each object of the level is within one group then. None if a group does not divide into such slabs.
        """
        slab = self._joined(least_rows(level, factors, self.block, self.piece), self.piece, self.group)
        whole = all(
            group == end or (group % edge == 0 and group % object_shape == 0)
            for group, edge, object_shape, end in zip(self.group, slab, level.object_shape, self.block, strict=True)
        )
        return slab if whole else None

    def slab_of_groups(self, level: PlannedLevel, factors: Shape) -> Shape:
        """Return the smallest slab of whole groups and whole objects."""
        least = least_rows(level, factors, self.block, self.piece)
        edges = map(math.lcm, least, self.group, level.object_shape)
        return self._joined(tuple(map(min, edges, self.block)), self.group, self.block)

    @staticmethod
    def _joined(slab: Shape, piece: Shape, whole: Shape) -> Shape:
        """Widen a slab to `whole` on the axes after one on which it has several pieces.

        Its pieces follow each other then.
        """
        joined: list[int] = []
        several = False
        for edge, part, end in zip(slab, piece, whole, strict=True):
            joined.append(end if several else edge)
            several = several or joined[-1] > part
        return tuple(joined)


def choose_coarser_slabs(
    levels: Sequence[PlannedLevel], block: Shape, slab: Shape, group: Shape, *, one_object: bool
) -> tuple[Shape, ...]:
    """Return the extents of the slabs of each level after the first.

    Parameters
    ----------
    levels
        The level that is read, and those that are made from it.
    block, slab, group
        Extents of a block, of its slabs and of their groups, in pixels of the first level.
    one_object
        Whether only one shard may be under way at once.

    Examples
    --------
    >>> ones, scale = (1, 1, 1), (1.0, 1.0, 1.0)
    >>> levels = [
    ...     PlannedLevel((64, 2048, 2048), ones, ones, scale, scale, (32, 128, 128), (64, 512, 1024)),
    ...     PlannedLevel((64, 1024, 1024), (1, 2, 2), ones, scale, scale, (32, 128, 128), (64, 256, 512)),
    ...     PlannedLevel((32, 512, 512), (2, 2, 2), ones, scale, scale, (32, 128, 128), None),
    ... ]
    >>> choose_coarser_slabs(levels, (64, 1024, 2048), (32, 128, 2048), (64, 512, 2048), one_object=False)
    ((32, 128, 1024), (32, 128, 512))
    """
    pieces = _Pieces(block, slab, group)
    open_shards = begun_shards(slab, levels[0], block)
    slabs: list[Shape] = []
    for number, level in enumerate(levels[1:], 1):
        pieces = pieces.reduced(level.factors)
        after = levels[number + 1].factors if number + 1 < len(levels) else (1,) * len(block)
        made = None if one_object else pieces.slab_within_group(level, after)
        begun = begun_shards(made, level, pieces.block) if made else 0
        if made is None or open_shards + begun > MAX_OPEN_SHARDS:
            made, begun = pieces.slab_of_groups(level, after), 0
            pieces = _Pieces(pieces.block, made, pieces.block)
        open_shards += begun
        pieces = _Pieces(pieces.block, made, pieces.group)
        slabs.append(made)
    return tuple(slabs)
