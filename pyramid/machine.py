"""What this machine gives: cores and free memory, as far as this process may use them; and whose its signals are."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes() -> int:
    """How much memory this process can still take: what is free, or what its control group (a job) has left."""
    return min(int(psutil.virtual_memory().available), _left_in_group())


def leave_signals() -> None:
    """Leave signals to the main thread: what a thread that it starts does first, and with it those started by that.

    The system gives a signal to any thread that takes it, and a main thread that waits for the others would not wake
    to end the run.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))


def _left_in_group() -> int:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        limit, used = "max", 0
    return 2**63 if limit == "max" else max(1, int(limit) - used)
