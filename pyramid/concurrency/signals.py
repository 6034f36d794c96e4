"""Threads that leave signals to the main thread."""

from __future__ import annotations

import signal
import sys


def leave_signals() -> None:
    """Block SIGINT and SIGTERM in the calling thread and those it will start.

    Each thread calls it first. The system delivers a signal to any thread that accepts it. A main thread that waits for
    the others would then not wake to end the run.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
