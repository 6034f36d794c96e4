"""Progress of a run or a download, and where it is shown.

A run reports states of its own class to a callback. Here such a state becomes a `Snapshot`, and a display shows it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

State = TypeVar("State", bound="HasSnapshot")

# The largest share of an estimated total: a bar that is full says that the work is over.
_MAX_ESTIMATED_SHARE = 0.99
_SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("bytes", 1.0))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The progress of anything at one moment.

    Parameters
    ----------
    done, total
        Units of work that are done, and all of them.
    amount
        The same in words, as ``1.2 of 3.0 GB``.
    done_bytes
        Bytes that were moved, from which the rate follows.
    seconds
        Time since the work began.
    is_total_final
        False while the total is an estimate.
    place
        Where the work is done, as a cluster's workers; empty if that needs no words.
    """

    done: int
    total: int
    amount: str
    done_bytes: int
    seconds: float
    is_total_final: bool = True
    place: str = ""

    @property
    def share(self) -> float:
        """Share of the work that is done, from 0 to 1; of an estimate less than 1."""
        share = min(1.0, self.done / self.total) if self.total else 1.0
        return share if self.is_total_final else min(share, _MAX_ESTIMATED_SHARE)

    @property
    def percent(self) -> int:
        """Whole percent that are done; of an estimate less than 100."""
        percent = min(100, 100 * self.done // self.total) if self.total else 100
        return percent if self.is_total_final else min(percent, 99)

    def __str__(self) -> str:
        """Describe it in one line.

        Examples
        --------
        >>> print(Snapshot(1, 4, "1.0 of 4.0 GB", 10**9, 10.0))
        25 %, 1.0 of 4.0 GB, 100 MB/s, 30 s left
        >>> print(Snapshot(0, 4, "0.0 of 4.0 GB", 0, 0.0))
        0 %, 0.0 of 4.0 GB
        >>> print(Snapshot(7, 9, "7 of about 9 objects", 10**6, 2.0, is_total_final=False))
        77 %, 7 of about 9 objects, 500 kB/s, 1 s left
        """
        share = self.share
        words = [f"{self.percent} %", self.amount]
        if self.done_bytes and self.seconds > 0:
            words.append(f"{format_bytes(round(self.done_bytes / self.seconds))}/s")
        if share and share < 1:
            words.append(f"{format_seconds(self.seconds / share - self.seconds)} left")
        return ", ".join([*words, self.place] if self.place else words)


class HasSnapshot(Protocol):
    """The state of a run."""

    def snapshot(self) -> Snapshot:
        """Return it as displays show it."""
        ...


class Display(Protocol):
    """Shows snapshots, the newest in place of those before."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the newest snapshot."""
        ...

    def end(self, *, failed: bool) -> None:
        """Show the last snapshot for good."""
        ...


@dataclass(frozen=True, slots=True)
class DisplayCallback:
    """The callback that shows progress.

    Unlike a user's callback, it is called at the start too.
    """

    display: Display

    def __call__(self, state: HasSnapshot) -> None:
        """Show a state."""
        self.display.show(state.snapshot())


def format_bytes(size: int) -> str:
    """Format a number of bytes with a decimal unit.

    Examples
    --------
    >>> format_bytes(1_234_567), format_bytes(12), format_bytes(250_000_000)
    ('1.2 MB', '12 bytes', '250 MB')
    """
    unit, factor = next((row for row in _SIZES if size >= row[1]), _SIZES[-1])
    return f"{size / factor:.{_decimals(size / factor, unit)}f} {unit}"


def format_part(done: int, total: int) -> str:
    """Format a part of a number of bytes, both in the unit of the whole.

    Examples
    --------
    >>> format_part(50_000_000, 1_500_000_000)
    '0.1 of 1.5 GB'
    """
    unit, factor = next((row for row in _SIZES if total >= row[1]), _SIZES[-1])
    decimals = _decimals(total / factor, unit)
    return f"{done / factor:.{decimals}f} of {total / factor:.{decimals}f} {unit}"


def _decimals(value: float, unit: str) -> int:
    return 0 if unit == "bytes" or value >= 100 else 1


def format_seconds(seconds: float) -> str:
    """Format a duration in at most two units.

    Examples
    --------
    >>> [format_seconds(each) for each in (0.2, 59, 90, 3700, 200_000)]
    ['1 s', '59 s', '2 min', '1 h 2 min', '2 d 7 h']
    """
    if seconds < 60:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
