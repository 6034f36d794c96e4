"""The end of an interrupted command, also where all its threads wait for a server that does not answer."""

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

INTERRUPTED = 130
# How long a command may take to end by itself: it stops its blocks, and says what is unfinished.
PATIENCE_S = 1.8


@contextmanager
def ending_when_interrupted() -> Iterator[None]:
    """End this process soon after Ctrl-C, also after the context and while a call of a library does not return.

    Python raises KeyboardInterrupt only when such a call has returned, and waits for all threads at its end.
    """
    if sys.platform == "win32":  # which has no such pipes
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(reading, ended), name="interrupt", daemon=True).start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _end_now()
        raise
    finally:
        ended.set()
        signal.set_wakeup_fd(before)


def _end_now() -> NoReturn:
    """End this process without waiting for threads, which a library's own would meet half torn down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(Exception):
        atexit._run_exitfuncs()  # as temporary files and child processes need
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(INTERRUPTED)


def _watch(reading: int, ended: threading.Event) -> None:
    while (number := os.read(reading, 1)) and number[0] not in (signal.SIGINT, signal.SIGTERM):
        pass
    time.sleep(PATIENCE_S)
    if not ended.is_set():
        os.write(2, b"pyramid: interrupted, while a call that does not return was under way\n")
    os._exit(INTERRUPTED)
