"""More time for the end of an interrupted command, as to end jobs of a cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Patience:
    """The work that an interrupted command waits for before it ends."""

    def __init__(self) -> None:
        self._idle = threading.Event()
        self._idle.set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Make the command wait for this context."""
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    def wait(self, seconds: float) -> None:
        """Wait for such work, at most some seconds."""
        self._idle.wait(seconds)


# The patience of the command that runs; a program that calls the package waits for it anyhow.
patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def taking_time() -> Iterator[None]:
    """Let an interrupted command wait for this context before it ends."""
    of_command = patience.get()
    if of_command is None:
        yield
        return
    with of_command.working():
        yield
