"""The run of a plan: its passes, in waves of blocks, on any scheduler.

A `Runner` hands over the receipts of a wave as they come. One class serves the schedulers of this process, another
serves clusters.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pyramid.concurrency.buffers import Buffers
from pyramid.engine.receipt import Receipt
from pyramid.engine.stages import StageTimes
from pyramid.engine.task import BlockTask
from pyramid.engine.timeline import Timeline
from pyramid.engine.wave import Wave, make_waves
from pyramid.errors import PyramidError, SourceError, StoppedError, TakenError, TargetError, explaining
from pyramid.feedback.log import timed
from pyramid.feedback.progress import DisplayCallback, Snapshot, format_part
from pyramid.model import Source, dask_array_of, own_levels_of
from pyramid.planning import Pass, Plan
from pyramid.planning.table import format_levels
from pyramid.tables import format_count
from pyramid.writing.block_writer import StoredCount
from pyramid.writing.extremes import Extremes, join
from pyramid.writing.journal import Segment
from pyramid.writing.target import Target

OnReceipt = Callable[[Receipt], None]


class Resumed(Protocol):
    """The blocks that earlier runs have done, and the journal of this one."""

    done: list[bytearray]

    def take(self, pass_number: int, receipt: Receipt) -> None:
        """Note the receipt of a block that is done."""
        ...


class Runner(Protocol):
    """Runs waves on one kind of scheduler."""

    @property
    def place(self) -> str:
        """Where the blocks are done, as progress shows it; empty in this process."""
        ...

    def run(self, wave: Wave, on_receipt: OnReceipt) -> None:
        """Do every block of `wave`, and hand each receipt over once as it comes.

        Receipts are handed over in the calling thread. However the call ends, no block of the wave still waits, and
        blocks under way have been stopped.
        """
        ...

    def end(self, buffers: Buffers) -> None:
        """Release the memory of a pass that has ended, in all processes."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run, as a progress callback receives it.

    Parameters
    ----------
    done_bytes, total_bytes
        Size in bytes of the pixels read so far, and of those to be read in all passes.
    done_tasks, total_tasks
        Blocks done so far, and blocks of all passes.
    seconds
        Time since the first block was started.
    place
        On a cluster the number of workers and the address of the dashboard; otherwise empty.
    """

    done_bytes: int
    total_bytes: int
    done_tasks: int
    total_tasks: int
    seconds: float
    place: str = ""

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it."""
        amount = format_part(self.done_bytes, self.total_bytes)
        return Snapshot(self.done_bytes, self.total_bytes, amount, self.done_bytes, self.seconds, place=self.place)


ProgressCallback = Callable[[Progress], object]

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """The sums of the receipts so far."""

    plan: Plan
    progress: ProgressCallback | None
    started_s: float = field(default_factory=time.perf_counter)
    done_bytes: int = 0
    done_tasks: int = 0
    retries: int = 0
    requests_again: int = 0
    extremes: dict[int, Extremes] = field(default_factory=dict)
    times: StageTimes = field(default_factory=StageTimes)
    stored: dict[int, StoredCount] = field(default_factory=dict)
    pass_seconds: list[float] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    callback_error: BaseException | None = None
    runner: Runner | None = None

    def add(self, receipt: Receipt) -> None:
        """Count one receipt.

        Raises
        ------
        PyramidError
            The failure in the receipt, if it has one.
        """
        if receipt.failure is not None:
            raise receipt.failure.error
        self.done_bytes += receipt.source_bytes
        self.done_tasks += 1
        self.retries += receipt.attempts - 1
        if receipt.attempts > 1:
            logger.info("a block was done at attempt %d", receipt.attempts)
        self.requests_again += receipt.requests_again
        join(self.extremes, receipt.extremes)
        self.times = self.times.joined(receipt.times or StageTimes())
        for level, count in receipt.stored:
            self.stored[level] = self.stored.get(level, StoredCount()).joined(count)
        self.report()

    def restore(self, blocks: int, segment: Segment) -> None:
        """Count blocks that an earlier run has done."""
        self.done_tasks += blocks
        self.done_bytes += segment.source_bytes
        join(self.extremes, segment.extremes.items())
        for level, count in segment.stored.items():
            self.stored[level] = self.stored.get(level, StoredCount()).joined(count)

    def report(self) -> None:
        """Call the progress callback."""
        if self.progress is not None:
            try:
                self.progress(self.state())
            except BaseException as error:
                self.callback_error = error
                raise

    def state(self) -> Progress:
        """Return the progress of the run."""
        item_bytes = self.plan.spec.item_bytes
        total_bytes = sum(math.prod(pass_.shape) for pass_ in self.plan.passes) * item_bytes
        seconds = time.perf_counter() - self.started_s
        place = self.runner.place if self.runner is not None else ""
        return Progress(self.done_bytes, total_bytes, self.done_tasks, self.plan.tasks, seconds, place)


