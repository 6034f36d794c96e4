"""A sentence while no server answers, so that a command is not silent for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Seconds without an answer before the sentence: slow networks answer sooner, and after more a user presses Ctrl-C.
SILENCE_S = 3.0


class _Watch:
    """The silence of one command: it is named once, and not after the first answer."""

    def __init__(self, printer: Callable[[str], object]) -> None:
        self._printer = printer
        self._changing = threading.Lock()
        self.is_over = False

    def speak(self, sentence: str) -> None:
        """Print a sentence, if none was printed and nothing has answered."""
        with self._changing:
            was_over, self.is_over = self.is_over, True
        if not was_over:
            self._printer(sentence)


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


@contextmanager
def naming_silence(printer: Callable[[str], object]) -> Iterator[None]:
    """Have `printer` print a sentence if the first answer in this context takes long."""
    token = _watch.set(_Watch(printer))
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Name `what` to the user if this context takes more than a few seconds.

    Only a command asks for that, see `naming_silence`, and only until something has answered.
    """
    watch = _watch.get()
    if watch is None or watch.is_over:
        yield
        return
    timer = threading.Timer(SILENCE_S, watch.speak, (f"{what}: no answer yet, still trying; Ctrl-C stops",))
    timer.daemon = True
    timer.start()
    try:
        yield
        watch.is_over = True
    finally:
        timer.cancel()
