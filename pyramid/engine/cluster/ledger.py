"""The blocks of a wave and their workers: all decisions, without Dask.

Each worker has some blocks under way and some that wait, so that it is never idle. The time of a block counts from when
it is among those that its worker does at once. A block that takes too long, or whose worker is lost, is given to
another worker. Near the end, idle workers are given the blocks that others have not begun, and those that others take
long for. A block that is done twice has the same bytes.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pyramid.engine.cluster.seat import Seat
from pyramid.errors import StoppedError, list_some

# The time-out of a block by default: ten times the longest so far, as blocks of one pass differ by less; at least a
# minute, which a busy store may take; and ten minutes until one is done, since nothing is known of their time.
TIMEOUT_FACTOR, LEAST_TIMEOUT_S, FIRST_TIMEOUT_S = 10, 60.0, 600.0
# Workers at which a block may take too long, or which it may end, before the run is stopped: as many as Dask allows.
MAX_FAILURES = 3
# Seconds of work that wait at a worker besides the blocks under way: the way there and back takes a few hundredths. The
# number of these blocks is bounded, so that little has to be done again after a loss.
AHEAD_S, MAX_AHEAD = 0.25, 32
# An idle worker is given a block of another if that takes so many times the median, and at least so many seconds.
STRAGGLER_FACTOR, LEAST_STRAGGLER_S = 3, 1.0
# Number of the last blocks whose times give the median.
MEDIAN_OF = 50


@dataclass
class Moves:
    """Blocks to be sent to each worker, and those to be withdrawn from it."""

    sent: dict[str, list[int]] = field(default_factory=dict)
    withdrawn: list[tuple[str, int]] = field(default_factory=list)

    def send(self, address: str, block: int) -> None:
        """Add a block for a worker."""
        self.sent.setdefault(address, []).append(block)


class Ledger:
    """The blocks of a wave: which wait, which are at workers, and which are done.

    Parameters
    ----------
    blocks
        The indices of the blocks.
    timeout_s
        The time-out of a block; None for the default, which follows the time of the blocks so far.
    """

    def __init__(self, blocks: Iterable[int], timeout_s: float | None = None) -> None:
        self.seats: dict[str, Seat] = {}
        self._waiting = deque(blocks)
        self._left = set(self._waiting)
        self._timeout_s = timeout_s
        self._longest_s = 0.0
        self._times_s: deque[float] = deque(maxlen=MEDIAN_OF)
        self._failed_at: dict[int, list[str]] = {}

    @property
    def is_done(self) -> bool:
        """True if every block is done."""
        return not self._left

    @property
    def has_place(self) -> bool:
        """True if a worker can be given blocks."""
        return any(seat.places for seat in self.seats.values())

    @property
    def limit_s(self) -> float:
        """Seconds that a block may take."""
        if self._timeout_s is not None:
            return self._timeout_s
        return max(LEAST_TIMEOUT_S, TIMEOUT_FACTOR * self._longest_s) if self._times_s else FIRST_TIMEOUT_S

    def share(self, now_s: float) -> Moves:
        """Give blocks to the workers that have places, and return what is to be sent."""
        moves, typical_s = Moves(), self._typical_s()
        ahead = min(MAX_AHEAD, max(1, math.ceil(AHEAD_S / max(typical_s or AHEAD_S, 1e-6))))
        able = [seat for seat in self.seats.values() if seat.places]
        for turn in range(1, 2 + ahead):  # in turns, so that the last blocks are not all at one worker
            for seat in able:
                for block in self._next(seat, seat.places * turn - len(seat.blocks)):
                    seat.blocks[block] = None
                    moves.send(seat.address, block)
        for seat in able:
            seat.begin(now_s)
        for seat in able:
            if not self._waiting and len(seat.blocks) < seat.places:
                self._help(seat, now_s, typical_s, moves)
        return moves

    def end(self, block: int, address: str, now_s: float) -> bool:
        """Note that a worker has done a block, and return whether it is the first."""
        if address in self.seats:
            seconds = self.seats[address].end(block, now_s)
            if seconds is not None:
                self._times_s.append(seconds)
                self._longest_s = max(self._longest_s, seconds)
        is_first = block in self._left
        self._left.discard(block)
        return is_first

    def withdraw(self, block: int) -> list[str]:
        """Take a block from workers that have not begun it; return their addresses."""
        found = [seat for seat in self.seats.values() if block in seat.blocks and seat.blocks[block] is None]
        for seat in found:
            del seat.blocks[block]
        return [seat.address for seat in found]

    def lose(self, address: str) -> None:
        """Remove a worker; its blocks wait again.

        Raises
        ------
        StoppedError
            If a block was under way at each of several workers that were lost.
        """
        seat = self.seats.pop(address)
        for block, began_s in reversed(seat.blocks.items()):
            if began_s is not None:
                remedy = "give the workers more memory, or give a smaller memory=..."
                self._fail(block, address, "ended each worker that it ran on, probably for lack of memory", remedy)
            self._wait_again(block)

    def give_up_late(self, now_s: float) -> Moves:
        """Let blocks that take too long wait again, with those behind them.

        Returns
        -------
        Moves
            The blocks that are withdrawn from workers, where they have not begun.

        Raises
        ------
        StoppedError
            If a block has taken too long at several workers.
        """
        moves, limit_s = Moves(), self.limit_s
        for seat in self.seats.values():
            late = seat.late(now_s, limit_s)
            if not late:
                continue
            seat.is_suspect = True
            for block in seat.waiting():
                del seat.blocks[block]
                moves.withdrawn.append((seat.address, block))
                self._wait_again(block)
            for block in reversed(late):
                seat.given_up[block] = seat.blocks.pop(block) or now_s
                what = f"took more than {limit_s:.0f} s at each worker that it was given to"
                self._fail(block, seat.address, what, "look what they wait for, or give block_timeout=... more")
                self._wait_again(block)
        return moves

    def _fail(self, block: int, address: str, what: str, remedy: str) -> None:
        if block not in self._left:
            return
        failed_at = self._failed_at.setdefault(block, [])
        failed_at.append(address)
        if len(failed_at) >= MAX_FAILURES:
            raise StoppedError(f"block {block} {what} ({list_some(failed_at, MAX_FAILURES)}); {remedy}")

    def _wait_again(self, block: int) -> None:
        """Let a block wait first, unless it is done or another worker has it in time."""
        if block in self._left and not any(block in seat.blocks for seat in self.seats.values()):
            self._waiting.appendleft(block)

    def _next(self, seat: Seat, count: int) -> Iterator[int]:
        """Yield waiting blocks for a worker that may be given to it."""
        refused = []
        while count > 0 and self._waiting:
            block = self._waiting.popleft()
            if block not in self._left:
                continue
            if not self._suits(seat, block):
                refused.append(block)
                continue
            count -= 1
            yield block
        self._waiting.extendleft(reversed(refused))

    def _suits(self, seat: Seat, block: int) -> bool:
        """Return whether a worker may be given a block: one that it has not.

        A block that has failed there is left to workers where it has not, if there are any.
        """
        failed_at = self._failed_at.get(block, ())
        return not seat.has(block) and (seat.address not in failed_at or self.seats.keys() <= set(failed_at))

    def _help(self, seat: Seat, now_s: float, typical_s: float | None, moves: Moves) -> None:
        """Give an idle worker a block that another has not begun, or takes long for."""
        for other in self.seats.values():
            for block in other.waiting():
                if len(seat.blocks) < seat.places and other is not seat and self._suits(seat, block):
                    del other.blocks[block]
                    moves.withdrawn.append((other.address, block))
                    seat.blocks[block] = now_s
                    moves.send(seat.address, block)
        if typical_s is None:
            return
        at = Counter(block for other in self.seats.values() for block in other.blocks)
        for other in self.seats.values():
            for block in other.late(now_s, max(LEAST_STRAGGLER_S, STRAGGLER_FACTOR * typical_s)):
                is_wanted = at[block] == 1 and block in self._left and self._suits(seat, block)
                if is_wanted and len(seat.blocks) < seat.places:
                    seat.blocks[block] = now_s
                    moves.send(seat.address, block)

    def _typical_s(self) -> float | None:
        return statistics.median(self._times_s) if self._times_s else None
