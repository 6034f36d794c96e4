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
        memory = f'memory="{show_memory(task_bytes * (self.machine_workers or self.workers))}"'
        smaller = "smaller chunks or shards"
        if self.limited_threads is not None:
            limit_bytes = math.ceil(task_bytes * self.limited_threads / LIMIT_SHARE) + 1
            return (
                f"give each worker process a memory limit of {show_memory(limit_bytes)}, or give {memory}, or {smaller}"
            )
        fewer = self.memory_bytes // task_bytes
        if self.machine_workers is None and 0 < fewer < self.workers:
            return f"give {memory}, or workers={fewer}, or {smaller}"
        return f"give {memory}, or {smaller}"


def show_memory(count: int) -> str:
    """Format a number of bytes for ``--memory``, at most a tenth of a mebibyte more.

    Examples
    --------
    >>> show_memory(2 * 2**30), show_memory(2**30 + 1)
    ('2GiB', '1024.1MiB')
    """
    if count < 2**20 or count % 2**30 == 0:
        return show_bytes(count)
    tenths = -(-count * 10 // 2**20)
    return f"{tenths // 10}MiB" if tenths % 10 == 0 else f"{tenths / 10:.1f}MiB"


def show_bytes(count: int) -> str:
    """Format a number of bytes for ``--memory``, rounded up to a tenth of a unit.

    Examples
    --------
    >>> show_bytes(1536)
    '1.5KiB'
    """
    unit, size = "B", 1
    for name in ("KiB", "MiB", "GiB", "TiB"):
        if count < size * 1024:
            break
        unit, size = name, size * 1024
    tenths = -(-count * 10 // size)
    return f"{tenths // 10}{unit}" if tenths % 10 == 0 else f"{tenths / 10:.1f}{unit}"
