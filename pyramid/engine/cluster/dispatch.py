"""One wave on a cluster: send blocks, take receipts, and replace lost workers."""

from __future__ import annotations

import time
import uuid
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError as FutureCancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cloudpickle

from pyramid.engine.cluster.crew import Crew
from pyramid.engine.cluster.ledger import Ledger, Moves
from pyramid.engine.cluster.remote import do_here, hold_task
from pyramid.engine.cluster.seat import Seat
from pyramid.engine.cluster.waiting import COMING_S, LOST, Vigil, ask_workers, noticing_loss, try_within
from pyramid.engine.cluster.workers import check_limits, slots_of
from pyramid.engine.receipt import Receipt
from pyramid.engine.wave import Wave
from pyramid.errors import OptionError, StoppedError, explaining
from pyramid.feedback.notices import give_notices

if TYPE_CHECKING:
    from distributed import Client, Future

# Seconds between two looks for receipts, and between two checks of the cluster's workers: in general, and while none
# has a place. A look takes microseconds, and a bar that moves 50 times a second is smooth. A check is a request.
LOOK_S, ASK_S, ASK_SOON_S = 0.02, 2.0, 0.25
# Seconds that the end of a wave waits for the scheduler: Ctrl-C must take effect soon.
CANCEL_S = 0.5


@dataclass
class Dispatch:
    """The blocks of a wave on the workers of a cluster.

    Parameters
    ----------
    client
        Client of the cluster.
    crew
        The workers that may be used.
    wave
        The blocks.
    ledger
        Which block is where.
    priority
        Dask's priority of the blocks.
    """

    client: Client
    crew: Crew
    wave: Wave
    ledger: Ledger
    priority: int
    _name: str = field(default_factory=lambda: f"pyramid-{uuid.uuid4().hex}")
    _tasks: dict[str, Future] = field(default_factory=dict)
    _futures: dict[tuple[str, int], Future] = field(default_factory=dict)
    _sent: dict[Any, tuple[str, int]] = field(default_factory=dict)
    _sends: int = 0

    def receipts(self) -> Iterator[Receipt]:
        """Do the blocks, and yield the receipt of each once.

        Raises
        ------
        StoppedError
            If a receipt cannot come any more. An error of a task is raised as it is.
        """
        from distributed import as_completed  # noqa: PLC0415  (imported with the client)

        with explaining(StoppedError, "the blocks cannot be sent to the workers of a cluster"):
            pickled = cloudpickle.dumps(self.wave.task)
        with noticing_loss(self.client):
            ended = as_completed([], loop=self.client.loop, with_results=True, raise_errors=False)
        watch = _Watch(Vigil(self.client, StoppedError))
        while not self.ledger.is_done:
            if self.client.status != "running":
                raise StoppedError(f"{LOST}; start the run again")
            if watch.is_due(self.ledger):
                with noticing_loss(self.client):
                    self._look_at_workers(watch)
            now_s = time.monotonic()
            self._withdraw(self.ledger.give_up_late(now_s))
            moves = self.ledger.share(now_s)
            self._withdraw(moves)
            with noticing_loss(self.client):
                ended.update(self._send(moves, pickled))
            for future, result in ended.next_batch(block=False):
                receipt = self._take(future, result)
                if receipt is not None:
                    watch.vigil.reset()
                    yield receipt
            if not self.ledger.is_done:
                time.sleep(LOOK_S)

    def close(self) -> None:
        """Withdraw the blocks that are not done, and remember the workers that owe some."""
        owing = [seat.address for seat in self.ledger.seats.values() if seat.given_up or seat.is_suspect]
        self.crew.suspects.update(owing)
        self.crew.demand.want(True)  # until the next wave, or until the run ends
        left = list(self._futures.values())
        if left and self.client.status == "running":
            try_within(CANCEL_S, lambda: self.client.cancel(left))
        self._futures.clear()

    def _look_at_workers(self, watch: _Watch) -> None:
        """Note workers that are lost, and let new ones take part once they are checked."""
        workers = ask_workers(self.client)
        target, block_bytes = self.wave.task.target, self.wave.task.plan.peak_bytes
        able = self.crew.admit(workers, target)
        self.crew.clear_suspects(workers)
        for address in self.ledger.seats.keys() - able:
            self._lose(address)
        for address in sorted(able - self.ledger.seats.keys()):
            self._seat(address, workers[address], block_bytes)
        for address, seat in self.ledger.seats.items():
            seat.is_paused = workers[address].get("status") not in (None, "running")
            if seat.is_suspect and not seat.given_up and address not in self.crew.suspects:
                seat.is_suspect = False
        watch.vigil.look({address: workers[address] for address in able} or _unchecked(workers, self.crew))
        self.crew.demand.want(not self.ledger.has_place)
        watch.looked(self.ledger)

    def _seat(self, address: str, worker: Mapping[str, Any], block_bytes: int) -> None:
        """Let a worker take part, unless its memory is not enough."""
        if not worker.get("nthreads"):
            return
        try:
            check_limits({address: worker}, block_bytes)
        except OptionError as error:
            if address not in self.crew.refused:
                self.crew.refused[address] = str(error)
                give_notices([f"the worker {address} gets no blocks: {error}"])
            return
        seat = Seat(address, slots_of(worker, block_bytes), is_suspect=address in self.crew.suspects)
        self.ledger.seats[address] = seat

    def _lose(self, address: str) -> None:
        self._tasks.pop(address, None)
        for key in [key for key in self._futures if key[0] == address]:
            self._drop(key)
        self.ledger.lose(address)

    def _send(self, moves: Moves, pickled: bytes) -> list[Future]:
        """Send blocks to their workers, and return their futures.

        The task goes with them where it is not there yet.
        """
        made = []
        for address, blocks in moves.sent.items():
            where: dict[str, Any] = {"workers": [address], "priority": self.priority}
            if address not in self._tasks:
                key = f"{self._name}-task-{len(self._tasks)}-{self._sends}"
                self._tasks[address] = self.client.submit(hold_task, pickled, key=key, **where)
            self._sends += 1
            keys = [f"{self._name}-{self._sends}-{block}" for block in blocks]
            futures = self.client.map(do_here, blocks, task=self._tasks[address], key=keys, **where)
            for block, future in zip(blocks, futures, strict=True):
                self._futures[address, block] = future
                self._sent[future.key] = (address, block)
            made += futures
        return made

    def _withdraw(self, moves: Moves) -> None:
        for key in moves.withdrawn:
            self._drop(key)

    def _drop(self, key: tuple[str, int]) -> None:
        """Forget the future of a block at a worker, and cancel it."""
        future = self._futures.pop(key, None)
        if future is not None:
            self._sent.pop(future.key, None)
            future.cancel()

    def _take(self, future: Future, result: object) -> Receipt | None:
        """Return the receipt that a future gives.

        None means that the block was withdrawn, or that another worker was first.

        Raises
        ------
        StoppedError
            If the block was cancelled by others, or gave another result. An error of the task is raised as it is.
        """
        sent = self._sent.pop(future.key, None)
        if sent is None:
            return None
        address, block = sent
        self._futures.pop(sent, None)
        if isinstance(result, Receipt):
            if not self.ledger.end(block, address, time.monotonic()):
                return None
            for other in self.ledger.withdraw(block):
                self._drop((other, block))
            return result
        raise_error(self.client, future, result)
        return None


