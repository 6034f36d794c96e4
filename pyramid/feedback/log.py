"""The log of the package: the logger ``pyramid``, at the level INFO."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class _StderrHandler(logging.Handler):
    """A handler of the stderr of the moment.

    A bar replaces it, so that lines appear above the bar.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # as every handler does
            self.handleError(record)


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """Show the log of the package on stderr during the context."""
    root = logging.getLogger("pyramid")
    handler, before = _StderrHandler(), (root.level, root.propagate)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False  # so that no handler of the process shows it a second time
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        root.propagate = before[1]


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Log the time that a stage of a run takes, however it ends."""
    began_s = time.perf_counter()
    try:
        yield
    finally:
        logger.info("time: %s took %.2f s", stage, time.perf_counter() - began_s)
