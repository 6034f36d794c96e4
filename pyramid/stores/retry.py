"""The loop that repeats requests to services that are overloaded or unreachable.

Services may also restart, stall or drop connections. Clients can repeat requests themselves. But they do not report
how often, and do not repeat an upload that was damaged in transit. So each client tries once, and all retries happen
here.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyramid.concurrency.cancelling import check_not_cancelled, pause
from pyramid.errors import OptionError, StoppedError, StorageError
from pyramid.feedback.silence import waiting_for
from pyramid.stores.schemes import RETRY_OPTIONS

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Pauses between attempts, which double from the first to the longest. A short outage costs little time, and a long one
# causes few requests.
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
# The slowest transfer that is worth waiting for; the time limit of a request follows from it.
SLOW_BYTES_PER_S = 2**20
# The time after which a host that has never answered is given up: its address is more likely wrong than down.
NEVER_CONNECTED_S = 10.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits for the repetition of requests and for the time of each.

    Parameters
    ----------
    retries
        The largest number of repetitions of a request.
    retry_seconds
        The seconds during which a request is repeated, from the first attempt on.
    timeout
        The seconds that a request may take in addition to the time for its body.
    """

    retries: int = 100
    retry_seconds: float = 240.0
    timeout: float = 30.0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> RetryPolicy:
        """Return the policy that storage options describe.

        Raises OptionError for a value that is not a number or is out of range.
        """
        given: dict[str, Any] = {}
        for name in RETRY_OPTIONS.keys() & options.keys():
            try:
                given[name] = int(options[name]) if name == "retries" else float(options[name])
            except ValueError:
                raise OptionError(
                    f"storage option {name}: {options[name]!r} is not a number; give one from 0"
                ) from None
            if not 0 <= given[name] <= 10**6 or (name == "timeout" and not given[name]):
                raise OptionError(f"storage option {name}: {options[name]!r} is out of range; give 0 to 1000000")
        return cls(**given)


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """The meaning of a failed attempt.

    Parameters
    ----------
    reason
        The message of the server or the network; it contains nothing secret.
    again
        Whether another attempt may succeed.
    never_connected
        Whether no server was reached.
    status
        The HTTP status, if there was an answer.
    error
        The exception that is raised if this attempt is the last.
    most
        How often this failure may come in a row before it is taken for permanent; None for any number.
    """

    reason: str
    again: bool
    never_connected: bool = False
    status: int | None = None
    error: type[StorageError] = StorageError
    most: int | None = None


@dataclass
class RetryCount:
    """The number of repeated requests so far, counted from any thread."""

    count: int = 0
    _changing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self) -> None:
        """Count one more repetition."""
        with self._changing:
            self.count += 1


_retries: ContextVar[RetryCount | None] = ContextVar("retries", default=None)


@contextmanager
def counting_retries() -> Iterator[RetryCount]:
    """Count the repeated requests of this context, separately from other runs.

    Another thread belongs to this context if it runs in a copy of it (`contextvars.copy_context`). A context within
    this one counts its own requests.
    """
    counted = RetryCount()
    token = _retries.set(counted)
    try:
        yield counted
    finally:
        _retries.reset(token)


def call_with_retries(
    attempt: Callable[[], T],
    what: str,
    retry_policy: RetryPolicy,
    judge: Callable[[Exception], AttemptFailure],
) -> T:
    """Repeat a request until it succeeds or is given up.

    Parameters
    ----------
    attempt
        Makes the request once.
    what
        The method and the object, for messages.
    retry_policy
        How often and how long to repeat.
    judge
        Returns the meaning of an exception.

    Raises
    ------
    StorageError
        When all attempts have failed. The message has the last answer and the number of attempts.
    StoppedError
        If the run is cancelled, as by `cancel_when`.
    """
    with waiting_for(what):
        return _repeat(attempt, what, retry_policy, judge)


def _repeat(
    attempt: Callable[[], T],
    what: str,
    retry_policy: RetryPolicy,
    judge: Callable[[Exception], AttemptFailure],
) -> T:
    """Do what `call_with_retries` describes, without a word."""
    check_not_cancelled()
    began_s, number, alike = time.monotonic(), 0, 0
    while True:
        try:
            return attempt()
        except StoppedError:
            raise
        except Exception as error:
            verdict = judge(error)
            spent_s = time.monotonic() - began_s
            pause_s = min(FIRST_PAUSE_S * 2 ** min(number, 10), LONGEST_PAUSE_S) * random.uniform(0.5, 1)
            limit_s = min(retry_policy.retry_seconds, NEVER_CONNECTED_S if verdict.never_connected else math.inf)
            alike = alike + 1 if verdict.most is not None else 0
            over = number >= retry_policy.retries or spent_s + pause_s > limit_s or alike >= (verdict.most or math.inf)
            if not verdict.again or over:
                tries = f"after {number + 1} attempts in {spent_s:.1f} s" if number else "at the first attempt"
                message = f"{what} failed {tries}: {verdict.reason}"
                raise verdict.error(message, not verdict.again, verdict.status) from None
        logger.info("request: %s failed, is made again in %.1f s: %s", what, pause_s, verdict.reason)
        pause(pause_s, f"{what} is not made again, since the run was stopped; it failed: {verdict.reason}")
        counted = _retries.get()
        if counted is not None:
            counted.add()
        number += 1
