"""Waiting for a request of obstore's in a way that can be given up: when nobody wants the answer, and on Ctrl-C.

obstore's blocking functions cannot be left before their time-out. Its asynchronous ones can be cancelled, which closes
the connection, but they want an event loop. A loop of asyncio costs a thread and three switches a request, several
times what the request itself takes. They ask so little of it that a class of three lines is enough: to make a future,
and to be called back in the thread that has the answer.
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
    """A future, as far as obstore uses one: set by a thread of the client's, waited for by the one that asks."""

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

    def done(self) -> bool:
        return self._is_cancelled

    def cancel(self) -> None:
        """End the request: obstore is called back, and drops it."""
        self._is_cancelled = True
        for observer in self._observers:
            observer(self)

    def wait(self) -> object:
        """Return or raise the answer."""
        while not self._came.acquire(timeout=LOOK_S):
            check_not_cancelled()
        if self._error is not None:
            raise self._error
        return self._result


class _Loop:
    """An event loop, as far as obstore uses one."""

    def create_future(self) -> _Answer:
        return _Answer()

    def call_soon_threadsafe(self, call: Callable[..., object], *arguments: object, context: object = None) -> None:
        del context
        call(*arguments)


class ClientPanicError(Exception):
    """The client of a store failed in a way that it does not foresee."""


_loop = cast("asyncio.AbstractEventLoop", _Loop())


def wait_for(start: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to an asynchronous call of obstore's, from any thread.

    Parameters
    ----------
    start
        Calls it and returns what is to be awaited.

    Raises
    ------
    StoppedError
        Where the run is over first, as `cancel_when` says. The request is cancelled, as it is on Ctrl-C.
    """
    answer = guarded(lambda: _started(start))
    try:
        return cast("T", guarded(answer.wait))
    except BaseException:
        answer.cancel()
        raise


def stream(pieces: AsyncIterable[T], most: int | None = None) -> Iterator[T]:
    """Yield what an asynchronous iterator of obstore's gives, at most `most` items; errors as for `wait_for`."""
    coming = aiter(pieces)
    for _ in itertools.count() if most is None else range(most):
        try:
            yield wait_for(lambda: anext(coming))
        except StopAsyncIteration:
            return


def guarded(call: Callable[[], T]) -> T:
    """Call the client's code, whose panics derive from BaseException and would end the process."""
    try:
        return call()
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime" or type(error).__name__ == "RustPanic":
            raise ClientPanicError(f"its client fails: {' '.join(str(error).split())[:200]}") from None
        raise


def _started(start: Callable[[], Awaitable[Any]]) -> _Answer:
    before = asyncio._get_running_loop()  # that of a notebook, in whose thread this may run
    asyncio._set_running_loop(_loop)
    try:
        return cast("_Answer", start())
    finally:
        asyncio._set_running_loop(before)
