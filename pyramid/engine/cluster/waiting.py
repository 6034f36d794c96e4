"""Waiting for a cluster without waiting for ever: calls that are bounded, and workers that may come."""

from __future__ import annotations

import logging
import math
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from pyramid.errors import PyramidError, StoppedError

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How long a scheduler may take to answer.
ANSWER_S = 30
# When it is said first, and then how often, that nobody is there to do a block.
SAY_AFTER_S, SAY_EVERY_S = 3, 30
# How long workers are waited for where nothing says that some will come, and how long those that are paused.
COMING_S, PAUSED_S = 15, 300
LOST = "the cluster was lost in mid-run: its client, its scheduler or its connection ended"


def within(seconds: float, call: Callable[[], T]) -> T:
    """Make a call that may never return.

    Raises
    ------
    TimeoutError
        After `seconds`; the call is left to itself.
    """
    future: Future[T] = Future()

    def make() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # it is raised where the result is waited for
            future.set_exception(error)

    threading.Thread(target=make, name="pyramid-cluster", daemon=True).start()
    return future.result(seconds)


def try_within(seconds: float, call: Callable[[], object]) -> None:
    """Make a call that may fail, or never return, since the cluster may be gone."""
    try:
        within(seconds, call)
    except (Exception, CancelledError) as error:
        logger.info("a call to the cluster failed: %r", error)


def ask_workers(client: Client) -> Mapping[str, Any]:
    """Ask a scheduler for its workers, by address.

    Raises
    ------
    StoppedError
        Where it does not answer.
    """
    try:
        told = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)
    except Exception as error:
        raise StoppedError(f"{LOST}; start the run anew ({type(error).__name__})") from error
    workers: Mapping[str, Any] = told["workers"]
    return workers


class Vigil:
    """Waiting for workers: said now and then, and ended where none can come.

    Parameters
    ----------
    client
        Of the cluster.
    error
        What is raised at the end.
    """

    def __init__(self, client: Client, error: type[PyramidError]) -> None:
        self._client = client
        self._error = error
        self.reset()

    def reset(self) -> None:
        """Begin anew, since a worker was seen at work."""
        self._since_s = time.monotonic()
        self._say_s = self._since_s + SAY_AFTER_S

    def look(self, workers: Mapping[str, Any]) -> bool:
        """Return whether some of the workers take tasks; say so, or raise, where none does for long."""
        if any(worker.get("status") != "paused" and worker.get("nthreads") for worker in workers.values()):
            self.reset()
            return True
        now_s = time.monotonic()
        what, limit_s = _lack(self._client, workers)
        if now_s - self._since_s >= limit_s:
            raise self._error(f"scheduler: {what}; start some workers, then convert")
        if now_s >= self._say_s:
            self._say_s = now_s + SAY_EVERY_S
            logger.warning("pyramid: %s; waiting since %.0f s", what, now_s - self._since_s)
        return False


def _lack(client: Client, workers: Mapping[str, Any]) -> tuple[str, float]:
    """Return what keeps a cluster from doing tasks, and how long it is waited for in seconds."""
    if workers and any(worker.get("nthreads") for worker in workers.values()):
        return "all workers of the cluster are paused, since their memory is full", PAUSED_S
    cluster = client.cluster
    if cluster is None:
        return "the cluster has no worker", COMING_S
    if getattr(getattr(cluster, "_adaptive", None), "maximum", 0):
        return "the cluster has no worker yet, and is asked for one", math.inf
    if not getattr(cluster, "plan", None):
        return "the cluster has no worker, and none was asked for", 0
    from distributed import LocalCluster  # noqa: PLC0415  (imported with the client)

    # Those of this machine start at once or not at all; others may wait in a queue for hours.
    return "no worker of the cluster has come yet", COMING_S if isinstance(cluster, LocalCluster) else math.inf
