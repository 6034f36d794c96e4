"""What the machine gives to a run: workers and memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """What the machine gives: workers, and bytes for all of them together.

    Parameters
    ----------
    workers, memory_bytes
        How many, and what they may hold together.
    whole_objects
        Whether an object is held until it is whole, as object storage wants it, and does not flow into a file.
    far
        Whether the source lies behind a network: a block is then read at once, since each reading waits.
    handed
        Whether a block of the source lies in memory before it is read, as a Dask array's does.
    waiting
        How many blocks there may be beside those of the workers, which have ended but for their last writes.
    """

    workers: int
    memory_bytes: int
    target_needs_whole_objects: bool = False
    source_is_remote: bool = False
    source_in_memory: bool = False
    extra_blocks: int = 0

    @property
    def tasks(self) -> int:
        """How many blocks are under way at once."""
        return self.workers + self.extra_blocks

    @property
    def task_bytes(self) -> int:
        """What one of them may hold."""
        return self.memory_bytes // self.tasks


def show_bytes(count: int) -> str:
    """A number of bytes as people write it, rounded up to what ``--memory`` takes.

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
