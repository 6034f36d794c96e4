"""Waves in this process: on threads, or on Dask's configured scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from pyramid.concurrency.buffers import Buffers
from pyramid.concurrency.cancelling import LOOK_S, check_not_cancelled
from pyramid.concurrency.signals import leave_signals
from pyramid.engine.receipt import Receipt
from pyramid.engine.task import do_block
from pyramid.engine.wave import Wave
from pyramid.errors import StoppedError
from pyramid.planning import Plan

if TYPE_CHECKING:
    from pyramid.engine.schedulers import Scheduler

# Blocks submitted for each thread: one under way, and one that begins as soon as the first has ended.
QUEUED = 2
# Blocks for each worker in one call of a scheduler without callbacks. It reports only when all of them are done: more
# would delay progress and errors, fewer would leave workers idle: of 4 turns, at most one is lost at the end of a call.
TOGETHER = 4
# Seconds that an interrupted run waits for blocks under way. There is a limit because a request may stall for longer.
PATIENCE_S = 1.5


@dataclass(frozen=True)
class LocalRunner:
    """Runs waves on threads, or as ``dask.config.set(scheduler=...)`` says.

    Parameters
    ----------
    workers
        Number of blocks under way at once.
    scheduler
        The scheduler that Dask is configured to use. None means threads that belong to the run.
    """

    workers: int
    scheduler: Scheduler | None = None

    @property
    def elsewhere(self) -> bool:
        """True if tasks may run in other processes."""
        return self.scheduler is not None and self.scheduler.elsewhere

    @property
    def place(self) -> str:
        """Empty: a run in this process needs no words about where it is."""
        return ""

    def fitted(self, plan: Plan) -> LocalRunner:
        """Return a runner with as many threads as blocks that are under way at once."""
        return replace(self, workers=plan.resources.tasks)

    def run(self, wave: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        """Run a wave.

        On Ctrl-C or a failure, blocks under way end at their next chunk and no further block begins.
        """
        buffers = wave.task.buffers
        try:
            if self.scheduler is None:
                self._run_on_threads(wave, on_receipt)
            else:
                _run_on_dask(wave, on_receipt, self.scheduler, self.workers)
        except BaseException as error:
            buffers.stop()
            buffers.wait_until_idle(PATIENCE_S if isinstance(error, KeyboardInterrupt) else None)
            raise

    def _run_on_threads(self, wave: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        with _threads(self.workers, wave.task.buffers) as threads:
            if wave.pixels is None:
                _run_calls(
                    (partial(do_block, index, wave.task) for index in wave.blocks),
                    on_receipt,
                    threads,
                    QUEUED * self.workers,
                )
                return
            from pyramid.engine.schedulers import local_scheduler  # noqa: PLC0415  (only if the source is a Dask array)

            scheduler = local_scheduler(threads)
            assert scheduler is not None  # this thread does not belong to the pool
            _run_on_dask(wave, on_receipt, scheduler, self.workers)

    def end(self, buffers: Buffers) -> None:
        """Release the memory of a pass."""
        buffers.release()


@contextmanager
def _threads(workers: int, buffers: Buffers) -> Iterator[ThreadPoolExecutor]:
    """Provide the threads of a wave.

    If the wave fails, blocks under way end at their next chunk. After Ctrl-C they are not waited for here.
    """
    threads = ThreadPoolExecutor(workers, thread_name_prefix="pyramid", initializer=leave_signals)
    try:
        yield threads
    except BaseException as error:
        buffers.stop()
        threads.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    threads.shutdown()


def _run_calls(
    calls: Iterator[Callable[[], Receipt]],
    on_receipt: Callable[[Receipt], None],
    threads: ThreadPoolExecutor,
    most: int,
) -> None:
    """Run the calls on the threads, at most `most` of them submitted at once.

    Raises StoppedError soon after the context of this thread is cancelled, as by another run of the same batch.
    """
    under_way: set[Future[Receipt]] = set()
    while True:
        under_way.update(threads.submit(call) for call in islice(calls, most - len(under_way)))
        if not under_way:
            return
        ended, under_way = wait(under_way, LOOK_S, FIRST_COMPLETED)
        check_not_cancelled("the run was stopped before its end")
        for future in ended:
            on_receipt(future.result())


def _run_on_dask(wave: Wave, on_receipt: Callable[[Receipt], None], scheduler: Scheduler, workers: int) -> None:
    """Compute the graph of a wave with a scheduler of Dask.

    Dask's own schedulers pass each receipt to a callback as soon as its task ends. The callback belongs to this call
    only. Schedulers without callbacks compute some blocks at a time. Receipts that no callback received are taken from
    the results.
    """
    from dask.callbacks import Callback  # noqa: PLC0415  (Dask is imported only if a scheduler is configured)
    from dask.optimization import cull  # noqa: PLC0415

    seen: set[int] = set()

    def hand_over(result: object) -> None:
        if isinstance(result, Receipt) and result.block not in seen:
            seen.add(result.block)
            on_receipt(result)

    keywords = {**scheduler.keywords, **({"num_workers": workers} if scheduler.asks else {})}
    if scheduler.calls_back:
        posttask: tuple[Any, ...] = (None, None, None, lambda _key, result, *_: hand_over(result), None)
        keywords["callbacks"] = [*Callback.active, posttask]  # keeps the callbacks that the program has registered
    graph, keys = wave.graph()
    together = len(keys) if scheduler.calls_back else TOGETHER * workers
    for start in range(0, len(keys), together):
        some = keys[start : start + together]
        part = graph if len(some) == len(keys) else cull(graph, some)[0]
        results = scheduler.get(part, some, **keywords)
        for result in results:
            hand_over(result)
    if len(seen) < len(keys):
        missing = len(keys) - len(seen)
        raise StoppedError(f"scheduler: {scheduler.get!r} gave no result for {missing} of {len(keys)} blocks")
