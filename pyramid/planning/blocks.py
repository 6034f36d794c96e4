"""One pass over an image: its blocks, and their slabs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyramid.model import Box, Shape
from pyramid.planning.levels import PlannedLevel


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a source, and the levels that are made from it.

    Parameters
    ----------
    source
        The level that is read, None for the image itself.
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
