"""Passes as Dask graphs, run in waves on whatever Dask scheduler is active.

A wave gives receipts, one a block: its graph is small, and gone when the wave is done, so that the
client's memory does not grow with the image. A `Runner` gives the receipts as they come; there is one for the
schedulers of this process, and one for clusters.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.errors import PyramidError, StoppedError
from pyramid.model import Source
from pyramid.planning import Pass, Plan
from pyramid.readers.dask import DaskSource
from pyramid.receipt import Extremes, Receipt, join
from pyramid.sink import Sink
from pyramid.task import BlockTask, may_mend
from pyramid.wave import Receipts, Wave

if TYPE_CHECKING:
    import dask.array as da  # only a source that is a Dask array has need of it

WAVE_TASKS = 10_000
FIRST_PAUSE_S = 0.1

OnReceipt = Callable[[Receipt], None]


class Runner(Protocol):
    """Runs waves on one kind of scheduler."""

    @property
    def attempts(self) -> int:
        """How often a task tries before it raises; 1 where the scheduler repeats tasks itself."""
        ...

    def run(self, wave: Receipts, on_receipt: OnReceipt, stop: Callable[[], None]) -> None:
        """Compute every element of `wave`, an array of receipts, and hand each over as it comes.

        Whatever ends it, no block of the wave is under way or waiting in this process when it returns; `stop` makes
        those that are end soon.
        """
        ...

    def release(self) -> None:
        """Give back the memory that tasks have kept from block to block."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; what a progress callback is given.

    Parameters
    ----------
    done_bytes, total_bytes
        Pixels read so far and to be read in all passes, in bytes.
    done_tasks, total_tasks
        Blocks.
    seconds
        Since the first block was started.
    """

    done_bytes: int
    total_bytes: int
    done_tasks: int
    total_tasks: int
    seconds: float


ProgressCallback = Callable[[Progress], None]


@dataclass
class Tally:
    """What the receipts have told so far."""

    plan: Plan
    progress: ProgressCallback | None
    started_s: float = field(default_factory=time.perf_counter)
    done_bytes: int = 0
    done_tasks: int = 0
    retries: int = 0
    requests_again: int = 0
    extremes: dict[int, Extremes] = field(default_factory=dict)
    callback_error: Exception | None = None

    def add(self, receipt: Receipt) -> None:
        """Count one receipt; raises the failure that it tells."""
        if receipt.failure is not None:
            raise receipt.failure
        self.done_bytes += receipt.source_bytes
        self.done_tasks += 1
        self.retries += receipt.attempts - 1
        self.requests_again += receipt.requests_again
        join(self.extremes, receipt.extremes)
        if self.progress is not None:
            try:
                self.progress(self.state())
            except Exception as error:
                self.callback_error = error
                raise

    def state(self) -> Progress:
        """How far the run is."""
        item_bytes = np.dtype(self.plan.spec.dtype).itemsize
        total_bytes = sum(int(np.prod(one.shape, dtype=object)) for one in self.plan.passes) * item_bytes
        seconds = time.perf_counter() - self.started_s
        return Progress(self.done_bytes, total_bytes, self.done_tasks, self.plan.tasks, seconds)


def build(plan: Plan, source: Source, sink: Sink, runner: Runner, progress: ProgressCallback | None) -> Tally:
    """Write every level of a plan.

    Parameters
    ----------
    plan
        What is to be done.
    source
        What the first pass reads.
    sink
        Where the levels are written; its metadata is left for the caller to commit.
    runner
        What computes the waves.
    progress
        Called in this thread after each block.

    Raises
    ------
    PyramidError
        With the place of the block that failed and the cause.
    """
    tally, buffers = Tally(plan, progress), Buffers(plan.room.workers if plan.room.waiting else None)
    for one in plan.passes:
        task = BlockTask(plan, one, sink, None if isinstance(source, DaskSource) else source, buffers)
        try:
            for wave in _waves(task, source, runner.attempts):
                with _placed(one, tally):
                    runner.run(wave, tally.add, buffers.stop)
                buffers.release()  # a wave's threads end with it; the next ones would take memory beside theirs
        finally:
            runner.release()  # another pass has levels of other sizes
    return tally


@contextmanager
def _placed(one: Pass, tally: Tally) -> Iterator[None]:
    """Turn what is no failure foreseen, nor the progress callback's own, into one that names the levels."""
    try:
        yield
    except PyramidError:
        raise
    except Exception as error:
        if error is tally.callback_error:
            raise
        cause = f"{type(error).__name__}: {error}"
        raise StoppedError(f"levels {one.first} to {one.last}: a block failed: {cause}") from error


def _waves(task: BlockTask, source: Source, attempts: int) -> Iterator[Receipts]:
    """The blocks of a pass as arrays of receipts."""
    if task.one.source is None and isinstance(source, DaskSource):
        yield from _waves_of_array(task, source.array, attempts)
        return
    for start in range(0, task.one.tasks, WAVE_TASKS):
        name, stop = _new_name(), min(start + WAVE_TASKS, task.one.tasks)
        yield Wave({(name, index): (_do_numbered, index, task, attempts) for index in range(start, stop)})


def _do_numbered(index: int, task: BlockTask, attempts: int) -> NDArray[Any]:
    return _as_array(_attempt(lambda: task(index), attempts), 1)


def _waves_of_array(task: BlockTask, array: da.Array, attempts: int) -> Iterator[Receipts]:
    """Slabs of a Dask array along its first axis, cut into blocks and otherwise left alone."""
    grid, edge = task.one.grid, task.one.block
    row = int(np.prod(grid[1:], dtype=np.int64))
    rows = max(1, WAVE_TASKS // row)
    for first in range(0, grid[0], rows):
        last = min(first + rows, grid[0])
        slab = array[first * edge[0] : last * edge[0]].rechunk(edge)
        ones = tuple((1,) * count for count in (last - first, *grid[1:]))
        yield slab.map_blocks(
            _do_handed,
            name=_new_name(),
            task=task,
            first=first,
            attempts=attempts,
            dtype=object,
            chunks=ones,
            meta=np.empty((0,) * len(grid), object),
        )


def _do_handed(
    pixels: NDArray[Any], task: BlockTask, first: int, attempts: int, block_id: tuple[int, ...]
) -> NDArray[Any]:
    index = int(np.ravel_multi_index((block_id[0] + first, *block_id[1:]), task.one.grid))
    return _as_array(_attempt(lambda: task(index, pixels), attempts), len(block_id))


def _attempt(work: Callable[[], Receipt], attempts: int) -> Receipt:
    """Do the work, and do it again after a pause where that may mend what went wrong."""
    for attempt in range(1, attempts):
        try:
            return replace(work(), attempts=attempt)
        except PyramidError as error:
            if not may_mend(error):
                raise
            time.sleep(FIRST_PAUSE_S * 2**attempt)
    return replace(work(), attempts=attempts)


def _new_name() -> str:
    """A name for a wave's keys. Dask would make one by hashing the task, and with it a source that is in memory."""
    return f"pyramid-{uuid.uuid4().hex}"


def _as_array(receipt: Receipt, ndim: int) -> NDArray[Any]:
    wrapped = np.empty((1,) * ndim, object)
    wrapped.flat[0] = receipt
    return wrapped
