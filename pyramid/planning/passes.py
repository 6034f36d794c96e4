"""Passes and blocks: how the levels are cut into tasks that fit in memory.

A pass reads its source once, block by block, and writes one or more levels. On each axis, a block's edge is a
multiple of ``extent of an object x product of factors`` of every level of its pass. So each chunk or shard is in
exactly one block: it has one writer, needs no lock, and blocks may run in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pyramid.errors import OptionError
from pyramid.model import Shape, reduced_shape
from pyramid.planning.blocks import Pass, margins_within, pixels_with_margins
from pyramid.planning.encoding import write_queue_bytes
from pyramid.planning.levels import PlannedLevel
from pyramid.planning.resources import Resources, show_bytes, show_memory
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
class PassChoice:
    """The choice of one pass: its levels from `first` on, and its blocks.

    `begin` is the first level of all passes. The pass that makes it reads the source, or a level 0 that is kept.
    """

    levels: Sequence[PlannedLevel]
    begin: int
    first: int
    item_bytes: int
    source_chunks: Shape
    chunk_starts: Shape
    chunks_at_once: int
    read_bytes: int
    resources: Resources

    @property
    def shape(self) -> Shape:
        """Extent of what the pass reads."""
        return self.levels[max(0, self.first - 1)].shape

    @property
    def reads_source(self) -> bool:
        """True if the pass reads what was there before, not a level of another pass."""
        return self.first == self.begin

    def choose(self) -> Pass:
        """Return the cheapest pass after which the rest still fits."""
        smallest = self.smallest()
        alone = [smallest] if smallest.task_bytes <= self.resources.task_bytes else []
        fitting = dict.fromkeys((*alone, *self._fitting(smallest)))
        ends = {last for last in {p.last for p in fitting} if replace(self, first=last + 1).can_finish()}
        chosen = min(
            (pass_ for pass_ in fitting if pass_.last in ends),
            key=lambda pass_: (self._overhead_px(pass_), -pass_.last),
        )
        return self._grown(self._widened(chosen))

    def can_finish(self) -> bool:
        """Return whether this level and all after it fit into the memory."""
        return self._smallest_blocks_fit() or self.least_bytes() <= self.resources.task_bytes

    def check_memory(self) -> None:
        """Raise OptionError if the levels do not fit, with the memory that is enough."""
        if self.can_finish():
            return
        needed_bytes, allowed = self.least_bytes(), self.resources
        raise OptionError(
            f"memory: one block needs {show_memory(needed_bytes)} a worker, and {show_bytes(allowed.memory_bytes)} is "
            f"allowed for {allowed.workers}; {allowed.remedy(needed_bytes)}"
        )

    def least_bytes(self) -> int:
        """Return the least memory of a task for this level and all after it.

        A pass of several levels is read in slabs, so it may take less than a pass of one coarser level.
        """
        count = len(self.levels)
        least_bytes = [0] * (count + 1)  # by the first level of a pass, for it and all later ones
        for first in reversed(range(self.first, count)):
            choice = replace(self, first=first)
            smallest = choice.smallest()
            widest_bytes, options = 0, [max(smallest.task_bytes, least_bytes[first + 1])]
            for last in range(first, choice._end()):
                sizes = [pass_.task_bytes for pass_ in choice.candidates(last, smallest)]
                if not sizes:
                    break
                widest_bytes = max(widest_bytes, min(sizes))
                options.append(max(widest_bytes, least_bytes[last + 1]))
            least_bytes[first] = min(options)
        return least_bytes[self.first]

    def _fitting(self, smallest: Pass) -> Iterator[Pass]:
        """Yield the passes of more levels that fit."""
        for last in range(self.first, self._end()):
            found = [p for p in self.candidates(last, smallest) if p.task_bytes <= self.resources.task_bytes]
            if not found:
                return
            yield from found

    def _end(self) -> int:
        """Return one past the last level that the pass may have.

        Blocks that are handed over have no pixels around them.
        """
        margins = margins_within(self.levels)[0]
        return 1 if self.first == 0 and self.resources.source_in_memory and any(margins) else len(self.levels)

    def candidates(self, last: int, smallest: Pass) -> Iterator[Pass]:
        """Yield the passes up to level `last`, in whatever memory.

        Each is in its smallest blocks, or in its smallest blocks of whole rows. Those that
        hold too much at once, or leave workers idle, are left out.
        """
        edges = self._edges(last)
        for block in dict.fromkeys((edges, (*edges[:-1], self.shape[-1]))):
            pass_ = self._pass(last, block)
            held_bytes = self._held_px(last, block, pass_.slab) * self.item_bytes
            if held_bytes <= HELD_BYTES_AIM and not _leaves_workers_idle(pass_, smallest, self.resources):
                yield pass_

    def _overhead_px(self, pass_: Pass) -> int:
        """Estimate the cost of a pass beyond its work, in pixels copied.

        It is that of its last level decoded again, of rows that are cut, and of workers that are idle at its end.
        """
        cut = self.reads_source and self.source_chunks[-1] == 1 and pass_.block[-1] < self.shape[-1]
        turns = -(-pass_.tasks // self.resources.workers)
        idle_px = turns * self.resources.workers * math.prod(pass_.block) - math.prod(self.shape)
        overhead_px = CUT_COPIES * cut * math.prod(self.shape) + WORK_COPIES * idle_px
        if pass_.last + 1 == len(self.levels):
            return overhead_px
        copies = FETCH_COPIES if self.resources.target_needs_whole_objects else DECODE_COPIES
        return overhead_px + PASS_PX + copies * math.prod(self.levels[pass_.last].shape)

    def _smallest_blocks_fit(self) -> bool:
        """Return whether any level may be the first of a pass."""
        choices = (replace(self, first=number) for number in range(self.first, len(self.levels)))
        return all(choice.smallest().task_bytes <= self.resources.task_bytes for choice in choices)

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
        if self.reads_source and not self.resources.source_is_remote and self._region(last, block) == block:
            base, factors = self.levels[0], self.levels[min(1, last)].factors
            one_object = self.resources.target_needs_whole_objects
            slab = choose_slab(base, factors, block, self.source_chunks, self.item_bytes, one_object=one_object)
            group = tuple(map(min, map(math.lcm, slab, base.object_shape), block))
        source = None if self.first == 0 else self.first - 1
        whole_objects = self.resources.target_needs_whole_objects
        queue_bytes = write_queue_bytes(
            self.levels[self.first : last + 1], self.item_bytes, whole_objects=whole_objects
        )
        region = self._region(last, block)
        read_bytes = self._read_bytes(region, slab if slab != block else region)
        task_bytes = self._held_px(last, block, slab) * self.item_bytes + read_bytes + queue_bytes
        return Pass(source, self.first, last, self.shape, block, slab, group, task_bytes, queue_bytes)

    def _region(self, last: int, block: Shape) -> Shape:
        """Return the largest extents that are read for a block, with its margins."""
        margins = margins_within(self.levels[self._base : last + 1])[0]
        return tuple(min(b + 2 * m, n) for b, m, n in zip(block, margins, self.shape, strict=True))

    @property
    def _base(self) -> int:
        """Number of the level that the pass reads, 0 for the source."""
        return max(0, self.first - 1)

    def _held_px(self, last: int, block: Shape, slab: Shape) -> int:
        """Count the pixels that a task holds: a slab, and the levels made from it."""
        held = padded_px(slab, self.levels[0].chunks) if self.first == 0 else math.prod(slab)
        if slab != block and last > 0:
            # A slab's pixels of level 1, before they are copied into the block's.
            held += math.prod(reduced_shape(slab, self.levels[1].factors))
        extent = block
        for level in self.levels[max(self.first, 1) : last + 1]:
            extent = reduced_shape(extent, level.factors)
            held += padded_px(extent, level.chunks)
        held += pixels_with_margins(self.levels[self._base : last + 1], block)
        return held + SOURCE_COPIES * math.prod(map(min, self.source_chunks, slab)) * self.reads_source

    def _read_bytes(self, block: Shape, slab: Shape) -> int:
        """Count the bytes that reading takes next to the pixels that `_held_px` counts.

        They are not held for long, so they do not limit the levels of a pass.
        """
        if not self.reads_source:
            reads = READS_BACK if self.resources.target_needs_whole_objects else 1
            level = self.levels[self.first - 1]
            object_bytes = math.prod(level.object_shape) * self.item_bytes
            return min(reads * min(object_bytes, GATHERED_BYTES), math.prod(block) * self.item_bytes)
        if self.resources.source_in_memory:
            return math.prod(block) * self.item_bytes
        if max(self.source_chunks) == 1:  # pixels are read straight into the slab
            return self.read_bytes
        touched = math.prod(-(-n // c) for n, c in zip(slab, self.source_chunks, strict=True))
        others = min(touched, self.chunks_at_once) - 1
        chunk_px = math.prod(map(min, self.source_chunks, slab))
        gathered_bytes = min(GATHERED_BYTES, math.prod(slab) * self.item_bytes)
        return SOURCE_COPIES * others * chunk_px * self.item_bytes + gathered_bytes + self.read_bytes

    def _widened(self, chosen: Pass) -> Pass:
        """Return the pass in blocks of whole source chunks, on each axis where that fits.

        So no source chunk is decoded twice.
        """
        if not self.reads_source:
            return chosen
        for axis in reversed(range(len(chosen.block))):
            whole = math.lcm(chosen.block[axis], self.source_chunks[axis])
            # Chunks that do not begin with the image end with no block but the last.
            edge = chosen.shape[axis] if self.chunk_starts[axis] else min(whole, chosen.shape[axis])
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
