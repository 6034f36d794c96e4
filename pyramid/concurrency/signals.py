"""Threads and processes that leave signals to the main thread."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


def leave_signals() -> None:
    """Block SIGINT and SIGTERM in the calling thread and those it will start.

    Each thread calls it first. The system delivers a signal to any thread that accepts it. A main thread that waits for
    the others would then not wake to end the run.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))


@contextmanager
def leaving_interrupts() -> Iterator[None]:
    """Make threads and processes that begin here leave Ctrl-C to this thread.

    Theirs do so too. A terminal sends it to all processes of a command.
    """
    if sys.platform == "win32":
        yield
        return
    # Python starts this process with the first child, and then lets the calling thread accept SIGINT whatever it did.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def keeping_handlers() -> Iterator[None]:
    """Undo what this context sets for SIGINT and SIGTERM.

    Modules may do so when they are imported.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
