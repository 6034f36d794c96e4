"""A file that another program is still writing: found out before it is read.

On Linux a lease to read is refused on a file that any process of the machine has open to write. Where there are no
leases (network disks, other systems, another owner's files), a file that has just changed is looked at twice.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from pyramid.errors import SourceError

if sys.platform == "linux":
    import fcntl

# Seconds since a file's last change in which it may be one that grows, and between two looks at such a file.
RECENT_S, LOOK_S = 2.0, 0.3
# Seconds since the last change after which a file that is open to write is left to be: a program that edits it.
IDLE_S = 600.0


def check_written(path: str | Path) -> None:
    """Raise SourceError for a file that another program is still writing.

    Raises
    ------
    SourceError
        If the file is open to write and has changed in the last ten minutes, or if it grows.
    """
    found = os.stat(path)
    age_s = time.time() - found.st_mtime
    if age_s > IDLE_S:
        return
    is_open = _is_open_to_write(path)
    if is_open:
        raise SourceError(
            f"{path} is still being written: a program has it open to write; close it there, or "
            "wait until that has ended"
        )
    if is_open is None and age_s < RECENT_S:
        time.sleep(LOOK_S)
        later = os.stat(path)
        if (later.st_size, later.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
            grown = later.st_size - found.st_size
            raise SourceError(
                f"{path} is still being written: it has grown by {grown} bytes in {LOOK_S} s; wait until it is whole"
            )


def _is_open_to_write(path: str | Path) -> bool | None:
    """Return whether a process has a file open to write; None if that is not known."""
    if sys.platform != "linux":
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # A signal comes if another opens the file to write while the lease is held: it must not end the process.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False
