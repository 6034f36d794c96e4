"""A demand for workers, without which an adaptive cluster has none."""

from __future__ import annotations

import logging
import threading
import time
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

# Seconds that a task of the demand takes: shorter than the time after which an idle worker is ended.
BUSY_S = 0.5
# Seconds between two looks whether it has ended.
LOOK_S = 0.05
# Priority of these tasks: below that of any block.
PRIORITY = -10


class Demand:
    """A task that is there again and again while a worker is wanted.

    A run needs it until its first block is sent: workers that come are checked before, and have nothing else to do.

    Parameters
    ----------
    client
        Client of the cluster.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._wanted = threading.Event()
        self._ended = threading.Event()

    def want(self, wanted: bool) -> None:
        """Say whether a worker is wanted that would else have nothing to do."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    @contextmanager
    def running(self) -> Iterator[Demand]:
        """Keep the demand in this context; a worker is wanted at first."""
        self.want(True)
        threading.Thread(target=self._run, name="pyramid-demand", daemon=True).start()
        try:
            yield self
        finally:
            self._ended.set()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._wanted.wait(LOOK_S):
                    self._ask()
        except (Exception, CancelledError) as error:  # the cluster was lost, which the run itself notices
            logger.info("no further workers are asked for: %r", error)

    def _ask(self) -> None:
        future = self._client.submit(time.sleep, BUSY_S, pure=False, priority=PRIORITY)
        while not future.done() and self._wanted.is_set() and not self._ended.wait(LOOK_S):
            pass
        until_s = time.monotonic() + BUSY_S  # so that one that has begun is not cancelled, of which workers would warn
        while not future.done() and time.monotonic() < until_s:
            time.sleep(LOOK_S)
