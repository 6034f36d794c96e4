"""One loop that makes a request again: for a service that is overloaded, restarts, stalls, or drops connections.

Clients repeat requests themselves, but tell nobody how often, and not where an upload was damaged on its way; so they
are told to try once, and all patience is here.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from pyramid.concurrency.cancelling import check_not_cancelled, pause
from pyramid.errors import OptionError, StoppedError, StorageError
from pyramid.stores.schemes import Option

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
# What is thought of as the slowest line on which it is worth to go on.
SLOW_BYTES_PER_S = 2**20
# An address at which nobody has answered yet is wrong more often than it is down for a while.
NEVER_CONNECTED_S = 10.0

RETRY_OPTIONS: Mapping[str, Option] = {name: Option(name) for name in ("retries", "retry_seconds", "timeout")}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a request is made again, and how long one may take.

    Parameters
    ----------
    retries
        How often a request is made again at most.
    retry_seconds
        For how long, from the first attempt on.
    timeout
        Seconds that a request may take beside the time for its body.
    """

    retries: int = 100
    retry_seconds: float = 240.0
    timeout: float = 30.0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> RetryPolicy:
        """What the storage options say of it."""
        given: dict[str, Any] = {}
        for name in RETRY_OPTIONS.keys() & options.keys():
            try:
                given[name] = int(options[name]) if name == "retries" else float(options[name])
            except ValueError:
                raise OptionError(f"storage option {name}: {options[name]!r} is no number; give one from 0") from None
            if not 0 <= given[name] <= 10**6 or (name == "timeout" and not given[name]):
                raise OptionError(f"storage option {name}: {options[name]!r} is out of range; give 0 to 1000000")
        return cls(**given)


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """What a failed attempt means.

    Parameters
    ----------
    told
        What the server or the network said; nothing secret.
    again
        Whether another attempt may go well.
    stranger
        Whether nobody was reached.
    status
        Of HTTP, where one was answered.
    error
        What is raised where it is the last.
    most
        How often in a row it may come, where the same answer that often is likely the only one; None for any number.
    """

    told: str
    again: bool
    never_connected: bool = False
    status: int | None = None
    error: type[StorageError] = StorageError
    most: int | None = None


class RetryCount:
    """The number of requests that were made again, counted from any thread."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._count = 0

    def add(self) -> None:
        """Count one more."""
        with self._changing:
            self._count += 1

    @property
    def count(self) -> int:
        """The number so far."""
        return self._count


_retries: ContextVar[RetryCount | None] = ContextVar("retries", default=None)


@contextmanager
def counting_retries() -> Iterator[RetryCount]:
    """Count the requests of this context that are made again, apart from those of every other run.

    Another thread is of this context where it runs in a copy of it (`contextvars.copy_context`). A context within
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
    """Make a request until it goes well.

    Parameters
    ----------
    attempt
        Makes it once.
    what
        Method and place, for the error.
    patience
        How often and how long.
    judge
        What an exception means.

    Raises
    ------
    StorageError
        With the last answer and the number of attempts.
    StoppedError
        Where it is given up, as `cancel_when` says.
    """
    check_not_cancelled()
    began_s, alike = time.monotonic(), 0
    for number in itertools.count():
        try:
            return attempt()
        except StoppedError:
            raise
        except Exception as error:
            verdict = judge(error)
            spent_s = time.monotonic() - began_s
            pause_s = min(FIRST_PAUSE_S * 2 ** min(number, 10), LONGEST_PAUSE_S) * random.uniform(0.5, 1)
            limit_s = (
                min(retry_policy.retry_seconds, NEVER_CONNECTED_S)
                if verdict.never_connected
                else retry_policy.retry_seconds
            )
            alike = alike + 1 if verdict.most is not None else 0
            over = number >= retry_policy.retries or spent_s + pause_s > limit_s or alike >= (verdict.most or math.inf)
            if not verdict.again or over:
                tries = f"after {number + 1} attempts in {spent_s:.1f} s" if number else "at the first attempt"
                message = f"{what} failed {tries}: {verdict.told}"
                raise verdict.error(message, not verdict.again, verdict.status) from None
        pause(pause_s, f"{what} is not made again, since the run was stopped; it failed: {verdict.told}")
        counted = _retries.get()
        if counted is not None:
            counted.add()
    raise AssertionError("the loop ends by what it returns or raises")
