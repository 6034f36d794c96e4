"""Waves on a cluster: send blocks, collect receipts, and cancel blocks under way."""

from __future__ import annotations

import asyncio
import pickle
import time
import uuid
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cloudpickle

from pyramid.concurrency.buffers import Buffers, end_buffers
from pyramid.engine.cluster.waiting import LOST, Vigil, ask_workers, try_within
from pyramid.engine.receipt import Receipt
from pyramid.engine.task import do_block
from pyramid.engine.wave import Wave
from pyramid.errors import PyramidError, StoppedError, explaining
from pyramid.planning import Resources

if TYPE_CHECKING:
    from distributed import Client, Future

# Times that the scheduler repeats a task that raised, as one of a source's own graph may. A block does not raise: it
# repeats itself, and puts its failure into the receipt. So the tasks of a source get as many attempts as a block has.
RETRIES = 3
# Seconds between two looks for receipts, and between two checks whether the cluster still has workers. A look takes
# microseconds, and a bar that moves 50 times a second is smooth. A check is a request to the scheduler.
LOOK_S, ASK_S = 0.02, 2.0
# Seconds that the end of a run waits for the scheduler, and for the workers: Ctrl-C must take effect soon.
CANCEL_S, END_S = 0.5, 1.2
# Seconds that a worker waits for its blocks, which end at their next chunk; less than END_S, so that it can answer.
STOP_S = 0.8
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
    """

    client: Client
    slot: TaskSlot

    @property
    def elsewhere(self) -> bool:
        """Always True: tasks are pickled and run in other processes."""
        return True

    def fitted(self, resources: Resources) -> ClusterRunner:
        """Return the runner unchanged: the threads of a cluster are given."""
        del resources
        return self

    def run(self, wave: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        """Run a wave.

        On Ctrl-C or a failure, blocks that have not begun are cancelled. `end` stops the others.
        """
        with _noticing_loss(self.client):
            futures = self._send(wave)
        try:
            self.slot.leave()
            for receipt in self._receipts(futures):
                on_receipt(receipt)
        except BaseException:
            try_within(CANCEL_S, lambda: self.client.cancel([future for future in futures if not future.done()]))
            raise

    def end(self, buffers: Buffers) -> None:
        """Stop the blocks of a pass that are under way on workers, and release memory."""
        if self.client.status == "running":
            try_within(END_S, lambda: self.client.run(_end_blocks, buffers.key, on_error="ignore"))

    def _send(self, wave: Wave) -> Sequence[Future]:
        """Send a wave's blocks to the workers, and return their futures.

        The task goes to each worker once. It is sent as bytes that the scheduler does not have to unpickle.
        """
        with explaining(StoppedError, "the blocks cannot be sent to the workers of a cluster"):
            pickled = cloudpickle.dumps(wave.task)
        priority = PRIORITY if self.slot.is_task() else 0
        if wave.pixels is not None:
            import dask  # noqa: PLC0415  (only if the source is a Dask array)
            from distributed import futures_of  # noqa: PLC0415  (imported with the client)

            task = dask.delayed(pickle.loads, pure=False)(pickled)
            sent = self.client.persist(wave.receipts(task), retries=RETRIES, priority=priority)
            return [future for part in sent for future in futures_of(part)]
        name = f"pyramid-{uuid.uuid4().hex}"
        carried = self.client.submit(pickle.loads, pickled, key=f"{name}-task", priority=priority)
        futures = self.client.map(do_block, wave.blocks, task=carried, key=name, priority=priority, retries=RETRIES)
        return list(futures)

    def _receipts(self, futures: Sequence[Future]) -> Iterator[Receipt]:
        """Yield the receipts as they come.

        Raises
        ------
        StoppedError
            If no receipt can come any more.
        """
        from distributed import as_completed  # noqa: PLC0415  (imported with the client)

        with _noticing_loss(self.client):
            ended = as_completed(futures, loop=self.client.loop, with_results=True, raise_errors=False)
        vigil, ask_s = Vigil(self.client, StoppedError), time.monotonic() + ASK_S
        while not ended.is_empty():
            for future, result in ended.next_batch(block=False):
                vigil.reset()
                yield self._receipt(future, result)
            if self.client.status != "running":
                raise StoppedError(f"{LOST}; start the run again")
            if time.monotonic() > ask_s:
                vigil.look(ask_workers(self.client))
                ask_s = time.monotonic() + ASK_S
            time.sleep(LOOK_S)

    def _receipt(self, future: Future, result: Any) -> Receipt:  # noqa: ANN401  (a task may give anything)
        """Return a receipt.

        Raises
        ------
        StoppedError
            If the block ended its workers, was cancelled, or gave another result. An error of the task is raised as is.
        """
        from distributed.scheduler import KilledWorker  # noqa: PLC0415  (imported with the client)

        if isinstance(result, Receipt):
            return result
        error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
        if isinstance(error, KilledWorker):
            raise StoppedError(f"a block ended each worker that it ran on, probably for lack of memory: {error}")
        if self.client.status != "running" or isinstance(error, (CancelledError, FutureCancelledError)):
            raise StoppedError(f"{LOST}, or its blocks were cancelled; start the run again")
        if isinstance(error, BaseException):
            raise error
        raise StoppedError(f"the cluster gave no result for {future.key}: {error!r}")


async def _end_blocks(key: str) -> None:
    """Stop the blocks of a pass in a worker, and wait up to `STOP_S` for their end."""
    buffers, until_s = end_buffers(key), time.monotonic() + STOP_S
    while buffers is not None and not buffers.wait_until_idle(0) and time.monotonic() < until_s:
        await asyncio.sleep(LOOK_S)


@contextmanager
def _noticing_loss(client: Client) -> Iterator[None]:
    """Raise StoppedError if a call fails because the cluster was lost.

    Such a call may raise any of many exceptions.
    """
    try:
        yield
    except PyramidError:
        raise
    except (Exception, CancelledError) as error:
        if client.status == "running":
            raise
        raise StoppedError(f"{LOST}; start the run again") from error
