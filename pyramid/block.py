"""The step that turns one block of the source into its part of every level.

It happens in memory, for all levels of a pass together. Arrays are padded to whole chunks, since a chunk is stored
whole. Padding holds the fill value, so that the bytes on disk do not depend on how the work was divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.buffers import Buffers as Buffers
from pyramid.model import Box, Shape, reduced_shape
from pyramid.planning import Pass, PlannedLevel, margins_within, widened
from pyramid.reduce import Method, NeighbourhoodMethod

# Value of pixels outside the image, and of chunks that are left out: the usual fill value of Zarr.
FILL_VALUE = 0

Read: TypeAlias = Callable[[Box, NDArray[Any]], None]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one level that comes from one block.

    Parameters
    ----------
    level
        Number of the level.
    box
        Region of the pixels in the level.
    array
        The pixels, padded to whole chunks. The pixels of the box come first on each axis.
    """

    level: int
    box: Box
    array: NDArray[Any]

    @property
    def pixels(self) -> NDArray[Any]:
        """The pixels of the box without padding, as a view."""
        return self.array[tuple(slice(0, n) for n in self.box.shape)]


def empty_part(level: PlannedLevel, number: int, box: Box, buffers: Buffers, dtype: np.dtype[Any]) -> Part:
    """Return a part with padding set to the fill value, and pixels not yet set."""
    padded = tuple(-(-n // c) * c for n, c in zip(box.shape, level.chunks, strict=True))
    array = buffers.take(number, padded, dtype)
    for axis, (extent, whole) in enumerate(zip(box.shape, padded, strict=True)):
        if extent < whole:
            array[(slice(None),) * axis + (slice(extent, None),)] = FILL_VALUE
    return Part(number, box, array)


@dataclass(frozen=True, slots=True)
class Build:
    """The computation of every level's part from a block of a pass.

    Parameters
    ----------
    levels
        All levels of the plan.
    pass_
        The pass.
    dtype
        NumPy dtype of the pixels.
    method
        The method that reduces a window to a pixel.
    buffers
        Source of the parts' arrays.
    """

    levels: Sequence[PlannedLevel]
    pass_: Pass
    dtype: np.dtype[Any]
    method: Method
    buffers: Buffers

    def parts(self, box: Box, read: Read) -> Iterator[Part]:
        """Yield the parts of a block: level by level in slabs.

        Parameters
        ----------
        box
            Region of the block in the level or source that the pass reads.
        read
            Fills an array with a slab's pixels.

        Yields
        ------
        Part
            Of levels ``pass_.first`` to ``pass_.last``; the first is the part that was read if the pass reads the
            source. A part is valid until the next one is requested.
        """
        number = self.pass_.first if self.pass_.source is None else self.pass_.source
        margins = margins_within(self.levels[number : self.pass_.last + 1])
        if any(margins[0]):
            yield from self._parts_with_margins(box, margins, read)
            return
        boxes = {number: box}
        for level in range(number, self.pass_.last):
            boxes[level + 1] = self._reduced(boxes[level], level)
        begun: dict[int, Part] = {}
        for slab in self.pass_.slabs(box):
            base = self._base(number, slab)
            read(slab, base.pixels)
            if self.pass_.source is None:
                yield base
            yield from self._made_from(base, boxes, begun)

    def _made_from(self, part: Part, boxes: Mapping[int, Box], begun: dict[int, Part]) -> Iterator[Part]:
        """Reduce a part into a slab of the next level, and yield it once it is whole.

        Those that are whole with it follow.
        """
        number = part.level + 1
        if number > self.pass_.last:
            return
        made = self._reduced(part.box, part.level)
        slab = begun.pop(number, None) or self._begin_slab(number, made, boxes[number])
        self._reduce(part, slab)
        if made.stop != slab.box.stop:  # pieces come in C order
            begun[number] = slab
            return
        yield slab
        yield from self._made_from(slab, boxes, begun)

    def _begin_slab(self, number: int, piece: Box, block: Box) -> Part:
        """Return the slab of a level to which a piece belongs, with pixels not yet set."""
        edges = self.pass_.coarser_slab(number)
        start = tuple(a - (a - b) % n for a, b, n in zip(piece.start, block.start, edges, strict=True))
        shape = tuple(min(n, end - a) for a, n, end in zip(start, edges, block.stop, strict=True))
        return empty_part(self.levels[number], number, Box(start, shape), self.buffers, self.dtype)

    def _reduced(self, box: Box, number: int) -> Box:
        """Return the box that one of level `number` becomes in the next level."""
        factors = self.levels[number + 1].factors
        start = tuple(a // f for a, f in zip(box.start, factors, strict=True))
        return Box(start, reduced_shape(box.shape, factors))

    def _base(self, number: int, slab: Box) -> Part:
        if self.pass_.source is None:
            return empty_part(self.levels[number], number, slab, self.buffers, self.dtype)
        return Part(number, slab, self.buffers.take(number, slab.shape, self.dtype))

    def _reduce(self, before: Part, part: Part) -> None:
        """Compute the pixels of `part` from those of `before`."""
        factors, made = self.levels[part.level].factors, self._reduced(before.box, before.level)
        shape = made.shape
        start = tuple(a - b for a, b in zip(made.start, part.box.start, strict=True))
        out = part.array[Box(start, shape).slices] if shape != part.box.shape else part.array
        if out.flags.c_contiguous:
            self.method(before.array, before.box.shape, factors, out)
            return
        whole = self.buffers.take("reduced", shape, self.dtype)
        self.method(before.array, before.box.shape, factors, whole)
        out[...] = whole

    def _parts_with_margins(self, box: Box, margins: Sequence[Shape], read: Read) -> Iterator[Part]:
        """Yield the parts of a block whose pixels also depend on those around it.

        Each level is made with so much around the block that the next has all that it needs.
        """
        assert isinstance(self.method, NeighbourhoodMethod)  # only such a method has margins
        number = self.pass_.first if self.pass_.source is None else self.pass_.source
        region = widened(box, margins[0], self.levels[number].shape)
        before = self.buffers.take((number, "region"), region.shape, self.dtype)
        read(region, before)
        if self.pass_.source is None:
            yield self._inner(number, box, before, region)
        for level, around in zip(self.levels[number + 1 : self.pass_.last + 1], margins[1:], strict=True):
            number, factors = number + 1, level.factors
            box = Box(tuple(a // f for a, f in zip(box.start, factors, strict=True)), reduced_shape(box.shape, factors))
            wide = widened(box, around, level.shape)
            array = self.buffers.take((number, "region"), wide.shape, self.dtype)
            first = tuple(a * f - b for a, f, b in zip(wide.start, factors, region.start, strict=True))
            self.method.reduce_part(before, region.shape, first, factors, array)
            yield self._inner(number, box, array, wide)
            before, region = array, wide

    def _inner(self, number: int, box: Box, array: NDArray[Any], region: Box) -> Part:
        """Return the part at `box`, copied from an array that holds `region`."""
        part = empty_part(self.levels[number], number, box, self.buffers, self.dtype)
        start = tuple(a - b for a, b in zip(box.start, region.start, strict=True))
        part.pixels[...] = array[Box(start, box.shape).slices]
        return part
