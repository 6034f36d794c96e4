"""Progress on a terminal: a bar that moves in place."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from pyramid.feedback.progress import Snapshot


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
