"""The failures of a cluster to start workers, which its libraries only log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

# The loggers to which Dask writes why a worker, or the job that holds it, cannot be started.
LOGGERS = ("tornado.application", "distributed.nanny", "distributed.deploy.spec", "distributed.deploy.adaptive")
# Failures in a row, or seconds since the first, after which no worker is to be expected: a batch system may be busy for
# a moment. Some clusters try again every few seconds, others never.
MAX_FAILURES, WITHIN_S = 3, 15
# The most of a failure that is shown: what a batch system answers is a few lines.
MAX_CHARACTERS = 400


class StartFailures:
    """Failures to start workers, since a worker was last seen.

    It is a filter of loggers: what it takes goes to the log of this package instead.

    Attributes
    ----------
    last
        The last failure; empty if there was none.
    """

    def __init__(self) -> None:
        self._count = 0
        self._first_s = 0.0
        self.last = ""

    @property
    def reason(self) -> str | None:
        """The last failure, once there were so many that none will come; else None."""
        is_late = self._count and time.monotonic() - self._first_s > WITHIN_S
        return self.last if is_late or self._count >= MAX_FAILURES else None

    def clear(self) -> None:
        """Forget the failures so far."""
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a record that reports a failure, and let others pass."""
        if record.levelno < logging.ERROR:
            return True
        error = record.exc_info[1] if record.exc_info else None
        text = " ".join(f"{error if error is not None else record.getMessage()}".split())
        self.last = text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}..."
        self._first_s = self._first_s if self._count else time.monotonic()
        self._count += 1
        logger.info("the cluster: %s", text)
        return False


# The failures of the cluster that the run has started; None if it has started none.
start_failures: ContextVar[StartFailures | None] = ContextVar("start_failures", default=None)


@contextmanager
def noting_failures() -> Iterator[None]:
    """Note the failures of a cluster that is started in this context.

    Their tracebacks are not shown.
    """
    failures = StartFailures()
    token = start_failures.set(failures)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for each in loggers:
        each.addFilter(failures)
    try:
        yield
    finally:
        for each in loggers:
            each.removeFilter(failures)
        start_failures.reset(token)
