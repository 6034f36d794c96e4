"""Notices as Python warnings and in the log.

Each is also in the result that it belongs to: the plan, the report, the image or the download. A command prints those
of its result itself.
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
    """Give no warnings in this context; `printer` prints what is in no result."""
    token = _printer.set(printer)
    try:
        yield
    finally:
        _printer.reset(token)


def give_notices(notices: Iterable[str]) -> None:
    """Give each notice once, as a PyramidWarning at the line that called the package.

    Raises
    ------
    PyramidWarning
        If the user's filter of warnings makes errors of them.
    """
    if _printer.get() is None:
        for notice in dict.fromkeys(notices):
            _log(notice)
            warnings.warn(notice, PyramidWarning, stacklevel=_caller_level())


def give_at_once(notice: str) -> None:
    """Give a notice of the moment, which is in no result."""
    printer = _printer.get()
    if printer is None:
        give_notices([notice])
    else:
        printer(notice)


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
    return module.partition(".")[0] == "pyramid"
