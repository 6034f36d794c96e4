"""Progress on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from pyramid.concurrency.ticking import Ticker
from pyramid.feedback.progress import Display, Snapshot

# Time between two lines of a log, and the percent that make a line before that time: often enough to see that a run
# goes on, and short logs of long runs.
LINE_EVERY_S, LINE_EVERY_PERCENT = 10.0, 10
# Time between two lines at the least: a run of seconds writes a few.
LINE_AT_MOST_EVERY_S = 1.0
# Time between two looks whether a line is due, although nothing has ended.
TICK_S = 1.0


def make_stderr_display(title: str) -> Display:
    """Return a bar on a terminal, and otherwise lines."""
    console = Console(stderr=True)
    return TerminalBar(title, console) if console.is_terminal and not console.is_dumb_terminal else LogLines(title)


class TerminalBar:
    """A bar that moves in place, with the time since it began."""

    def __init__(self, title: str, console: Console) -> None:
        columns = (TextColumn(title), BarColumn(None), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=console, expand=True)
        self._has_moved = False
        self._row = self._bar.add_task(title, total=None, words="starting")
        self._bar.start()

    def show(self, snapshot: Snapshot) -> None:
        """Move the bar."""
        self._has_moved = True
        self._bar.update(self._row, completed=snapshot.share, total=1.0, words=str(snapshot))

    def end(self, *, failed: bool) -> None:
        """Leave the bar as it is, or remove it if the run failed before it moved."""
        self._bar.live.transient = failed and not self._has_moved
        self._bar.stop()


class LogLines:
    """Lines every 10 s or 10 %, and at the end.

    Parameters
    ----------
    title
        The first word of each line.
    now_s
        Returns the time in seconds.
    """

    def __init__(self, title: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._now_s = now_s
        self._written_s = self._shown_s = now_s()
        self._written_percent = 0
        self._last: Snapshot | None = None
        self._is_last_written = True
        self._changing = threading.Lock()
        self._ticker = Ticker(self.tick, TICK_S)

    def show(self, snapshot: Snapshot) -> None:
        """Write a line if it is time for one."""
        with self._changing:
            if snapshot.percent == 100 == self._written_percent:
                return
            self._last, self._shown_s, self._is_last_written = snapshot, self._now_s(), False
            if self._is_due(snapshot.percent):
                self._write(snapshot)

    def tick(self) -> None:
        """Write the last state again if there was no line for long.

        That is so while slow blocks are under way.
        """
        with self._changing:
            now_s = self._now_s()
            if self._last is not None and now_s - self._written_s >= LINE_EVERY_S and self._last.percent < 100:
                self._write(replace(self._last, seconds=self._last.seconds + now_s - self._shown_s))

    def end(self, *, failed: bool) -> None:
        """Write the last state, unless a line has it, or a message of the failure follows."""
        self._ticker.stop()
        if self._last is not None and not failed and not self._is_last_written:
            self._write(self._last)

    def _is_due(self, percent: int) -> bool:
        passed_s = self._now_s() - self._written_s
        is_next = percent // LINE_EVERY_PERCENT > self._written_percent // LINE_EVERY_PERCENT
        return percent == 100 or passed_s >= LINE_EVERY_S or (is_next and passed_s >= LINE_AT_MOST_EVERY_S)

    def _write(self, snapshot: Snapshot) -> None:
        self._written_s, self._written_percent, self._is_last_written = self._now_s(), snapshot.percent, True
        with suppress(OSError, ValueError):  # a log that was closed does not end a run of hours
            print(f"{self._title}: {snapshot}", file=sys.stderr, flush=True)  # noqa: T201  (a line of a log)
