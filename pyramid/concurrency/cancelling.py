"""Cancellation of the work of one run in all its threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pyramid.errors import StoppedError

# The longest time that a wait lasts after its run was cancelled: too short for a user to notice.
LOOK_S = 0.1

_is_cancelled: ContextVar[Callable[[], bool]] = ContextVar("is_cancelled", default=lambda: False)


@contextmanager
def cancel_when(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Cancel all requests and waits of this context once `is_cancelled` is True.

    Contexts within this one are cancelled with it. Another thread belongs to this context if it runs in a copy of it
    (`contextvars.copy_context`).
    """
    outer = _is_cancelled.get()
    token = _is_cancelled.set(lambda: is_cancelled() or outer())
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def check_not_cancelled(message: str = "a request was given up, since the run was stopped") -> None:
    """Raise StoppedError with `message` if this context is cancelled."""
    if _is_cancelled.get()():
        raise StoppedError(message)


def pause(seconds: float, message: str) -> None:
    """Wait, or raise StoppedError with `message` as soon as this context is cancelled."""
    until_s = time.monotonic() + seconds
    check_not_cancelled(message)
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOK_S))
        check_not_cancelled(message)
