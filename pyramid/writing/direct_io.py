"""Files on local disk, written past the page cache if that is faster.

Copying bytes into the page cache can take longer than encoding them. In a virtual machine that returns free memory to
its host, it can take several times as long. Direct writes bypass the cache: they copy no bytes, and a terabyte of
output does not push out the files that others have read. But a spinning disk, or a disk behind a network, is slow
without the cache. So both modes are measured while files are written. The bytes of a file are the same in both. Each
file is written from its beginning to its end.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import io
import os
import sys
import threading
import time
from collections.abc import Callable

from pyramid.planning.encoding import ALIGN_BYTES

if sys.platform == "linux":
    import fcntl

# Least size of a file for direct writes: a smaller one takes as long as the calls that open and rename it.
MIN_DIRECT_BYTES = 2**16
# Files that are written in each mode before one is chosen, and files until the other mode is tried again. It is tried
# again since a disk may become busy or idle.
TRIALS, AGAIN = 2, 64
# Size from which a file counts in full for `AGAIN`; a smaller one counts by its size. A disk that is slow in one mode
# takes some 10 ms for a file of any size, so that trials must not depend on the number of files only.
FULL_BYTES = 2 * 2**20
# Factor by which direct writes may be slower: they occupy only the disk, while a copy takes a core from encoding. And
# the cache takes the first gigabytes at the speed of a copy, whatever the disk can do.
FAVOUR = 4
# Size of a file that counts for half in the mean pace of its mode: the pace follows a change within a few large files,
# and the odd small one that had to wait does not turn it.
HALF_BYTES = 32 * 2**20

O_DIRECT = os.O_DIRECT if sys.platform == "linux" else 0


class WriteModeChooser:
    """Chooses the faster mode of writing: through the page cache or past it.

    Examples
    --------
    >>> chooser = WriteModeChooser()
    >>> for seconds in (1, 5) * TRIALS:
    ...     chooser.note(chooser.choose(), 2**21, seconds)
    >>> chooser.choose()
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen = {False: 0, True: 0}
        self._since = 0.0
        self._pace_s: dict[bool, float] = {}
        self._bytes = {False: 0, True: 0}
        self._refused = not O_DIRECT

    def choose(self) -> bool:
        """Return whether to write the next file past the cache."""
        with self._lock:
            direct = not self._refused and self._choose()
            self._chosen[direct] += 1
            return direct

    def _choose(self) -> bool:
        fewer = self._chosen[True] < self._chosen[False]
        if min(self._chosen.values()) < TRIALS or len(self._pace_s) < len(self._chosen):
            return fewer
        quicker = self._pace_s[True] < FAVOUR * self._pace_s[False]
        if self._since < AGAIN:
            return quicker
        self._since = 0.0
        return not quicker

    def note(self, direct: bool, size: int, seconds: float) -> None:
        """Record the time that writing a file took."""
        with self._lock:
            self._since += min(1.0, size / FULL_BYTES)
            self._bytes[direct] += size
            share = size / min(self._bytes[direct], size + HALF_BYTES)
            before = self._pace_s.get(direct, 0.0)
            self._pace_s[direct] = before + share * (seconds / size - before)

    def refuse(self) -> None:
        """Record that the disk does not accept direct writes."""
        self._refused = True


class DiskFile:
    """A file that gets its name when it is whole.

    Its methods are called one after the other, from any thread.

    Parameters
    ----------
    partial
        Path of the unfinished file, on the same disk.
    path
        Path of the finished file. An existing file is replaced.
    modes
        Chooses how the file is written, from earlier files on the same disk.
    """

    def __init__(self, partial: str, path: str, modes: WriteModeChooser) -> None:
        self._partial = partial
        self._path = path
        self._modes = modes
        self._file: io.FileIO | None = None
        self._direct = False
        self._size = 0
        self._seconds = 0.0

    def append(self, body: memoryview) -> None:
        """Write the next bytes, whose number and address are multiples of ALIGN_BYTES.

        Raises
        ------
        OSError
            If they cannot be written. The unfinished file is then removed.
        """
        try:
            self._write(body)
        except BaseException:
            self.abandon()
            raise

    def finish(self, body: memoryview) -> None:
        """Write the last bytes and give the file its name.

        Raises
        ------
        OSError
            If that fails. The unfinished file is then removed.
        """
        try:
            file = self._file = self._file or self._open(len(body))
            whole = len(body) - len(body) % ALIGN_BYTES
            self._write(body[:whole])
            self._use_cache(file)  # direct writes do not accept the length of the rest
            _write_all(file, body[whole:])
            file.close()
            os.replace(self._partial, self._path)
        except BaseException:
            self.abandon()
            raise
        if self._size >= MIN_DIRECT_BYTES:
            self._modes.note(self._direct, self._size, self._seconds)

    def abandon(self) -> None:
        """Close and remove the unfinished file."""
        if self._file is not None:
            self._file.close()
            if os.path.exists(self._partial):
                os.remove(self._partial)

    def _open(self, size: int) -> io.FileIO:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._direct = size >= MIN_DIRECT_BYTES and self._modes.choose()
        try:
            opened = os.open(self._partial, flags | (O_DIRECT if self._direct else 0), 0o666)
        except OSError as error:
            if not self._direct or error.errno != errno.EINVAL:
                raise
            self._modes.refuse()
            self._direct = False
            opened = os.open(self._partial, flags, 0o666)
        return io.FileIO(opened, "wb")

    def _write(self, body: memoryview) -> None:
        """Write bytes that are aligned."""
        file = self._file = self._file or self._open(len(body))
        started = time.perf_counter()
        try:
            _write_all(file, body)
        except OSError as error:
            if not self._direct or error.errno != errno.EINVAL:
                raise
            self._modes.refuse()
            self._use_cache(file)
            file.seek(self._size)  # a part may be written already: a disk may accept fewer bytes than it was given
            _write_all(file, body)
        self._size += len(body)
        self._seconds += time.perf_counter() - started

    def _use_cache(self, file: io.FileIO) -> None:
        """Write all further bytes through the page cache."""
        if sys.platform == "linux" and self._direct:
            fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~O_DIRECT)


def _write_all(file: io.FileIO, body: memoryview) -> None:
    while body:
        body = body[file.write(body) :]


def sync_disk(path: str) -> None:
    """Wait until all that was written to a folder's file system is on its disk.

    So nothing is lost with the power. Where the system has no such call, nothing is done.
    """
    syncfs = _syncfs()
    if syncfs is None:
        if hasattr(os, "sync"):
            os.sync()
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        if syncfs(folder):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(folder)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Return the system's call that syncs one file system."""
    if sys.platform != "linux":
        return None
    call: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return call
