"""Passes and blocks: how the levels are cut into tasks that fit in memory.

A pass reads its source once, block by block, and writes one or more levels. On each axis a block's edge is a
multiple of ``write unit x product of factors`` of every level of its pass, so that each chunk or shard lies in
exactly one block: one writer, no lock, any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyramid.errors import OptionError
from pyramid.model import Box, Shape, reduced_shape
from pyramid.planning.levels import Level
from pyramid.planning.resources import Resources, show_bytes
from pyramid.planning.slabs import choose_slab, padded_px

# Below this a task's own cost (Dask, Python) shows; above, memory is spent for nothing.
BLOCK_BYTES_AIM = 32 * 2**20
# More levels a pass save little above this, and many workers side by side would take memory for nothing. What is handed
# over and what waits to be written is not counted: it is there with few levels too.
HELD_BYTES_AIM = 128 * 2**20
# What waits to be written, beside the block: an object while the next is made, or many small ones; on local disk, where
# an object flows into its file while it is made, no more than some segments of it.
STREAM_BYTES = 16 * 2**20
OUTBOX_UNITS, OUTBOX_SMALL_UNITS, OUTBOX_BYTES = 2.1, 16, 16 * 2**20
# Copies of a pixel that are as dear as to decode it from disk and from object storage, as to leave out what of a row in
# a file lies beside a block, and as all that is done with one.
DECODE_COPIES, FETCH_COPIES, CUT_COPIES, WORK_COPIES = 4, 64, 2, 16
# As dear as another pass itself.
PASS_PX = 2**24
# What decoding one piece of the source holds beside the block: the encoded bytes and the decoded piece.
SOURCE_COPIES = 2


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a source and the levels made on the way.

    Parameters
    ----------
    source
        The level that is read, None for the image itself.
    first, last
        The levels that are written, both included.
    shape, block
        Extent of what is read, and of one block of it, in its pixels.
    slab, group
        What of a block is in memory at once, and how many slabs follow each other so that shards end before others
        begin.
    task_bytes
        What one task holds at most.
    """

    source: int | None
    first: int
    last: int
    shape: Shape
    block: Shape
    slab: Shape
    group: Shape
    task_bytes: int

    @property
    def grid(self) -> Shape:
        """How many blocks there are on each axis."""
        return tuple(-(-n // b) for n, b in zip(self.shape, self.block, strict=True))

    @property
    def tasks(self) -> int:
        """How many blocks there are."""
        return math.prod(self.grid)

    def box(self, index: int) -> Box:
        """The region of block `index`, counted in C order, in pixels of what is read."""
        start = []
        for count, edge in zip(reversed(self.grid), reversed(self.block), strict=True):
            index, position = divmod(index, count)
            start.append(position * edge)
        origin = tuple(reversed(start))
        extent = (min(b, n - a) for a, b, n in zip(origin, self.block, self.shape, strict=True))
        return Box(origin, tuple(extent))

    def slabs(self, box: Box) -> Iterator[Box]:
        """The slabs of a block, in the order in which they are read."""
        for group in box.split(self.group):
            yield from group.split(self.slab)


def fit_resources(levels: Sequence[Level], dtype: str, source_chunks: Shape, resources: Resources) -> Resources:
    """The room without blocks that wait, where the smallest blocks would not fit beside them."""
    jobs = (_Job(levels, number, np.dtype(dtype).itemsize, source_chunks, resources) for number in range(len(levels)))
    fits = not resources.extra_blocks or max(job.smallest().task_bytes for job in jobs) <= resources.task_bytes
    return resources if fits else replace(resources, extra_blocks=0)


def make_passes(levels: Sequence[Level], dtype: str, source_chunks: Shape, resources: Resources) -> tuple[Pass, ...]:
    """Cut the building of `levels` into passes, each with as many levels as fit.

    Raises
    ------
    OptionError
        Where not even one level's smallest block fits, with the memory that would do.
    """
    item_bytes = np.dtype(dtype).itemsize
    passes: list[Pass] = []
    first = 0
    while first < len(levels):
        job = _Job(levels, first, item_bytes, source_chunks, resources)
        passes.append(job.choose())
        first = passes[-1].last + 1
    return tuple(passes)


@dataclass(frozen=True, slots=True)
class _Job:
    """The choice of one pass: which levels from `first` on, in blocks of which shape."""

    levels: Sequence[Level]
    first: int
    item_bytes: int
    source_chunks: Shape
    resources: Resources

    @property
    def shape(self) -> Shape:
        return self.levels[max(0, self.first - 1)].shape

    def choose(self) -> Pass:
        smallest = self.smallest()
        if smallest.task_bytes > self.resources.task_bytes:
            # Any level may have to be the first of a pass: what holds the largest of their smallest blocks will do.
            others = (replace(self, first=number).smallest() for number in range(len(self.levels)))
            enough = max(other.task_bytes for other in others)
            raise OptionError(
                f"memory: one block of level {self.first} needs {show_bytes(smallest.task_bytes)} a worker, and "
                f"{show_bytes(self.resources.memory_bytes)} is allowed for {self.resources.workers}; give --memory "
                f"{show_bytes(enough * self.resources.workers)}, fewer workers, or smaller chunks or shards"
            )
        fitting = [smallest, *self._fitting(smallest)]
        chosen = min(fitting, key=lambda one: (self._overhead_px(one), -one.last))
        return self._grown(self._widened(chosen))

    def _fitting(self, smallest: Pass) -> Iterator[Pass]:
        """The passes of more levels that fit, each in its smallest blocks, and in such of whole rows."""
        for last in range(self.first, len(self.levels)):
            edges = self._edges(last)
            rows = (*edges[:-1], self.shape[-1])
            found = [self._pass(last, block) for block in dict.fromkeys((edges, rows))]
            found = [one for one in found if self._fits(one, smallest)]
            if not found:
                return
            yield from found

    def _fits(self, one: Pass, smallest: Pass) -> bool:
        held_bytes = self._held_px(one.last, one.block, one.slab) * self.item_bytes
        fits = one.task_bytes <= self.resources.task_bytes and held_bytes <= HELD_BYTES_AIM
        return fits and not _leaves_workers_idle(one, smallest, self.resources)

    def _overhead_px(self, one: Pass) -> int:
        """What a pass costs beyond its work, in pixels copied.

        That is its last level decoded again, rows cut short, and workers that have nothing left to do at its end.
        """
        cut = self.first == 0 and self.source_chunks[-1] == 1 and one.block[-1] < self.shape[-1]
        turns = -(-one.tasks // self.resources.workers)
        idle_px = turns * self.resources.workers * math.prod(one.block) - math.prod(self.shape)
        dear = CUT_COPIES * cut * math.prod(self.shape) + WORK_COPIES * idle_px
        if one.last + 1 == len(self.levels):
            return dear
        copies = FETCH_COPIES if self.resources.target_needs_whole_objects else DECODE_COPIES
        return dear + PASS_PX + copies * math.prod(self.levels[one.last].shape)

    def smallest(self) -> Pass:
        """The pass of the first level alone, in its smallest blocks."""
        return self._pass(self.first, self._edges(self.first))

    def _edges(self, last: int) -> Shape:
        """The smallest block that holds whole write units on every level of the pass."""
        edges = [1] * len(self.shape)
        factor = [1] * len(self.shape)
        for number in range(self.first, last + 1):
            level = self.levels[number]
            for axis, (extent, object_shape) in enumerate(zip(level.shape, level.object_shape, strict=True)):
                factor[axis] *= level.factors[axis]
                whole = object_shape >= extent
                edges[axis] = self.shape[axis] if whole else math.lcm(edges[axis], object_shape * factor[axis])
        return tuple(map(min, edges, self.shape))

    def _pass(self, last: int, block: Shape) -> Pass:
        slab = group = block
        if self.first == 0 and not self.resources.source_is_remote:
            base, factors = self.levels[0], self.levels[min(1, last)].factors
            one_object = self.resources.target_needs_whole_objects
            slab = choose_slab(base, factors, block, self.source_chunks, self.item_bytes, one_object=one_object)
            group = tuple(map(min, map(math.lcm, slab, base.object_shape), block))
        source = None if self.first == 0 else self.first - 1
        return Pass(source, self.first, last, self.shape, block, slab, group, self._task_bytes(last, block, slab))

    def _held_px(self, last: int, block: Shape, slab: Shape) -> int:
        """What a pass makes of a block and holds of it."""
        held = math.prod(slab) if self.first > 0 else padded_px(slab, self.levels[0].chunks)
        if slab != block and last > 0:
            held += math.prod(reduced_shape(slab, self.levels[1].factors))  # on its way to where it lies in level 1
        extent = block
        for level in self.levels[max(self.first, 1) : last + 1]:
            extent = reduced_shape(extent, level.factors)
            held += padded_px(extent, level.chunks)
        return held + SOURCE_COPIES * math.prod(map(min, self.source_chunks, slab)) * (self.first == 0)

    def _task_bytes(self, last: int, block: Shape, slab: Shape) -> int:
        held = self._held_px(last, block, slab)
        if self.resources.source_in_memory and self.first == 0:
            held += math.prod(block)
        written = self.levels[self.first : last + 1]
        outbox = outbox_bytes(max(math.prod(level.object_shape) for level in written) * self.item_bytes)
        if not self.resources.target_needs_whole_objects:
            chunk = max(math.prod(level.chunks) for level in written)
            outbox = max(min(outbox, STREAM_BYTES), math.ceil(OUTBOX_UNITS * chunk * self.item_bytes))
        return held * self.item_bytes + outbox

    def _widened(self, chosen: Pass) -> Pass:
        """The pass in blocks of whole source chunks on each axis where that fits, so that none is decoded twice."""
        if self.first > 0:
            return chosen
        for axis in reversed(range(len(chosen.block))):
            edge = min(math.lcm(chosen.block[axis], self.source_chunks[axis]), chosen.shape[axis])
            chosen = self._with_edge(chosen, axis, edge)
        return chosen

    def _grown(self, chosen: Pass) -> Pass:
        """The pass in blocks large enough that a task's own cost does not show."""
        for axis in reversed(range(len(chosen.block))):
            while math.prod(chosen.block) * self.item_bytes * 2 <= BLOCK_BYTES_AIM:
                wider = self._with_edge(chosen, axis, min(2 * chosen.block[axis], chosen.shape[axis]))
                if wider.block == chosen.block:
                    break
                chosen = wider
        return chosen

    def _with_edge(self, chosen: Pass, axis: int, edge: int) -> Pass:
        """The pass with another edge on one axis, or as it is where that does not fit."""
        block = (*chosen.block[:axis], edge, *chosen.block[axis + 1 :])
        wider = self._pass(chosen.last, block)
        fits = wider.task_bytes <= self.resources.task_bytes and not _leaves_workers_idle(wider, chosen, self.resources)
        return wider if fits else chosen


def _leaves_workers_idle(candidate: Pass, otherwise: Pass, resources: Resources) -> bool:
    """Whether larger blocks leave workers without work that smaller ones would have given them."""
    return candidate.tasks < min(resources.workers, otherwise.tasks)


def outbox_bytes(unit_bytes: int) -> int:
    """The memory that a task has for what is being written, where a write unit has so many bytes before compression.

    Examples
    --------
    >>> outbox_bytes(2**20) // 2**20, outbox_bytes(2**26) // 2**20
    (16, 134)
    """
    return max(math.ceil(OUTBOX_UNITS * unit_bytes), min(OUTBOX_SMALL_UNITS * unit_bytes, OUTBOX_BYTES))
