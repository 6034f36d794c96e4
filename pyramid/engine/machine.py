"""Cores and memory of this machine, as far as this process may use them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes() -> int:
    """How much memory this process can still take: what is free, or what its control group (a job) has left."""
    return min(int(psutil.virtual_memory().available), _left_in_group())


def total_bytes() -> int:
    """Return how much memory this machine has, or the control group (a container, a job) of this process may take."""
    limits = (limit for limit, _ in _groups())
    return min(int(psutil.virtual_memory().total), *limits, 2**63)


def _left_in_group() -> int:
    return min((max(1, limit - used) for limit, used in _groups()), default=2**63)


def _groups() -> Iterator[tuple[int, int]]:
    """Yield the limit and the use, in bytes, of each control group that limits the memory of this process."""
    for folder, limit, used in _group_files():
        try:
            found = int((folder / limit).read_text()), int((folder / used).read_text())
        except (OSError, ValueError):  # no limit is the word max
            continue
        if 0 < found[0] < 2**62:
            yield found


def _group_files() -> Iterator[tuple[Path, str, str]]:
    """Yield the folder of each control group that this process is in, with the names of its two files."""
    old = _CGROUP / "memory"  # of the first version of control groups
    yield old, "memory.limit_in_bytes", "memory.usage_in_bytes"
    try:
        own = next(line[3:] for line in _OWN_GROUP.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        own = "/"
    group = Path(own.strip().lstrip("/"))
    for folder in (group, *group.parents):
        yield _CGROUP / folder, "memory.max", "memory.current"
