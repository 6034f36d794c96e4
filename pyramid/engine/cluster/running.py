"""Waves on a cluster: of blocks that read their pixels, or of a Dask array."""

from __future__ import annotations

import functools
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cloudpickle

from pyramid.concurrency.buffers import Buffers
from pyramid.engine.cluster.crew import Crew
from pyramid.engine.cluster.dispatch import ASK_S, CANCEL_S, LOOK_S, Dispatch, raise_error
from pyramid.engine.cluster.ledger import Ledger
from pyramid.engine.cluster.remote import end_pass
from pyramid.engine.cluster.waiting import LOST, Vigil, ask_workers, noticing_loss, try_within
from pyramid.engine.cluster.workers import check_limits
from pyramid.engine.receipt import Receipt
from pyramid.engine.wave import Wave
from pyramid.errors import StoppedError, explaining
from pyramid.planning import Plan
from pyramid.tables import format_count

if TYPE_CHECKING:
    from distributed import Client, Future

# Times that the scheduler repeats a task of a source's own graph that raised. A block does not raise: it repeats
# itself, and puts its failure into the receipt. So the tasks of a source get as many attempts as a block has.
RETRIES = 3
# Seconds that the end of a run waits for the workers: Ctrl-C must take effect soon.
END_S = 1.2
# Priority of the blocks of a run that is itself a task: above waiting tasks, since each might begin a further run.
PRIORITY = 10


class TaskSlot:
    """The worker thread that a run occupies, if the run is itself a task.

    Other tasks use the thread while the run waits for its blocks.
    """

    def __init__(self) -> None:
        self._left = False

    def leave(self) -> None:
        """Let the worker begin another task, if the run is itself a task."""
        if self._left or not self.is_task():
            return
        from distributed import secede  # noqa: PLC0415  (imported with the client)

        with suppress(KeyError):  # the task has left it before, as within `distributed.worker_client`
            secede()
            self._left = True

    @contextmanager
    def held(self) -> Iterator[TaskSlot]:
        """Make the run one of the worker's tasks again at the end."""
        try:
            yield self
        finally:
            if self._left:
                from distributed import rejoin  # noqa: PLC0415  (imported with the client)

                rejoin()
                self._left = False

    @staticmethod
    def is_task() -> bool:
        """Return whether the calling thread runs a task of a worker."""
        from distributed.threadpoolexecutor import thread_state  # noqa: PLC0415  (imported with the client)
        from distributed.worker import thread_state as state_of_task  # noqa: PLC0415

        return hasattr(thread_state, "executor") and getattr(state_of_task, "key", None) is not None


@dataclass(frozen=True)
class ClusterRunner:
    """Runs waves on a cluster. A block whose worker is lost is repeated by another.

    Parameters
    ----------
    client
        Client of the cluster.
    slot
        The thread that the run occupies.
    crew
        The workers that may be used.
    timeout_s
        The time-out of a block; None for one that follows the time of the blocks so far.
    """

    client: Client
    slot: TaskSlot
    crew: Crew
    timeout_s: float | None = None

    @property
    def elsewhere(self) -> bool:
        """Always True: tasks are pickled and run in other processes."""
        return True

    @property
    def place(self) -> str:
        """The number of workers, and the address of the dashboard."""
        workers = format_count(len(self.crew.checked), "worker")
        return ", ".join(filter(None, (workers, self._dashboard)))

    def fitted(self, plan: Plan) -> ClusterRunner:
        """Return the runner unchanged: the threads of a cluster are given.

        Raises
        ------
        OptionError
            If a worker has less memory than a block takes. The error names it.
        """
        check_limits(ask_workers(self.client), plan.peak_bytes)
        return self

    def run(self, wave: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        """Run a wave.

        On Ctrl-C or a failure, blocks that have not begun are cancelled. `end` stops the others.
        """
        with noticing_loss(self.client):
            self.crew.allow(wave.task.target)
        priority = PRIORITY if self.slot.is_task() else 0
        self.slot.leave()
        if wave.pixels is not None:
            self._run_graph(wave, on_receipt, priority)
            return
        dispatch = Dispatch(self.client, self.crew, wave, Ledger(wave.blocks, self.timeout_s), priority)
        with closing(dispatch):
            for receipt in dispatch.receipts():
                on_receipt(receipt)

    def end(self, buffers: Buffers) -> None:
        """Stop the blocks of a pass that are under way on workers, and release memory."""
        if self.client.status == "running":
            try_within(END_S, lambda: self.client.run(end_pass, buffers.key, on_error="ignore"))

    @functools.cached_property
    def _dashboard(self) -> str:
        """The address of the scheduler's dashboard; empty if it has none."""
        try:
            return str(self.client.dashboard_link or "")
        except Exception:  # a cluster may not know the port
            return ""

    def _run_graph(self, wave: Wave, on_receipt: Callable[[Receipt], None], priority: int) -> None:
        """Run a wave whose pixels a Dask array hands over, as one graph."""
        with noticing_loss(self.client):
            futures = self._persist(wave, priority)
        try:
            for receipt in self._receipts(futures):
                on_receipt(receipt)
        except BaseException:
            try_within(CANCEL_S, lambda: self.client.cancel([future for future in futures if not future.done()]))
            raise

    def _persist(self, wave: Wave, priority: int) -> Sequence[Future]:
        import dask  # noqa: PLC0415  (only if the source is a Dask array)
        from distributed import futures_of  # noqa: PLC0415  (imported with the client)

        with explaining(StoppedError, "the blocks cannot be sent to the workers of a cluster"):
            pickled = cloudpickle.dumps(wave.task)  # as bytes that the scheduler does not have to unpickle
        task = dask.delayed(pickle.loads, pure=False)(pickled)
        sent = self.client.persist(wave.receipts(task), retries=RETRIES, priority=priority)
        return [future for part in sent for future in futures_of(part)]

    def _receipts(self, futures: Sequence[Future]) -> Iterator[Receipt]:
        """Yield the receipts of a graph as they come.

        Raises
        ------
        StoppedError
            If no receipt can come any more.
        """
        from distributed import as_completed  # noqa: PLC0415  (imported with the client)

        with noticing_loss(self.client):
            ended = as_completed(futures, loop=self.client.loop, with_results=True, raise_errors=False)
        vigil, ask_s = Vigil(self.client, StoppedError), time.monotonic() + ASK_S
        while not ended.is_empty():
            for future, result in ended.next_batch(block=False):
                vigil.reset()
                if not isinstance(result, Receipt):
                    raise_error(self.client, future, result)
                yield result
            if self.client.status != "running":
                raise StoppedError(f"{LOST}; start the run again")
            if time.monotonic() > ask_s:
                vigil.look(ask_workers(self.client))
                ask_s = time.monotonic() + ASK_S
            time.sleep(LOOK_S)
