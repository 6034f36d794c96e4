"""A lock on the folder of a target, held while a run looks at it and claims it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.errors import TargetError
from pyramid.stores import Location
from pyramid.writing.claims import WATCH_S

if sys.platform != "win32":
    import fcntl

# Seconds between two attempts: too short for a user to notice.
_PAUSE_S = 0.1


@contextmanager
def one_at_a_time(location: Location) -> Iterator[None]:
    """Lock a local target against other runs on this machine.

    Some systems have no locks, and then nothing is locked.
    """
    if not location.is_local or sys.platform == "win32":
        yield
        return
    folder = os.open(location.path, os.O_RDONLY)
    try:
        _lock(folder, location)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, location: Location) -> None:
    """Lock a folder that is open; TargetError if another program keeps it."""
    until_s = time.monotonic() + WATCH_S
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise TargetError(
                    f"{location} is locked by another program, as by a conversion that removes what was there; wait "
                    "until it ends, or give another target"
                ) from None
            time.sleep(_PAUSE_S)
        except OSError:  # some network file systems have no locks
            return
        else:
            return
