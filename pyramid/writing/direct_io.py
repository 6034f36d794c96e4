"""Files on local disk, written from the front to the end, past the page cache where that is quicker.

To copy bytes into the page cache can cost more than to encode them: in a virtual machine that gives free memory back to
its host, several times as much. Past the cache no byte is copied, and a terabyte that is written does not drive out
what others have read. But a disk that turns, or lies behind a network, is slow without the cache. Which way is quicker
is measured while writing, a file at a time; the bytes are the same.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
import time

if sys.platform == "linux":
    import fcntl

# What a disk takes past the cache: addresses, offsets and lengths are multiples of it.
ALIGN_BYTES = 4096
# Smaller files are written through the cache: the disk's own latency would show.
DIRECT_BYTES = 2 * 2**20
# Files of each way before one is chosen, and how often the other is tried again.
TRIALS, AGAIN = 2, 64
# How much slower the way past the cache may be: its time is the disk's, while a copy takes a core from encoding.
FAVOUR = 2
# What the last file counts in the pace of its way.
WEIGHT = 0.25

O_DIRECT = os.O_DIRECT if sys.platform == "linux" else 0


class WriteModeChooser:
    """Which way of writing is quicker: through the page cache or past it.

    Examples
    --------
    >>> chooser = WriteModeChooser()
    >>> for seconds in (1, 3) * TRIALS:
    ...     chooser.note(chooser.choose(), 2**21, seconds)
    >>> chooser.choose()
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen = {False: 0, True: 0}
        self._pace_s: dict[bool, float] = {}
        self._refused = not O_DIRECT

    def choose(self) -> bool:
        """Whether the next file is written past the cache."""
        with self._lock:
            direct = not self._refused and self._choose()
            self._chosen[direct] += 1
            return direct

    def _choose(self) -> bool:
        fewer = self._chosen[True] < self._chosen[False]
        if min(self._chosen.values()) < TRIALS or len(self._pace_s) < len(self._chosen):
            return fewer
        quicker = self._pace_s[True] < FAVOUR * self._pace_s[False]
        return quicker if sum(self._chosen.values()) % AGAIN else not quicker

    def note(self, direct: bool, size: int, seconds: float) -> None:
        """Say what writing a file took."""
        with self._lock:
            before = self._pace_s.get(direct, seconds / size)
            self._pace_s[direct] = before + WEIGHT * (seconds / size - before)

    def refuse(self) -> None:
        """Say that the disk knows no way past the cache."""
        self._refused = True


class DiskFile:
    """A file that gets its name when it is whole. Its methods are called one after the other, from any thread.

    Parameters
    ----------
    partial
        Where it lies until then, on the same disk.
    path
        Where it is to lie, in place of what is there.
    modes
        Chooses how the file is written, from the files of the same disk before it.
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
        """Write the next bytes: a multiple of ALIGN_BYTES, at such an address. Raises OSError; nothing is then left."""
        try:
            self._write(body)
        except BaseException:
            self.abandon()
            raise

    def finish(self, body: memoryview) -> None:
        """Write the last bytes and give the file its name. Raises OSError; nothing is then left."""
        try:
            file = self._file = self._file or self._open(len(body))
            whole = len(body) - len(body) % ALIGN_BYTES
            self._write(body[:whole])
            self._use_cache(file)  # what is left has no length that a disk takes
            _write_all(file, body[whole:])
            file.close()
            os.replace(self._partial, self._path)
        except BaseException:
            self.abandon()
            raise
        if self._size >= DIRECT_BYTES:
            self._modes.note(self._direct, self._size, self._seconds)

    def abandon(self) -> None:
        """Leave nothing of it behind."""
        if self._file is not None:
            self._file.close()
            if os.path.exists(self._partial):
                os.remove(self._partial)

    def _open(self, size: int) -> io.FileIO:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._direct = size >= DIRECT_BYTES and self._modes.choose()
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
            file.seek(self._size)  # some of it may be there: a disk may take less than it was given
            _write_all(file, body)
        self._size += len(body)
        self._seconds += time.perf_counter() - started

    def _use_cache(self, file: io.FileIO) -> None:
        """Write what comes through the page cache."""
        if sys.platform == "linux" and self._direct:
            fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~O_DIRECT)


def _write_all(file: io.FileIO, body: memoryview) -> None:
    while body:
        body = body[file.write(body) :]
