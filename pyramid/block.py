"""The fused step: one block of the source becomes its part of every level of the pass, in memory.

Arrays are padded to whole chunks, since a chunk is stored whole. Padding holds the fill value, so that the bytes
on disk do not depend on how the work was cut.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Semaphore
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import StoppedError
from pyramid.model import Box, Shape, reduced_shape
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


class Buffers:
    """Memory that a thread keeps from block to block: fresh arrays cost more in page faults than the codec does.

    A run has its own. What pickles is only that a task has some: in another process they are that process's.

    Parameters
    ----------
    workers
        How many blocks may be `working` at once; as many as there are threads where it is None.

    Attributes
    ----------
    working
        What a block is in, as a context, until nothing but its last writes is left to do.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.working: AbstractContextManager[object] = nullcontext() if workers is None else Semaphore(workers)
        self._kept: dict[tuple[int, Hashable], NDArray[np.uint8]] = {}
        self._stopped = False

    def take(self, key: Hashable, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of C order whose content is whatever was there; in a thread the same key gives the same memory.

        Raises StoppedError once the run is stopped.
        """
        if self._stopped:
            raise StoppedError("the run was stopped while this block was under way")
        size = math.prod(shape) * dtype.itemsize
        place = (threading.get_ident(), key)
        kept = self._kept.get(place)
        if kept is None or kept.size < size:
            self._kept.pop(place, None)
            kept = self._kept[place] = np.empty(size, np.uint8)
        return kept[:size].view(dtype).reshape(shape)

    def stop(self) -> None:
        """Let blocks under way end at their next chunk."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Whether blocks under way are to end."""
        return self._stopped

    def release(self) -> None:
        """Give back the memory of every thread; arrays in use stay until their user lets go."""
        self._kept.clear()

    def __reduce__(self) -> tuple[Callable[[], Buffers], tuple[()]]:
        return process_buffers, ()


@functools.cache
def process_buffers() -> Buffers:
    """The buffers of a process that runs tasks of others, as a worker of a cluster does."""
    return Buffers()


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
    one: Pass
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
        number = self.one.source or 0
        coarser = None if number == self.one.last else self._coarser(number, box)
        for slab in self.one.slabs(box):
            base = self._base(number, slab)
            read(slab, base.pixels)
            if self.one.source is None:
                yield base
            if coarser is not None:
                self._reduce(base, coarser)
        while coarser is not None:
            yield coarser
            before, coarser = coarser, None
            if before.level < self.one.last:
                coarser = self._coarser(before.level, before.box)
                self._reduce(before, coarser)

    def _base(self, number: int, slab: Box) -> Part:
        if self.one.source is None:
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
