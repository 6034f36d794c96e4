"""The resources of a run: workers and memory."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    workers: int
    memory_bytes: int
    target_needs_whole_objects: bool = False
    source_is_remote: bool = False
    source_in_memory: bool = False
    extra_blocks: int = 0

    @property
    def tasks(self) -> int:
        """Number of blocks that are under way at once."""
        return self.workers + self.extra_blocks

    @property
    def task_bytes(self) -> int:
        """Memory that one block may take."""
        return self.memory_bytes // self.tasks


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