def build(plan: Plan, source: Source, target: Target, runner: Runner, progress: ProgressCallback | None) -> Tally:
    """Write every level of a plan.

    Parameters
    ----------
    plan
        The passes and the levels.
    source
        The image that the first pass reads.
    target
        Where the levels are written. The caller commits its metadata.
    runner
        Computes the waves.
    progress
        Called in this thread after each block; one that shows progress is called before the first too.

    Raises
    ------
    PyramidError
        If a block fails. It says which block, and why.
    """
    tally = Tally(plan, progress)
    run_passes(tally, source, target, runner)
    return tally


def run_passes(tally: Tally, source: Source, target: Target, runner: Runner, resumed: Resumed | None = None) -> None:
    """Write every level of a plan as `build` does, with the sums so far in `tally`.

    Blocks that `resumed` has as done are left out, and it takes the receipts of the others.
    """
    tally.runner = runner
    if isinstance(tally.progress, DisplayCallback):
        tally.report()  # so that the total is shown from the start
    for number, pass_ in enumerate(tally.plan.passes):
        began_s = time.perf_counter()
        try:
            with timed(f"{format_levels(pass_)}, {format_count(pass_.tasks, 'block')},"):
                _run_pass(_PassRun(number, pass_, tally, resumed), source, target, runner)
        except TakenError:
            raise
        except TargetError as error:  # its cause may pass, as a full disk, and the run can go on
            raise StoppedError(str(error)) from error
        except BaseException as error:
            if error is tally.callback_error:
                raise  # the error comes from the caller's own callback
            with explaining(*_blamed(error, pass_, source)):
                raise
        tally.pass_seconds.append(time.perf_counter() - began_s)


def _blamed(error: BaseException, pass_: Pass, source: Source) -> tuple[type[PyramidError], str]:
    """Return whose fault a failure is, and the beginning of the sentence about it."""
    own = type(error).__module__.partition(".")[0] not in ("distributed", "dask")
    if own and pass_.source is None and dask_array_of(source) is not None:
        return SourceError, "the Dask array cannot be computed, as array.compute() would show"
    return StoppedError, f"levels {pass_.first} to {pass_.last}: a block failed"


@dataclass(frozen=True, slots=True)
class _PassRun:
    """One pass of a run: its number, and what takes its receipts."""

    number: int
    pass_: Pass
    tally: Tally
    resumed: Resumed | None

    @property
    def done(self) -> bytearray | None:
        """A flag for each block that an earlier run has done."""
        return self.resumed.done[self.number] if self.resumed is not None else None

    def take(self, receipt: Receipt) -> None:
        """Count a receipt, and note it in the journal."""
        if self.resumed is not None and receipt.failure is None:
            self.resumed.take(self.number, receipt)
        self.tally.timeline.add(self.number, receipt)
        self.tally.add(receipt)


def _run_pass(run: _PassRun, source: Source, target: Target, runner: Runner) -> None:
    """Write the levels of one pass."""
    pass_, tally, resources = run.pass_, run.tally, run.tally.plan.resources
    source = own_levels_of(source)[pass_.own - 1] if pass_.own else source
    buffers = Buffers(resources.workers if resources.extra_blocks else None)  # the levels of each pass have other sizes
    task = BlockTask(tally.plan, pass_, target, source if dask_array_of(source) is None else None, buffers)
    try:
        for wave in make_waves(task, source, run.done):
            runner.run(wave, run.take)
            buffers.release()  # the threads end with the wave, and the next threads would take memory in addition
    finally:
        runner.end(buffers)
