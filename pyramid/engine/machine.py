"""Cores and memory of this machine that this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes() -> int:
    """Return the memory in bytes that this process can still take.

    It is the free memory of the machine, or what the control group (a container, a job) has left if that is less.
    """
    left_in_groups = (max(1, limit - used) for limit, used in _groups())
    return min([int(psutil.virtual_memory().available), *left_in_groups])


def total_bytes() -> int:
    """Return the memory in bytes of this machine.

    If the control group (a container, a job) of this process may take less, its limit is returned.
    """
    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _groups())])


def _groups() -> Iterator[tuple[int, int]]:
    """Yield limit and use, in bytes, of each control group that limits this process."""
    for folder, limit, used in _group_files():
        try:
            found = int((folder / limit).read_text()), int((folder / used).read_text())
        except (OSError, ValueError):  # without a limit, the file holds the word max
            continue
        if 0 < found[0] < 2**62:
            yield found


def _group_files() -> Iterator[tuple[Path, str, str]]:
    """Yield the folder of each control group of this process, and its two file names."""
    old = _CGROUP / "memory"  # control groups, version 1
    yield old, "memory.limit_in_bytes", "memory.usage_in_bytes"
    try:
        own = next(line[3:] for line in _OWN_GROUP.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        own = "/"
    group = Path(own.strip().lstrip("/"))
    for folder in (group, *group.parents):
        yield _CGROUP / folder, "memory.max", "memory.current"
