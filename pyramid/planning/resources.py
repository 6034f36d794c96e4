"""The resources of a run: workers and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Share of the memory limit of a cluster's worker that its tasks may hold: a worker of distributed begins to spill at
# 60 %.
LIMIT_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Resources:
    """Workers, and memory for all of them together.

    Parameters
    ----------
    workers, memory_bytes
        Number of workers, and the memory for all of them.
    target_needs_whole_objects
        Whether an object is held until it is whole, as object storage wants it. Otherwise it flows into a file.
    source_is_remote
        Whether the source is behind a network. A block is then read at once, since each request waits.
    source_in_memory
        Whether a block of the source is in memory before it is read, as that of a Dask array is.
    extra_blocks
        Number of blocks besides those of the workers, of which only the last writes are under way.
    machine_workers
        Number of workers on one machine, which share what ``--memory`` gives; None if all workers are on it.
    limited_threads
        Most threads of a worker process of a cluster, if the memory follows from the limits of these processes.
    """

    workers: int
    memory_bytes: int
    target_needs_whole_objects: bool = False
    source_is_remote: bool = False
    source_in_memory: bool = False
    extra_blocks: int = 0
    machine_workers: int | None = None
    limited_threads: int | None = None

    @property
    def tasks(self) -> int:
        """Number of blocks that are under way at once."""
        return self.workers + self.extra_blocks

    @property
    def task_bytes(self) -> int:
        """Memory that one block may take."""
        return self.memory_bytes // self.tasks

    def remedy(self, task_bytes: int) -> str:
        """Return the advice for blocks of `task_bytes`, with values that are enough."""
        memory = f'memory="{_as_value(task_bytes * (self.machine_workers or self.workers))}"'
        smaller = "smaller chunks or shards"
        if self.limited_threads is not None:
            limit_bytes = math.ceil(task_bytes * self.limited_threads / LIMIT_SHARE) + 1
            return (
                f"give each worker process a memory limit of {_as_value(limit_bytes)}, or give {memory}, or {smaller}"
            )
        fewer = self.memory_bytes // task_bytes
        if self.machine_workers is None and 0 < fewer < self.workers:
            return f"give {memory}, or workers={fewer}, or {smaller}"
        return f"give {memory}, or {smaller}"


def show_memory(count: int) -> str:
    """Format a number of bytes, at most a tenth of a megabyte more.

    Examples
    --------
    >>> show_memory(2 * 10**9), show_memory(10**9 + 1)
    ('2 GB', '1000.1 MB')
    """
    if count < 10**6 or count % 10**9 == 0:
        return show_bytes(count)
    return _tenths(count, "MB", 10**6)


def show_bytes(count: int) -> str:
    """Format a number of bytes, rounded up to a tenth of a decimal unit.

    Examples
    --------
    >>> show_bytes(1536), show_bytes(999), show_bytes(1)
    ('1.6 kB', '999 bytes', '1 byte')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return _tenths(count, unit, size)
    return f"{count} byte{'' if count == 1 else 's'}"


def _tenths(count: int, unit: str, size: int) -> str:
    tenths = -(-count * 10 // size)
    return f"{tenths // 10} {unit}" if tenths % 10 == 0 else f"{tenths / 10:.1f} {unit}"


def _as_value(count: int) -> str:
    """Return a number of bytes as the option takes it, in one word.

    Examples
    --------
    >>> _as_value(10**9 + 1), _as_value(999)
    ('1000.1MB', '999B')
    """
    return show_memory(count).replace("bytes", "B").replace(" ", "")
