"""Progress on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from pyramid.feedback.progress import Display, Snapshot

# Time between two lines of a log, and the percent that make a line before that time: often enough to see that a run
# goes on, and short logs of long runs.
LINE_EVERY_S, LINE_EVERY_PERCENT = 10.0, 10
# Time between two lines at the least: a run of seconds writes a few.
LINE_AT_MOST_EVERY_S = 1.0


def make_stderr_display(title: str) -> Display:
    """Return a bar on a terminal, and otherwise lines."""
    console = Console(stderr=True)
    return TerminalBar(title, console) if console.is_terminal and not console.is_dumb_terminal else LogLines(title)


class TerminalBar:
    """A bar that moves in place, with the time since it began."""

    def __init__(self, title: str, console: Console) -> None:
        columns = (TextColumn(title), BarColumn(None), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=console, expand=True)
        self._row = self._bar.add_task(title, total=None, words="starting")
        self._bar.start()

    def show(self, snapshot: Snapshot) -> None:
        """Move the bar."""
        share = snapshot.share
        total = None if share is None else 1.0
        self._bar.update(self._row, completed=share or 0.0, total=total, words=str(snapshot))

    def end(self, *, failed: bool) -> None:
        """Leave the bar as it is."""
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
        self._written_s = now_s()
        self._written_percent = 0
        self._last: Snapshot | None = None
        self._is_last_written = True

    def show(self, snapshot: Snapshot) -> None:
        """Write a line if it is time for one."""
        if snapshot.percent == 100 == self._written_percent:
            return
        self._last, self._is_last_written = snapshot, self._is_due(snapshot.percent)
        if self._is_last_written:
            self._written_s, self._written_percent = self._now_s(), snapshot.percent
            self._write(snapshot)

    def end(self, *, failed: bool) -> None:
        """Write the last state, unless a line has it, or a message of the failure follows."""
        if self._last is not None and not failed and not self._is_last_written:
            self._write(self._last)

    def _is_due(self, percent: int) -> bool:
        passed_s = self._now_s() - self._written_s
        is_next = percent // LINE_EVERY_PERCENT > self._written_percent // LINE_EVERY_PERCENT
        return percent == 100 or passed_s >= LINE_EVERY_S or (is_next and passed_s >= LINE_AT_MOST_EVERY_S)

    def _write(self, snapshot: Snapshot) -> None:
        print(f"{self._title}: {snapshot}", file=sys.stderr, flush=True)  # noqa: T201  (a line of a log)
