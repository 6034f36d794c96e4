"""One pass over an image: its blocks, and their slabs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyramid.model import Box, Shape, reduced_shape
from pyramid.planning.levels import PlannedLevel


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a source, and the levels that are made from it.

    Parameters
    ----------
    source
        The level of the target that is read; None if the source is read. It is 0 for a level 0 that is kept.
    first, last
        The levels that are written, both included.
    shape, block
        Extent of what is read, and of one block of it, in its pixels.
    slab, group
        Part of a block that is in memory at once, and a group of slabs. A group is read as a whole, so that its
        shards end before others begin.
    task_bytes
        Largest memory of one task.
    queue_bytes
        The part of it for encoded bytes that wait to be written.
    own
        Number of the source's own level that is read where `source` is None; 0 is the image itself.
    """

    source: int | None
    first: int
    last: int
    shape: Shape
    block: Shape
    slab: Shape
    group: Shape
    task_bytes: int
    queue_bytes: int
    own: int = 0

    @property
    def grid(self) -> Shape:
        """Number of blocks on each axis."""
        return tuple(-(-n // b) for n, b in zip(self.shape, self.block, strict=True))

    @property
    def tasks(self) -> int:
        """Number of blocks."""
        return math.prod(self.grid)

    def box(self, index: int) -> Box:
        """Return the region of block `index`, in pixels of what is read.

        Blocks are counted in C order.
        """
        start = []
        for count, edge in zip(reversed(self.grid), reversed(self.block), strict=True):
            index, position = divmod(index, count)
            start.append(position * edge)
        origin = tuple(reversed(start))
        extent = (min(b, n - a) for a, b, n in zip(origin, self.block, self.shape, strict=True))
        return Box(origin, tuple(extent))

    def slabs(self, box: Box) -> Iterator[Box]:
        """Yield the slabs of a block, in the order in which they are read."""
        for group in box.split(self.group):
            yield from group.split(self.slab)


def margins_within(levels: Sequence[PlannedLevel]) -> tuple[Shape, ...]:
    """Return the pixels around a block that each level of a pass needs.

    The level that is read is the first. The last needs none, each other one those of the next one's windows.

    Examples
    --------
    >>> ones, scale = (1, 1), (1.0, 1.0)
    >>> levels = [PlannedLevel((n, n), (2, 2), ones, scale, scale, ones, None, (2, 2)) for n in (8, 4, 2)]
    >>> margins_within(levels)
    ((6, 6), (2, 2), (0, 0))
    """
    margins: list[Shape] = [(0,) * len(levels[0].shape)]
    for level in reversed(levels[1:]):
        around = level.margins or (0,) * len(level.shape)
        margins.append(tuple(m * f + a for m, f, a in zip(margins[-1], level.factors, around, strict=True)))
    return tuple(reversed(margins))


def widened(box: Box, margins: Shape, shape: Shape) -> Box:
    """Return a box with `margins` around it, as far as the image of `shape` goes.

    Examples
    --------
    >>> widened(Box((0, 4), (2, 4)), (1, 1), (9, 9))
    Box(start=(0, 3), shape=(3, 6))
    """
    start = tuple(max(0, a - m) for a, m in zip(box.start, margins, strict=True))
    stop = (min(b + m, n) for b, m, n in zip(box.stop, margins, shape, strict=True))
    return Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))


def pixels_with_margins(levels: Sequence[PlannedLevel], block: Shape) -> int:
    """Count the pixels that are held of the levels with margins, 0 without any."""
    margins = margins_within(levels)
    held, extent = 0, block
    for level, around in zip(levels, margins, strict=True):
        extent = extent if level is levels[0] else reduced_shape(extent, level.factors)
        held += math.prod(min(n + 2 * m, end) for n, m, end in zip(extent, around, level.shape, strict=True))
    return held if any(margins[0]) else 0