def raise_error(client: Client, future: Future, result: object) -> None:
    """Raise the error that a task gave in place of a receipt."""
    from distributed.scheduler import KilledWorker  # noqa: PLC0415  (imported with the client)

    error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    if isinstance(error, KilledWorker):
        raise StoppedError(f"a block ended each worker that it ran on, probably for lack of memory: {error}")
    if client.status != "running" or isinstance(error, (CancelledError, FutureCancelledError)):
        raise StoppedError(f"{LOST}, or its blocks were cancelled; start the run again")
    if isinstance(error, BaseException):
        raise error
    raise StoppedError(f"the cluster gave no result for {future.key}: {error!r}")


def _unchecked(workers: Mapping[str, Any], crew: Crew) -> Mapping[str, Any]:
    """Return the workers of which it is not known yet whether they can do blocks."""
    return {address: worker for address, worker in workers.items() if address not in crew.refused}


class _Watch:
    """When the workers are looked at next, and for how long none has had a place.

    Parameters
    ----------
    vigil
        The wait for workers.
    """

    def __init__(self, vigil: Vigil) -> None:
        self.vigil = vigil
        self._next_s = 0.0
        self._stuck_s: float | None = None

    def is_due(self, ledger: Ledger) -> bool:
        """Return whether the workers are to be looked at."""
        now_s = time.monotonic()
        if ledger.has_place:
            return now_s > self._next_s
        return now_s > self._next_s - ASK_S + ASK_SOON_S

    def looked(self, ledger: Ledger) -> None:
        """Note that the workers were looked at.

        Raises
        ------
        StoppedError
            If the blocks at all workers have taken too long, and no other worker came.
        """
        now_s = time.monotonic()
        self._next_s = now_s + ASK_S
        if ledger.has_place or not any(seat.is_suspect or seat.given_up for seat in ledger.seats.values()):
            self._stuck_s = None
            return
        self._stuck_s = self._stuck_s or now_s
        limit_s = max(COMING_S, ledger.limit_s)
        if now_s - self._stuck_s > limit_s:
            raise StoppedError(
                f"blocks take more than {ledger.limit_s:.0f} s at each of the cluster's workers, and no other worker "
                f"came within {limit_s:.0f} s; look what they wait for, or give block_timeout=... more"
            )
