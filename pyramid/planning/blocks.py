"""One pass over an image: its blocks, and their slabs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pyramid.model import Box, Shape


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a source, and the levels that are made from it.

    Parameters
    ----------
    source
        The level of the target that is read; None if the source is read.
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
