"""Coarse levels while level 0 is written: each object as soon as it can be made.

Whoever writes an object looks whether it was the last that an object of the next level needs, and makes that one. Two
processes that find so at once make the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pyramid.block import Buffers
from pyramid.creating.regions import object_box
from pyramid.creating.storing import RegionStore
from pyramid.engine.task import BlockTask
from pyramid.model import Box, Shape
from pyramid.planning import Pass, Plan, PlannedLevel, widened
from pyramid.planning.encoding import write_queue_bytes


@dataclass(frozen=True)
class CoarseLevels:
    """Makes objects of coarse levels.

    Parameters
    ----------
    plan
        The levels.
    store
        Says what is there.
    """

    plan: Plan
    store: RegionStore

    def after(self, number: int, index: Shape) -> None:
        """Make what an object of level `number` was the last part of, on all levels.

        Raises
        ------
        TargetError
            If something cannot be read or written.
        """
        if number + 1 == len(self.plan.levels):
            return
        for coarse in self._made_of(number, index):
            if all(self.store.has(below, number) for below in self._needed(number, coarse)):
                self._make(number, coarse)
                self.after(number + 1, coarse)

    def _made_of(self, number: int, index: Shape) -> Iterator[Shape]:
        """Yield the objects of the next level that read an object."""
        level, coarse = self.plan.levels[number : number + 2]
        box = widened(_box(level, index), coarse.margins or (0,) * len(index), level.shape)
        start = tuple(a // f for a, f in zip(box.start, coarse.factors, strict=True))
        stop = tuple(-(-b // f) for b, f in zip(box.stop, coarse.factors, strict=True))
        region = Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))
        yield from region.grid_positions(coarse.object_shape)

    def _needed(self, number: int, coarse_index: Shape) -> Iterator[Shape]:
        """Yield the objects of a level that an object of the next one reads."""
        level, coarse = self.plan.levels[number : number + 2]
        made = _box(coarse, coarse_index)
        start = tuple(a * f for a, f in zip(made.start, coarse.factors, strict=True))
        stop = (min(b * f, n) for b, f, n in zip(made.stop, coarse.factors, level.shape, strict=True))
        box = Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))
        yield from widened(box, coarse.margins or (0,) * len(start), level.shape).grid_positions(level.object_shape)

    def _make(self, number: int, coarse_index: Shape) -> None:
        """Make an object of the level after `number`, as a block of a pass."""
        level, coarse = self.plan.levels[number : number + 2]
        block = tuple(n * f for n, f in zip(coarse.object_shape, coarse.factors, strict=True))
        queue_bytes = write_queue_bytes([coarse], self.store.dtype.itemsize, whole_objects=self.store.is_remote)
        slabs = (coarse.object_shape,)
        pass_ = Pass(number, number + 1, number + 1, level.shape, block, block, block, slabs, 0, queue_bytes)
        task = BlockTask(self.plan, pass_, self.store.target, None, Buffers())
        task(int(np.ravel_multi_index(coarse_index, pass_.grid)))


def _box(level: PlannedLevel, index: Shape) -> Box:
    return object_box(index, level.object_shape, level.shape)
