"""A worker of a cluster as a wave sees it: its places, and the blocks that it has."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Seat:
    """A worker, and the blocks that it has, in the order in which they were sent.

    Parameters
    ----------
    address
        The worker's address.
    slots
        Number of blocks that it does at once.
    is_suspect
        True if a block took too long there, and nothing has come since. It is given no other block.
    is_paused
        True if it takes no task for now.
    blocks
        When each block began, in seconds; None for those that wait.
    given_up
        Blocks that take too long, and when each began. They still occupy a slot, and may still be done.
    """

    address: str
    slots: int
    is_suspect: bool = False
    is_paused: bool = False
    blocks: dict[int, float | None] = field(default_factory=dict)
    given_up: dict[int, float] = field(default_factory=dict)

    @property
    def places(self) -> int:
        """Number of blocks that it can do at once; 0 if it is to be given none."""
        return 0 if self.is_suspect or self.is_paused else max(0, self.slots - len(self.given_up))

    def has(self, block: int) -> bool:
        """Return whether a block is here, in time or not."""
        return block in self.blocks or block in self.given_up

    def begin(self, now_s: float) -> None:
        """Note that the first blocks that it has are under way."""
        for block in list(self.blocks)[: max(0, self.slots - len(self.given_up))]:
            if self.blocks[block] is None:
                self.blocks[block] = now_s

    def end(self, block: int, now_s: float) -> float | None:
        """Take out a block that is done, and return the seconds that it took.

        None means that it was not known to be under way.
        """
        began_s = self.given_up.pop(block) if block in self.given_up else self.blocks.pop(block, None)
        self.is_suspect = False
        self.begin(now_s)
        return None if began_s is None else now_s - began_s

    def late(self, now_s: float, limit_s: float) -> list[int]:
        """Return the blocks that have been under way for longer than a limit."""
        return [block for block, began_s in self.blocks.items() if began_s is not None and now_s - began_s > limit_s]

    def waiting(self) -> list[int]:
        """Return the blocks that it has not begun, the last first."""
        return [block for block, began_s in reversed(self.blocks.items()) if began_s is None]
