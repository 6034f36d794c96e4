"""Notices as Python warnings and in the log.

Each is also in the result that it belongs to: the plan, the report, the image or the download. A command prints them as
they come: those of a conversion before its first block.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pyramid.errors import PyramidWarning

logger = logging.getLogger(__name__)
# A program that has not set up logging sees the warning, and not the same sentence again from the log.
logging.getLogger("pyramid").addHandler(logging.NullHandler())

_printer: ContextVar[Callable[[str], object] | None] = ContextVar("printer", default=None)


@contextmanager
def without_warnings(printer: Callable[[str], object]) -> Iterator[None]:
    """Give no warnings in this context; `printer` prints the notices."""
    token = _printer.set(printer)
    try:
        yield
    finally:
        _printer.reset(token)


def give_notices(notices: Iterable[str], of: str = "") -> None:
    """Give each notice once, as a PyramidWarning at the line that called the package.

    Parameters
    ----------
    notices
        Sentences about what was left out, assumed or repaired.
    of
        What they are about. Python shows a warning once for a line and a text, so the texts of two files must differ.

    Raises
    ------
    PyramidWarning
        If the user's filter of warnings makes errors of them.
    """
    printer = _printer.get()
    for notice in dict.fromkeys(notices):
        if printer is not None:
            printer(notice)
            continue
        text = f"{of}: {notice}" if of else notice
        _log(text)
        warnings.warn(text, PyramidWarning, stacklevel=_caller_level())


def _log(notice: str) -> None:
    """Log a notice, except on stderr, where its warning is shown already."""
    if not logger.isEnabledFor(logging.WARNING):
        return
    record = logger.makeRecord(logger.name, logging.WARNING, __file__, 0, "notice: %s", (notice,), None)
    for handler in _handlers():
        if record.levelno >= handler.level and getattr(handler, "stream", None) is not sys.stderr:
            handler.handle(record)


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers that a record of this logger comes to."""
    at: logging.Logger | None = logger
    while at is not None:
        yield from at.handlers
        at = at.parent if at.propagate else None


def _caller_level() -> int:
    """Return the stack level of the first frame outside the package, for the caller."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in ("pyramid", "contextlib")  # decorators of the package are contexts
