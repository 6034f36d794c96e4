"""What this machine gives: cores and free memory, as far as this process may use them."""

from __future__ import annotations

import os
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


def _left_in_group() -> int:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        limit, used = "max", 0
    return 2**63 if limit == "max" else max(1, int(limit) - used)
