"""The fused step: one block of the source becomes its part of every level of the pass, in memory.

Arrays are padded to whole write units, since a chunk is stored whole. Padding holds the fill value, so that the bytes
on disk do not depend on how the work was cut.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import StoppedError
from pyramid.model import Box, Shape
from pyramid.planning import Level, Pass
from pyramid.reduce import Method

FILL_VALUE = 0


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
        The pixels, padded to whole write units; at its start lie the box's own.
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
    """

    def __init__(self) -> None:
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
    padded = tuple(-(-n // u) * u for n, u in zip(box.shape, level.unit, strict=True))
    array = buffers.take(number, padded, dtype)
    for axis, (extent, whole) in enumerate(zip(box.shape, padded, strict=True)):
        if extent < whole:
            array[(slice(None),) * axis + (slice(extent, None),)] = FILL_VALUE
    return Part(number, box, array)


def build_parts(levels: Sequence[Level], one: Pass, base: Part, method: Method, buffers: Buffers) -> Iterator[Part]:
    """Reduce a block level by level, giving each part as soon as it is made.

    Parameters
    ----------
    levels
        All levels of the plan.
    one
        The pass.
    base
        The block as read: the part of level 0, or of the level before the first.
    method
        How a window becomes a pixel.
    buffers
        Where the parts' arrays come from; a part is valid until this thread's next block.

    Yields
    ------
    Part
        Of levels ``one.first`` to ``one.last``, the base itself included where it is level 0.
    """
    if one.source is None:
        yield base
    before = base
    for number in range(before.level + 1, one.last + 1):
        level = levels[number]
        start = tuple(a // f for a, f in zip(before.box.start, level.factors, strict=True))
        shape = tuple(-(-n // f) for n, f in zip(before.box.shape, level.factors, strict=True))
        part = empty_part(level, number, Box(start, shape), buffers, before.array.dtype)
        method(before.array, before.box.shape, level.factors, part.array)
        yield part
        before = part
