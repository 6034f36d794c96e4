"""The fused step: one block of the source becomes its part of every level of the pass, in memory.

Arrays are padded to whole chunks, since a chunk is stored whole. Padding holds the fill value, so that the bytes
on disk do not depend on how the work was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.buffers import Buffers as Buffers
from pyramid.model import Box, reduced_shape
from pyramid.planning import Level, Pass
from pyramid.reduce import Method

FILL_VALUE = 0

Read: TypeAlias = Callable[[Box, NDArray[Any]], None]


@dataclass(frozen=True, slots=True)
class Part:
    """What one block gives to one level.

    Parameters
    ----------
    level
        Number of the level.
    box
        Where the pixels lie in the level.
    array
        The pixels, padded to whole chunks; at its start lie the box's own.
    """

    level: int
    box: Box
    array: NDArray[Any]

    @property
    def pixels(self) -> NDArray[Any]:
        """The box's own pixels, a view."""
        return self.array[tuple(slice(0, n) for n in self.box.shape)]


def empty_part(level: Level, number: int, box: Box, buffers: Buffers, dtype: np.dtype[Any]) -> Part:
    """A part whose padding holds the fill value, and whose own pixels are still to be filled."""
    padded = tuple(-(-n // c) * c for n, c in zip(box.shape, level.chunks, strict=True))
    array = buffers.take(number, padded, dtype)
    for axis, (extent, whole) in enumerate(zip(box.shape, padded, strict=True)):
        if extent < whole:
            array[(slice(None),) * axis + (slice(extent, None),)] = FILL_VALUE
    return Part(number, box, array)


@dataclass(frozen=True, slots=True)
class Build:
    """How a block of a pass becomes its part of every level.

    Parameters
    ----------
    levels
        All levels of the plan.
    one
        The pass.
    dtype
        Of the pixels.
    method
        How a window becomes a pixel.
    buffers
        Where the parts' arrays come from.
    """

    levels: Sequence[Level]
    pass_: Pass
    dtype: np.dtype[Any]
    method: Method
    buffers: Buffers

    def parts(self, box: Box, read: Read) -> Iterator[Part]:
        """Make the parts of a block: the base slab by slab, each coarser level's whole.

        Parameters
        ----------
        box
            Where the block lies in what the pass reads.
        read
            Fills an array with a slab's pixels.

        Yields
        ------
        Part
            Of level 0 where the pass reads the source, and of levels ``one.first`` to ``one.last``; valid until the
            next one is asked for.
        """
        number = self.pass_.source or 0
        coarser = None if number == self.pass_.last else self._coarser(number, box)
        for slab in self.pass_.slabs(box):
            base = self._base(number, slab)
            read(slab, base.pixels)
            if self.pass_.source is None:
                yield base
            if coarser is not None:
                self._reduce(base, coarser)
        while coarser is not None:
            yield coarser
            before, coarser = coarser, None
            if before.level < self.pass_.last:
                coarser = self._coarser(before.level, before.box)
                self._reduce(before, coarser)

    def _base(self, number: int, slab: Box) -> Part:
        if self.pass_.source is None:
            return empty_part(self.levels[number], number, slab, self.buffers, self.dtype)
        return Part(number, slab, self.buffers.take(number, slab.shape, self.dtype))

    def _coarser(self, number: int, box: Box) -> Part:
        level = self.levels[number + 1]
        start = tuple(a // f for a, f in zip(box.start, level.factors, strict=True))
        return empty_part(
            level, number + 1, Box(start, reduced_shape(box.shape, level.factors)), self.buffers, self.dtype
        )

    def _reduce(self, before: Part, part: Part) -> None:
        """Make the pixels of `part` that those of `before` give."""
        factors = self.levels[part.level].factors
        start = tuple(a // f - b for a, f, b in zip(before.box.start, factors, part.box.start, strict=True))
        shape = reduced_shape(before.box.shape, factors)
        out = part.array[Box(start, shape).slices] if shape != part.box.shape else part.array
        if out.flags.c_contiguous:
            self.method(before.array, before.box.shape, factors, out)
            return
        whole = self.buffers.take("reduced", shape, self.dtype)
        self.method(before.array, before.box.shape, factors, whole)
        out[...] = whole
