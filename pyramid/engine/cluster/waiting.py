"""Bounded waiting for a cluster: calls with a time limit, and late workers."""

from __future__ import annotations

import logging
import math
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pyramid.engine.cluster.failures import start_failures
from pyramid.errors import PyramidError, StoppedError
from pyramid.feedback.notices import give_notices

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds for a scheduler to answer: a busy one takes a while.
ANSWER_S = 30
# Seconds until the first warning that no worker can do a block, and between two warnings: short gaps are normal.
SAY_AFTER_S, SAY_EVERY_S = 3, 30
# Seconds to wait for workers if nothing suggests that any will come, and for workers that are paused. Paused workers
# often write memory to disk and continue.
COMING_S, PAUSED_S = 15, 300
LOST = "the cluster was lost during the run: its client, its scheduler or its connection ended"


def begin_call(call: Callable[[], T]) -> Future[T]:
    """Make a call that may never return in its own thread, and return its future."""
    future: Future[T] = Future()

    def make() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # it is raised in the thread that waits for the result
            future.set_exception(error)

    threading.Thread(target=make, name="pyramid-cluster", daemon=True).start()
    return future


def within(seconds: float, call: Callable[[], T]) -> T:
    """Make a call that may never return, and return its result.

    Raises
    ------
    TimeoutError
        After `seconds`. The call continues in its own thread.
    """
    return begin_call(call).result(seconds)


def try_within(seconds: float, call: Callable[[], object]) -> None:
    """Make a call, and log its failure or timeout, since the cluster may be gone."""
    try:
        within(seconds, call)
    except (Exception, CancelledError) as error:
        logger.info("a call to the cluster failed: %r", error)


@contextmanager
def noticing_loss(client: Client) -> Iterator[None]:
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


def ask_workers(client: Client) -> Mapping[str, Any]:
    """Ask a scheduler for its workers, by address.

    Raises
    ------
    StoppedError
        If the scheduler does not answer.
    """
    try:
        identity = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)
    except Exception as error:
        raise StoppedError(f"{LOST}; start the run again ({type(error).__name__})") from error
    workers: Mapping[str, Any] = identity["workers"]
    return workers


class Vigil:
    """The wait for workers, with a warning from time to time and a limit.

    Parameters
    ----------
    client
        Client of the cluster.
    error
        Class of the error that is raised if no worker can come.
    """

    def __init__(self, client: Client, error: type[PyramidError]) -> None:
        self._client = client
        self._error = error
        self.reset()

    def reset(self) -> None:
        """Restart the wait, since a worker was seen at work."""
        self._since_s = time.monotonic()
        if (failures := start_failures.get()) is not None:
            failures.clear()
        self._say_s = self._since_s + SAY_AFTER_S

    def look(self, workers: Mapping[str, Any]) -> bool:
        """Return whether some of the workers take tasks.

        If none does for some time, a notice is given. When the limit is reached, the error is raised.
        """
        if any(worker.get("status") != "paused" and worker.get("nthreads") for worker in workers.values()):
            self.reset()
            return True
        failures = start_failures.get()
        if failures is not None and failures.reason:
            raise self._error(f"cluster: no worker can be started: {failures.reason}; check kwargs and its service")
        now_s = time.monotonic()
        reason, limit_s = _find_lack(self._client, workers)
        if now_s - self._since_s >= limit_s:
            raise self._error(f"scheduler: {reason}; start some workers, then convert")
        if now_s >= self._say_s:
            self._say_s = now_s + SAY_EVERY_S
            give_notices([f"{reason}; waiting for {now_s - self._since_s:.0f} s"])
        return False


def _find_lack(client: Client, workers: Mapping[str, Any]) -> tuple[str, float]:
    """Return why a cluster does no tasks, and for how many seconds to wait."""
    if workers and any(worker.get("nthreads") for worker in workers.values()):
        return "all workers of the cluster are paused, since their memory is full", PAUSED_S
    cluster = client.cluster
    if cluster is None:
        return "the cluster has no worker", COMING_S
    if getattr(getattr(cluster, "_adaptive", None), "maximum", 0):
        return "the cluster has no worker yet, and has been asked for one", math.inf
    if not getattr(cluster, "plan", None):
        return "the cluster has no worker, and none was asked for", 0
    from distributed import LocalCluster  # noqa: PLC0415  (imported with the client)

    # Workers of this machine start at once or not at all. Others may wait in a queue for hours.
    return "no worker of the cluster has come yet", COMING_S if isinstance(cluster, LocalCluster) else math.inf
