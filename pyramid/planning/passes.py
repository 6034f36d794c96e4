"""Passes and blocks: how the levels are cut into tasks that fit in memory.

A pass reads its source once, block by block, and writes one or more levels. On each axis, a block's edge is a
multiple of ``extent of an object x product of factors`` of every level of its pass. So each chunk or shard is in
exactly one block: it has one writer, needs no lock, and blocks may run in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyramid.errors import OptionError
from pyramid.model import Box, Shape, SourceSpec, reduced_shape
from pyramid.planning.encoding import write_queue_bytes
from pyramid.planning.levels import PlannedLevel
from pyramid.planning.resources import Resources, show_bytes
from pyramid.planning.slabs import choose_slab, padded_px

# Size of a block that is aimed at: in smaller ones a task's own cost (Dask, Python) shows, larger ones waste memory.
BLOCK_BYTES_AIM = 32 * 2**20
# Memory of one task above which a pass takes no further level: more levels save little, and many workers would take
# much memory. Blocks handed over and bytes that wait to be written are not counted, as few levels have them too.
HELD_BYTES_AIM = 128 * 2**20
# Costs for each pixel, in copies of a pixel. In order: decoding it from disk, decoding it from object storage, skipping
# it in a file's row outside a block, and all work on it.
DECODE_COPIES, FETCH_COPIES, CUT_COPIES, WORK_COPIES = 4, 64, 2, 16
# Cost of one more pass, in pixels copied, besides what it reads.
PASS_PX = 2**24
# Encoded bytes that are read together next to the pixels, neighbours in a TIFF or in a shard, up to this size: enough
# that the cost of a request itself is small, and little against a block.
GATHERED_BYTES = 4 * 2**20
# Reads of a level on object storage under way at once in a block: many, since each waits for a round trip. A round
# number, with which they hold at most 64 MiB.
READS_BACK = 16
# Copies of a source chunk in memory while it is decoded, next to the block: its encoded bytes and its pixels.
SOURCE_COPIES = 2


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


def make_passes(
    levels: Sequence[PlannedLevel], spec: SourceSpec, resources: Resources
) -> tuple[tuple[Pass, ...], Resources]:
    """Cut the building of `levels` into passes, each with as many levels as fit.

    Returns
    -------
    tuple
        The passes, and the resources. The extra blocks are left out where the smallest blocks would not fit with them.

    Raises
    ------
    OptionError
        If not even one level's smallest block fits. The message says which memory would be enough.
    """
    item_bytes = np.dtype(spec.dtype).itemsize
    choice = _PassChoice(levels, 0, item_bytes, spec.chunks, spec.chunks_at_once, resources)
    if resources.extra_blocks and choice.largest_least_bytes() > resources.task_bytes:
        resources = replace(resources, extra_blocks=0)
        choice = replace(choice, resources=resources)
    passes: list[Pass] = []
    while choice.first < len(levels):
        passes.append(choice.choose())
        choice = replace(choice, first=passes[-1].last + 1)
    return tuple(passes), resources


@dataclass(frozen=True, slots=True)
class _PassChoice:
    """The choice of one pass: its levels from `first` on, and its blocks."""

    levels: Sequence[PlannedLevel]
    first: int
    item_bytes: int
    source_chunks: Shape
    chunks_at_once: int
    resources: Resources

    @property
    def shape(self) -> Shape:
        return self.levels[max(0, self.first - 1)].shape

    def choose(self) -> Pass:
        smallest = self.smallest()
        if smallest.task_bytes > self.resources.task_bytes:
            enough_bytes = self.largest_least_bytes() * self.resources.workers
            raise OptionError(
                f"memory: one block of level {self.first} needs {show_bytes(smallest.task_bytes)} a worker, and "
                f"{show_bytes(self.resources.memory_bytes)} is allowed for {self.resources.workers}; give --memory "
                f"{show_bytes(enough_bytes)}, fewer workers, or smaller chunks or shards"
            )
        fitting = [smallest, *self._fitting(smallest)]
        chosen = min(fitting, key=lambda pass_: (self._overhead_px(pass_), -pass_.last))
        return self._grown(self._widened(chosen))

    def _fitting(self, smallest: Pass) -> Iterator[Pass]:
        """Yield the passes of more levels that fit.

        Each is tried in its smallest blocks, and in its smallest blocks of whole rows.
        """
        for last in range(self.first, len(self.levels)):
            edges = self._edges(last)
            rows = (*edges[:-1], self.shape[-1])
            found = [self._pass(last, block) for block in dict.fromkeys((edges, rows))]
            found = [pass_ for pass_ in found if self._fits(pass_, smallest)]
            if not found:
                return
            yield from found

    def _fits(self, pass_: Pass, smallest: Pass) -> bool:
        held_bytes = self._held_px(pass_.last, pass_.block, pass_.slab) * self.item_bytes
        fits = pass_.task_bytes <= self.resources.task_bytes and held_bytes <= HELD_BYTES_AIM
        return fits and not _leaves_workers_idle(pass_, smallest, self.resources)

    def _overhead_px(self, pass_: Pass) -> int:
        """Estimate the cost of a pass beyond its work, in pixels copied.

        It is that of its last level decoded again, of rows that are cut, and of workers that are idle at its end.
        """
        cut = self.first == 0 and self.source_chunks[-1] == 1 and pass_.block[-1] < self.shape[-1]
        turns = -(-pass_.tasks // self.resources.workers)
        idle_px = turns * self.resources.workers * math.prod(pass_.block) - math.prod(self.shape)
        overhead_px = CUT_COPIES * cut * math.prod(self.shape) + WORK_COPIES * idle_px
        if pass_.last + 1 == len(self.levels):
            return overhead_px
        copies = FETCH_COPIES if self.resources.target_needs_whole_objects else DECODE_COPIES
        return overhead_px + PASS_PX + copies * math.prod(self.levels[pass_.last].shape)

    def largest_least_bytes(self) -> int:
        """Return the memory that a task must have.

        Any level may have to be the first of a pass.
        """
        return max(replace(self, first=number).smallest().task_bytes for number in range(len(self.levels)))

    def smallest(self) -> Pass:
        """Return the pass of only the first level, in its smallest blocks."""
        return self._pass(self.first, self._edges(self.first))

    def _edges(self, last: int) -> Shape:
        """Return the smallest block that holds whole objects on every level of the pass."""
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
        whole_objects = self.resources.target_needs_whole_objects
        queue_bytes = write_queue_bytes(
            self.levels[self.first : last + 1], self.item_bytes, whole_objects=whole_objects
        )
        read_bytes = self._read_bytes(block, slab)
        task_bytes = self._held_px(last, block, slab) * self.item_bytes + read_bytes + queue_bytes
        return Pass(source, self.first, last, self.shape, block, slab, group, task_bytes, queue_bytes)

    def _held_px(self, last: int, block: Shape, slab: Shape) -> int:
        """Count the pixels that a task holds: a slab, and the levels made from it."""
        held = math.prod(slab) if self.first > 0 else padded_px(slab, self.levels[0].chunks)
        if slab != block and last > 0:
            # A slab's pixels of level 1, before they are copied into the block's.
            held += math.prod(reduced_shape(slab, self.levels[1].factors))
        extent = block
        for level in self.levels[max(self.first, 1) : last + 1]:
            extent = reduced_shape(extent, level.factors)
            held += padded_px(extent, level.chunks)
        return held + SOURCE_COPIES * math.prod(map(min, self.source_chunks, slab)) * (self.first == 0)

    def _read_bytes(self, block: Shape, slab: Shape) -> int:
        """Count the bytes that reading takes next to the pixels that `_held_px` counts.

        They are not held for long, so they do not limit the levels of a pass.
        """
        if self.first > 0:
            reads = READS_BACK if self.resources.target_needs_whole_objects else 1
            level = self.levels[self.first - 1]
            object_bytes = math.prod(level.object_shape) * self.item_bytes
            return min(reads * min(object_bytes, GATHERED_BYTES), math.prod(block) * self.item_bytes)
        if self.resources.source_in_memory:
            return math.prod(block) * self.item_bytes
        if max(self.source_chunks) == 1:  # pixels are read straight into the slab
            return 0
        touched = math.prod(-(-n // c) for n, c in zip(slab, self.source_chunks, strict=True))
        others = min(touched, self.chunks_at_once) - 1
        chunk_px = math.prod(map(min, self.source_chunks, slab))
        gathered_bytes = min(GATHERED_BYTES, math.prod(slab) * self.item_bytes)
        return SOURCE_COPIES * others * chunk_px * self.item_bytes + gathered_bytes

    def _widened(self, chosen: Pass) -> Pass:
        """Return the pass in blocks of whole source chunks, on each axis where that fits.

        So no source chunk is decoded twice.
        """
        if self.first > 0:
            return chosen
        for axis in reversed(range(len(chosen.block))):
            edge = min(math.lcm(chosen.block[axis], self.source_chunks[axis]), chosen.shape[axis])
            chosen = self._with_edge(chosen, axis, edge)
        return chosen

    def _grown(self, chosen: Pass) -> Pass:
        """Return the pass in blocks so large that a task's own cost does not show."""
        for axis in reversed(range(len(chosen.block))):
            while math.prod(chosen.block) * self.item_bytes * 2 <= BLOCK_BYTES_AIM:
                wider = self._with_edge(chosen, axis, min(2 * chosen.block[axis], chosen.shape[axis]))
                if wider.block == chosen.block:
                    break
                chosen = wider
        return chosen

    def _with_edge(self, chosen: Pass, axis: int, edge: int) -> Pass:
        """Return the pass with another edge on one axis, or unchanged if it does not fit."""
        block = (*chosen.block[:axis], edge, *chosen.block[axis + 1 :])
        wider = self._pass(chosen.last, block)
        fits = wider.task_bytes <= self.resources.task_bytes and not _leaves_workers_idle(wider, chosen, self.resources)
        return wider if fits else chosen


def _leaves_workers_idle(candidate: Pass, otherwise: Pass, resources: Resources) -> bool:
    """Check whether larger blocks leave workers idle that smaller ones would not."""
    return candidate.tasks < min(resources.workers, otherwise.tasks)
