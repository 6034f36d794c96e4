"""The choice of where progress is shown: a notebook, a terminal or a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyramid.errors import OptionError, short_repr
from pyramid.feedback.progress import Display, DisplayCallback, State
from pyramid.feedback.stderr import make_stderr_display


@contextmanager
def showing_progress(
    progress: bool | Callable[[State], object] | None, title: str
) -> Iterator[Callable[[State], object] | None]:
    """Provide the callback of a run; None if nobody wants to know.

    Parameters
    ----------
    progress
        The user's choice: a callback, True to show progress, False for none. None shows it in a notebook only.
    title
        The verb that is shown.

    Raises
    ------
    OptionError
        If `progress` is anything else.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise OptionError(f"progress: {short_repr(progress)} is not a function; give True, False or a function")
    if progress is not None and not isinstance(progress, bool):
        yield progress
        return
    display = _make_display(title, wanted=progress)
    if display is None:
        yield None
        return
    failed = True
    try:
        yield DisplayCallback(display)
        failed = False
    finally:
        display.end(failed=failed)


def _make_display(title: str, *, wanted: bool | None) -> Display | None:
    """Return the display that fits where the program runs; None for none."""
    if wanted is False:
        return None
    if in_notebook():
        from pyramid.feedback.notebook import make_notebook_bar  # noqa: PLC0415  (only in a notebook)

        return make_notebook_bar(title)
    if not wanted or sys.stderr is None:
        return None
    return make_stderr_display(title)


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None
