"""What this machine gives: cores and free memory, as far as this process may use them."""

from __future__ import annotations

import ctypes
import functools
import os
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


def _left_in_group() -> int:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        limit, used = "max", 0
    return 2**63 if limit == "max" else max(1, int(limit) - used)


# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_KEEP = ((_M_TRIM_THRESHOLD, 2**31 - 1), (_M_MMAP_MAX, 0), (_M_ARENA_MAX, 1))
_DEFAULTS = ((_M_TRIM_THRESHOLD, 2**17), (_M_MMAP_MAX, 2**16), (_M_ARENA_MAX, 0))


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library where it is one whose allocator can be told; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def keep_freed_memory() -> None:
    """Let malloc keep what is freed: a shard's buffers, mapped anew each time, cost more than its codec."""
    library = _glibc()
    if library is not None:
        for option, value in _KEEP:
            library.mallopt(option, value)


def return_freed_memory() -> None:
    """Let malloc give back what is freed, as it does by default, and what it has kept."""
    library = _glibc()
    if library is not None:
        for option, value in _DEFAULTS:
            library.mallopt(option, value)
        library.malloc_trim(0)
