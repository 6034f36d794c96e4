"""Waiting for requests of obstore so that they can be cancelled, as on Ctrl-C.

obstore's blocking functions cannot be left before their time-out. Its asynchronous ones can be cancelled, which closes
the connection, but they need an event loop. A loop of asyncio costs a thread and three switches for each request,
several times the cost of the request itself. obstore uses only two functions of a loop: it makes a future, and calls
back in the thread that has the answer. So a class of a few lines is enough.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

from pyramid.concurrency.cancelling import LOOK_S, check_not_cancelled

T = TypeVar("T")


class _Answer:
    """A future with the methods that obstore uses.

    A thread of the client sets it, and the thread that made the request waits for it.
    """

    def __init__(self) -> None:
        self._came = threading.Lock()
        self._came.acquire()
        self._result: Any = None
        self._error: BaseException | None = None
        self._is_cancelled = False
        self._observers: list[Callable[[_Answer], object]] = []

    def set_result(self, result: object) -> None:
        self._result = result
        self._came.release()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._came.release()

    def add_done_callback(self, observer: Callable[[_Answer], object], *, context: object = None) -> None:
        del context
        self._observers.append(observer)

    def cancelled(self) -> bool:
        return self._is_cancelled

    done = cancelled

    def cancel(self) -> None:
        """End the request: obstore is called back and drops it."""
        self._is_cancelled = True
        for observer in self._observers:
            observer(self)

    def wait(self) -> object:
        """Return the answer, or raise its error."""
        while not self._came.acquire(timeout=LOOK_S):
            check_not_cancelled()
        if self._error is not None:
            raise self._error
        return self._result


class _Loop:
    """An event loop with the methods that obstore uses."""

    def create_future(self) -> _Answer:
        return _Answer()

    def call_soon_threadsafe(self, call: Callable[..., object], *arguments: object, context: object = None) -> None:
        del context
        call(*arguments)


class ClientPanicError(Exception):
    """The client of a store failed in an unexpected way."""


_loop = cast("asyncio.AbstractEventLoop", _Loop())


def wait_for(start: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to an asynchronous call of obstore, from any thread.

    Parameters
    ----------
    start
        Makes the call and returns the awaitable.

    Raises
    ------
    StoppedError
        If the run is cancelled first, as by `cancel_when`. The request is cancelled too, as on Ctrl-C.
    """
    answer = guarded(lambda: _started(start))
    try:
        return cast("T", guarded(answer.wait))
    except BaseException:
        answer.cancel()
        raise


def stream(pieces: AsyncIterable[T], most: int | None = None) -> Iterator[T]:
    """Yield the items of an asynchronous iterator of obstore, at most `most`.

    Raises the errors of `wait_for`.
    """
    coming = aiter(pieces)
    for _ in itertools.count() if most is None else range(most):
        try:
            yield wait_for(lambda: anext(coming))
        except StopAsyncIteration:
            return


def guarded(call: Callable[[], T]) -> T:
    """Call code of the client, and raise its panics as ClientPanicError.

    Panics derive from BaseException and would end the process.
    """
    try:
        return call()
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime" or type(error).__name__ == "RustPanic":
            raise ClientPanicError(f"its client fails: {' '.join(str(error).split())[:200]}") from None
        raise


def _started(start: Callable[[], Awaitable[Any]]) -> _Answer:
    before = asyncio._get_running_loop()  # the loop of a notebook, if this runs in its thread
    asyncio._set_running_loop(_loop)
    try:
        return cast("_Answer", start())
    finally:
        asyncio._set_running_loop(before)
