"""A bound on the memory of blocks that are under way in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between two looks whether a waiting block is to end: a wait of this length is not noticed.
LOOK_S = 0.1


class MemoryGate:
    """Lets blocks begin as long as their memory together stays within a bound.

    A block that needs more than the bound is let in when no other is under way.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held_bytes = 0

    @contextmanager
    def holding(self, needed_bytes: int, bound_bytes: int | None, is_stopped: Callable[[], bool]) -> Iterator[None]:
        """Wait until there is room, and hold it during the context.

        Parameters
        ----------
        needed_bytes
            Memory of the block.
        bound_bytes
            Memory of all blocks together; None for no bound.
        is_stopped
            Returns whether the block is to end; it then waits no longer, and says so itself.
        """
        with self._changed:
            while bound_bytes is not None and 0 < self._held_bytes > bound_bytes - needed_bytes and not is_stopped():
                self._changed.wait(LOOK_S)
            self._held_bytes += needed_bytes
        try:
            yield
        finally:
            with self._changed:
                self._held_bytes -= needed_bytes
                self._changed.notify_all()


# The memory of this process is one, whatever runs have blocks in it.
process_gate = MemoryGate()
