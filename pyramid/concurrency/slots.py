"""A number of slots that runs share, first come first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.concurrency.cancelling import LOOK_S, check_not_cancelled


class Slots:
    """Slots of which each run holds some while it works.

    A run that needs many is not overtaken by those that need few, so that it begins after a bounded time.

    Parameters
    ----------
    total
        The number of slots.

    Examples
    --------
    >>> slots = Slots(2)
    >>> with slots.held(1), slots.held(1):
    ...     slots.free
    0
    """

    def __init__(self, total: int) -> None:
        self.total = self.free = total
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def held(self, count: int) -> Iterator[None]:
        """Hold `count` slots, or all where that is fewer, once those before have theirs.

        Raises StoppedError if the context is cancelled while it waits.
        """
        needed = min(count, self.total)
        self._take(needed)
        try:
            yield
        finally:
            with self._changed:
                self.free += needed
                self._changed.notify_all()

    def _take(self, needed: int) -> None:
        """Wait for a turn, and take slots."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or self.free < needed:
                    self._changed.wait(LOOK_S)
                    check_not_cancelled("the run was stopped before it began")
                self.free -= needed
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
