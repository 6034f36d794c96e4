"""The end of an interrupted command, even if threads wait for a silent server."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from pyramid.concurrency.patience import Patience, patience
from pyramid.errors import INTERRUPTED

# Time in which a command may end by itself. It is enough to stop its blocks and to say what is unfinished, and it keeps
# the whole end under two seconds.
PATIENCE_S = 1.8
# Time in which the cluster that a command has started must be closed, or jobs of it might be left: a scheduler of jobs
# answers in a few seconds.
CLOSING_S = 20


@contextmanager
def ending_when_interrupted() -> Iterator[None]:
    """End this process soon after Ctrl-C, even if a library call does not return.

    This also holds after the context. Python raises KeyboardInterrupt only when such a call has returned, and it waits
    for all threads at its end.
    """
    if sys.platform == "win32":  # Windows has no such pipes
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    ended, closing = threading.Event(), Patience()
    token = patience.set(closing)
    threading.Thread(target=_watch, args=(reading, ended, closing), name="interrupt", daemon=True).start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _end_now()
        raise
    finally:
        ended.set()
        patience.reset(token)
        signal.set_wakeup_fd(before)


def _end_now() -> NoReturn:
    """End this process without waiting for threads.

    Threads of libraries would run while the interpreter ends, and fail.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(Exception):
        atexit._run_exitfuncs()  # as temporary files and child processes need
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(INTERRUPTED)


def _watch(reading: int, ended: threading.Event, closing: Patience) -> None:
    while (number := os.read(reading, 1)) and number[0] not in (signal.SIGINT, signal.SIGTERM):
        pass
    time.sleep(PATIENCE_S)
    closing.wait(CLOSING_S)
    if not ended.is_set():
        os.write(2, b"pyramid: interrupted while a library call did not return\n")
    os._exit(INTERRUPTED)
