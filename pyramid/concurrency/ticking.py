"""A call that is made again and again while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyramid.concurrency.signals import leave_signals


class Ticker:
    """Calls a function from time to time, in a thread of its own, until it is stopped.

    Parameters
    ----------
    call
        The function.
    every_s
        Time in seconds between two calls.
    """

    def __init__(self, call: Callable[[], object], every_s: float) -> None:
        self._call = call
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pyramid-ticker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make no more calls; one that is under way ends first."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        leave_signals()
        while not self._stopped.wait(self._every_s):
            self._call()
