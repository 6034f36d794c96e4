"""Names of processes, by which a machine knows whether one of its own still runs."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import uuid
from contextlib import suppress

import psutil


def this_process() -> tuple[str, str]:
    """Return a digest of this machine, and the name of this process.

    Containers that count processes separately have different digests.
    """
    return _machine(), _name_process(os.getpid())


@functools.cache
def _machine() -> str:
    known = [platform.node(), str(uuid.getnode())]
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        known += [file.read(), str(os.stat("/proc/self/ns/pid").st_ino)]  # each container numbers its own processes
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:16]


def _name_process(pid: int) -> str:
    """Return the number and start time of a process, since numbers are reused."""
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def is_running(process: str) -> bool:
    """Return whether a process of this machine runs, by its name."""
    try:
        pid = int(process.partition(" ")[0])
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and _name_process(pid) == process
    except (ValueError, OverflowError, psutil.Error):
        return False
