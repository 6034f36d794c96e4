"""Progress in a notebook: a bar that is updated in place."""

from __future__ import annotations

import html
import time
from typing import Any

from pyramid.feedback.progress import Display, Snapshot
from pyramid.feedback.stderr import LogLines

# Time between two updates at the least: each is a message to the browser.
UPDATE_EVERY_S = 0.1


def make_notebook_bar(title: str) -> Display:
    """Return a bar in the output of the running cell.

    Where that cannot be updated, lines are written.
    """
    from IPython import display  # noqa: PLC0415  (only in a notebook, which has it)

    ipython: Any = display
    handle = ipython.display(_Shown(title, None, failed=False), display_id=True)
    if handle is None:
        return LogLines(title)
    return NotebookBar(title, handle)


class NotebookBar:
    """A bar in the output of a cell.

    Parameters
    ----------
    title
        The text before the bar.
    handle
        IPython's handle of the output, whose ``update`` replaces it.
    """

    def __init__(self, title: str, handle: Any) -> None:  # noqa: ANN401  (IPython is not a dependency)
        self._title = title
        self._handle = handle
        self._last: Snapshot | None = None
        self._updated: Snapshot | None = None
        self._updated_s = 0.0

    def show(self, snapshot: Snapshot) -> None:
        """Update the bar, unless it was updated a moment ago."""
        self._last = snapshot
        if self._updated is None or time.monotonic() - self._updated_s >= UPDATE_EVERY_S:
            self._update(failed=False)

    def end(self, *, failed: bool) -> None:
        """Show the last state, and say if the run stopped there."""
        if failed or self._last is not self._updated:
            self._update(failed=failed)

    def _update(self, *, failed: bool) -> None:
        self._updated, self._updated_s = self._last, time.monotonic()
        self._handle.update(_Shown(self._title, self._last, failed=failed))


class _Shown:
    """A snapshot as a notebook shows it: HTML, and text for front ends without it."""

    def __init__(self, title: str, snapshot: Snapshot | None, *, failed: bool) -> None:
        words = "starting" if snapshot is None else str(snapshot)
        self._text = f"{title}: {'stopped at ' if failed and snapshot is not None else ''}{words}"
        if failed and snapshot is None:
            self._text = f"{title}: stopped"
        self._share = None if snapshot is None else snapshot.share
        self._ended = failed

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        # Without a value, a browser moves the bar to and fro until the work ends.
        value = f' value="{self._share:.4f}"' if self._share is not None else ' value="0"' if self._ended else ""
        return f'<div><progress max="1"{value} style="width: 20em"></progress> {html.escape(self._text)}</div>'
