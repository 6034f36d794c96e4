"""An estimate of a planned run: time from some blocks, size from some chunks.

The blocks are done as the run would do them, by as many workers, into a folder that is removed. So the sample has the
cost of reading, reducing, encoding and writing on this machine and this disk.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.block import Buffers
from pyramid.engine.local import LocalRunner
from pyramid.engine.receipt import Receipt
from pyramid.engine.sampling import sample_chunks
from pyramid.engine.task import BlockTask
from pyramid.engine.wave import Wave
from pyramid.errors import TargetError
from pyramid.model import Box, Source, dask_array_of, reduced_shape
from pyramid.ngff import FORMATS
from pyramid.planning import Pass, Plan
from pyramid.planning.estimate import Estimate
from pyramid.reduce import load_method
from pyramid.stores import locate
from pyramid.writing.encode import stored_levels
from pyramid.writing.target import Target

if TYPE_CHECKING:
    from pyramid.engine.build import Runner

# Time that the blocks of a sample should take in all, and the most bytes of pixels that they should hold.
BLOCKS_S, BLOCKS_BYTES = 2.0, 2**28
# Time of a block of a whole run in times of one of a sample, since the caches of memory and of the disk fill up. In
# three series of 14 to 22 conversions, estimates without it were in the mean 0.78 to 0.88 of the actual time.
WHOLE_RUN = 1.15
# Size of all levels from which on a run works with compiled kernels for nearly all of its time.
LARGE_BYTES = 2**28
# Time of a later pass for each pixel that it reads, as a share of that of the first, which writes more for each pixel.
LATER_SHARE = 0.6
# Time of the first and the last documents of a run, and of percentiles for each pixel that they are computed from.
DOCUMENTS_S, PERCENTILE_S = 0.05, 25e-9
# Most pixels of a channel that percentiles are computed from.
PERCENTILE_PX = 2**20


@dataclass(frozen=True, slots=True)
class BlockSample:
    """The blocks of a sample.

    Parameters
    ----------
    seconds
        Time of the whole run without its start, as the blocks suggest; None if they could not be done.
    loading_s
        The part of it that is spent only once in a process, to load and to compile what blocks need.
    sampled_bytes
        Size in bytes of the pixels that were read.
    ratios
        Bytes after compression for each byte before, of each level of the first pass.
    """

    seconds: float
    loading_s: float
    sampled_bytes: int
    ratios: tuple[float, ...]


def estimate(plan: Plan, source: Source, runner: Runner, target: str | None, started_s: float | None) -> Estimate:
    """Estimate a run from a few of its blocks and of its chunks.

    Parameters
    ----------
    plan, source, runner
        The run.
    target
        Its target if there is one: the blocks are written next to it.
    started_s
        Seconds that a new process takes to begin and to end the run. None if the run is to be in this process, in which
        what is loaded once is loaded by then.

    Raises
    ------
    SourceError
        If the source cannot be read.
    """
    why_not = why_no_time(source, runner, target, plan)
    blocks = None
    if not why_not:
        try:
            blocks = sample_blocks(plan, source, runner, target)
        except TargetError as error:
            why_not = f"a sample cannot be written: {error}"
    ratio, chunk_bytes = sample_chunks(plan, source)
    if blocks is None:
        return Estimate(round(plan.raw_bytes * ratio), None, chunk_bytes, why_not)
    seconds = blocks.seconds + (started_s if started_s is not None else -blocks.loading_s)
    stored_bytes = _stored_bytes(plan, blocks.ratios, ratio)
    source_bytes = math.prod(plan.spec.shape) * plan.spec.item_bytes
    return Estimate(stored_bytes, seconds, min(chunk_bytes + blocks.sampled_bytes, source_bytes))


def why_no_time(source: Source, runner: Runner, target: str | None, plan: Plan) -> str:
    """Return why a sample on this machine does not show the time of a run, or nothing."""
    if not isinstance(runner, LocalRunner) or runner.elsewhere:
        return "the run is on other processes or machines than this one"
    if target is not None and not locate(target).is_local:
        return "the target is behind a network, which is not measured"
    if plan.resources.source_is_remote:
        return "the source is behind a network, whose speed varies"
    if dask_array_of(source) is not None:
        return "the source is a Dask array, whose graph may take any time"
    return ""


def sample_blocks(plan: Plan, source: Source, runner: Runner, target: str | None) -> BlockSample:
    """Do one block and then some together, and return what they suggest for all.

    The first loads and compiles what blocks need, so the difference to the others is spent only once.

    Raises
    ------
    SourceError
        If a block cannot be read.
    TargetError
        If a block cannot be written.
    """
    pass_, workers = plan.passes[0], plan.resources.workers
    _load_kernels(plan)
    with _folder(target) as folder:
        form, base = FORMATS[plan.version].zarr_format, source if plan.keeps_base else None
        stored = Target(os.path.join(folder, "sample"), None, stored_levels(plan), form, base=base)
        task = BlockTask(plan, pass_, stored, source, Buffers())
        first = _run(task, runner, range(1))
        wanted = _other_blocks(plan, pass_, first.seconds)
        others = _run(task, runner, wanted) if wanted else first
    turn_s = others.seconds / max(1, math.ceil(len(wanted) / workers))
    mean_px = others.pixels / max(1, len(wanted))
    loading_s = max(0.0, first.seconds - turn_s * first.pixels / mean_px)
    turns = math.ceil(math.prod(pass_.shape) / mean_px / workers - 0.05)
    seconds = loading_s + turns * turn_s * WHOLE_RUN * _all_passes(plan) + _finish_s(plan)
    sampled_bytes = (first.pixels + others.pixels * bool(wanted)) * plan.spec.item_bytes
    return BlockSample(seconds, loading_s, sampled_bytes, others.ratios(task))


def _load_kernels(plan: Plan) -> None:
    """Load the kernels of a large run, so that a few blocks show its speed."""
    load = getattr(load_method(plan.method), "load_kernel", None)
    if load is not None and plan.raw_bytes >= LARGE_BYTES:
        for level in plan.levels[1:]:
            load(plan.spec.dtype, level.factors[-1])


@dataclass(frozen=True, slots=True)
class _DoneBlocks:
    """Blocks that were done together, their time, and what they stored."""

    seconds: float
    boxes: tuple[Box, ...]
    receipts: tuple[Receipt, ...]

    @property
    def pixels(self) -> int:
        """Number of pixels that were read."""
        return sum(box.size_px for box in self.boxes)

    def ratios(self, task: BlockTask) -> tuple[float, ...]:
        """Return bytes after compression for each byte before, of each level of the pass."""
        item_bytes, found = task.plan.spec.item_bytes, []
        for number in range(task.pass_.last + 1):
            total = task.plan.levels[number].total
            raw_bytes = sum(math.prod(reduced_shape(box.shape, total)) for box in self.boxes) * item_bytes
            counts = (dict(receipt.stored).get(number) for receipt in self.receipts)
            found.append(sum(count.stored_bytes for count in counts if count) / raw_bytes)
        return tuple(found)


def _run(task: BlockTask, runner: Runner, blocks: range) -> _DoneBlocks:
    """Do some blocks of a pass."""
    receipts: list[Receipt] = []
    began_s = time.perf_counter()
    runner.run(Wave(task, blocks), receipts.append)
    seconds = time.perf_counter() - began_s
    runner.end(task.buffers)
    for receipt in receipts:
        if receipt.failure is not None:
            raise receipt.failure.error
    return _DoneBlocks(seconds, tuple(task.pass_.box(index) for index in blocks), tuple(receipts))


def _other_blocks(plan: Plan, pass_: Pass, first_s: float) -> range:
    """Return the blocks that are done together, spread over the image.

    It is the first block again if there is only one, and none if the first took long.
    """
    if first_s > BLOCKS_S:
        return range(0)
    workers = plan.resources.workers
    block_bytes = math.prod(pass_.block) * plan.spec.item_bytes
    turns = min(BLOCKS_S / max(first_s, 0.01), BLOCKS_BYTES / block_bytes / workers, pass_.tasks / 2 / workers)
    count = max(1, min(workers * max(1, int(turns)), pass_.tasks - 1))
    step = max(1, (pass_.tasks - 1) // count)
    begin = min(step, pass_.tasks - 1)
    return range(begin, begin + step * count, step)


def _all_passes(plan: Plan) -> float:
    """Return the time of all passes in times of the first."""
    return 1 + LATER_SHARE * sum(math.prod(pass_.shape) for pass_ in plan.passes[1:]) / math.prod(plan.passes[0].shape)


def _finish_s(plan: Plan) -> float:
    """Return the time of documents and of display ranges."""
    spec = plan.spec
    channels = spec.shape[spec.axes.index("c")] if "c" in spec.axes else 1
    return DOCUMENTS_S + channels * min(math.prod(spec.shape) / channels, PERCENTILE_PX) * PERCENTILE_S


@contextmanager
def _folder(target: str | None) -> Iterator[str]:
    """Provide a folder on the disk of the target, which is removed at the end.

    Raises TargetError if it cannot be made.
    """
    parent = None if target is None else os.path.dirname(locate(target).path)
    while parent is not None and not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    try:
        made = tempfile.TemporaryDirectory(prefix=".pyramid-sample-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise TargetError(f"{parent or tempfile.gettempdir()}: {error.strerror}") from error
    with made as folder:
        yield folder


def _stored_bytes(plan: Plan, ratios: Sequence[float], ratio: float) -> int:
    """Return the size of all levels after compression.

    Parameters
    ----------
    plan
        The plan.
    ratios
        Bytes after compression for each byte before, of the levels of the first pass in the blocks of a sample; 0 of a
        level 0 that is kept. Later levels compress as the last of them.
    ratio
        The same of level 0, in chunks that are better spread.
    """
    item_bytes = plan.spec.item_bytes
    correction = ratio / ratios[0] if ratios[0] else 1.0
    sizes = (math.prod(level.shape) * ratios[min(n, len(ratios) - 1)] for n, level in enumerate(plan.levels))
    return round(sum(sizes) * item_bytes * correction)
