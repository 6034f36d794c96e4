"""Write objects to local disk or object storage, each whole or not at all.

On local disk an object is written to a file in a separate folder. The file is renamed when it is whole. An object on
object storage is sent with one request.
"""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyramid.planning.encoding import ALIGN_BYTES
from pyramid.stores import Objects, locate, open_objects
from pyramid.writing.direct_io import DiskFile, WriteModeChooser
from pyramid.writing.write_queue import ObjectInProgress, WriteQueue

# Folder of files that are being written: inside the target, so that they are on the same disk and can be renamed.
PARTIAL = ".partial"
# Bytes that are written to a file at once: with fewer, the cost of each call would be noticeable.
SEGMENT_BYTES = 4 * 2**20
# Requests of one block under way at once: many, since a service answers only after tens of milliseconds.
REQUESTS = 32


class ObjectWriter(Protocol):
    """Writes the objects of a target; safe to use from many threads."""

    @property
    def max_concurrent_writes(self) -> int:
        """Number of writes of one block at once."""
        ...

    def begin(self, key: str, max_bytes: int, queue: WriteQueue) -> ObjectInProgress:
        """Begin an object, which will replace any object at `key`.

        Parameters
        ----------
        key
            Key of the object, relative to the target.
        max_bytes
            Size that the object does not exceed.
        queue
            Takes the bytes of the object.
        """
        ...

    def finish(self) -> None:
        """Remove everything that is not an object of the target."""
        ...


def open_writer(url: str, options: Mapping[str, Any] | None) -> ObjectWriter:
    """Return the writer for a path or URL, without writing anything yet."""
    location = locate(url)
    return FileWriter(location.path) if location.is_local else UploadWriter(open_objects(url, options))


class FileWriter:
    """Writes each object as a file in a separate folder, then renames the file.

    Parameters
    ----------
    root
        The target's folder.
    """

    max_concurrent_writes = 1  # the segments of a file are written in order

    def __init__(self, root: str) -> None:
        self._root = root
        self._made: set[str] = set()
        self._numbers = itertools.count()
        self._modes = WriteModeChooser()

    def begin(self, key: str, max_bytes: int, queue: WriteQueue) -> ObjectInProgress:
        """Begin the file at `key`.

        An existing file stays until the new one is whole.
        """
        del max_bytes
        path = os.path.join(self._root, key)
        name = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}-{next(self._numbers)}"
        partial = os.path.join(self._root, PARTIAL, name)
        for folder in (os.path.dirname(partial), os.path.dirname(path)):
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)
                self._made.add(folder)
        return FileInProgress(key, DiskFile(partial, path, self._modes), queue)

    def finish(self) -> None:
        """Remove files that workers left unfinished."""
        partial = os.path.join(self._root, PARTIAL)
        if os.path.isdir(partial):
            shutil.rmtree(partial)


class FileInProgress:
    """An object that is written to a file, segment by segment."""

    def __init__(self, key: str, file: DiskFile, queue: WriteQueue) -> None:
        self._key = key
        self._file = file
        self._queue = queue
        self._segment = memoryview(b"")
        self._end = 0
        self._total = 0

    def reserve(self, size: int) -> memoryview:
        """Return memory for the next `size` bytes, in the segment or in a new one."""
        if self._end + size > len(self._segment):
            self.suspend()
            most = min(SEGMENT_BYTES, self._queue.capacity_bytes // 2)
            segment = self._queue.reserve(max(most, self._end + size))
            segment[: self._end] = self._segment
            self._segment = segment
        return self._segment[self._end : self._end + size]

    def advance(self, size: int) -> None:
        """Add the first `size` bytes to the file."""
        self._end += size
        self._total += size

    def suspend(self) -> None:
        """Send the bytes that fill whole pages of a disk.

        The rest waits for the next segment.
        """
        whole = self._end - self._end % ALIGN_BYTES
        rest = bytes(self._segment[whole : self._end])
        if whole:
            self._send(whole, self._file.append)
        self._segment, self._end = memoryview(rest), len(rest)

    def flush(self) -> None:
        """Send the last bytes, after which the file is renamed."""
        if self._total:
            self.reserve(1)  # bytes that are sent must be in the queue's memory
            self._send(self._end, self._file.finish)

    def discard(self) -> None:
        """Remove the unfinished file."""
        self._queue.send(0, lambda _: self._file.abandon(), self._key)

    def _send(self, size: int, write: Callable[[memoryview], None]) -> None:
        def job(body: memoryview | None) -> None:
            if body is None:
                self._file.abandon()
            else:
                write(body)

        self._queue.send(size, job, self._key)


class UploadWriter:
    """Sends each object with one request, whatever its size.

    Parameters
    ----------
    objects
        The target.
    """

    max_concurrent_writes = REQUESTS

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def begin(self, key: str, max_bytes: int, queue: WriteQueue) -> ObjectInProgress:
        """Begin the object at `key`."""
        return UploadInProgress(self._objects, key, max_bytes, queue)

    def finish(self) -> None:
        """Do nothing: an object that was not sent whole does not exist."""


class UploadInProgress:
    """An object that is sent when it has all its bytes."""

    def __init__(self, objects: Objects, key: str, max_bytes: int, queue: WriteQueue) -> None:
        self._objects = objects
        self._key = key
        self._queue = queue
        self._memory = queue.reserve(max_bytes)
        self._end = 0

    def reserve(self, size: int) -> memoryview:
        """Return memory for the next `size` bytes."""
        return self._memory[self._end : self._end + size]

    def advance(self, size: int) -> None:
        """Add the first `size` bytes to the object."""
        self._end += size

    def suspend(self) -> None:
        """Do nothing: the plan begins no other object before this one ends."""

    def flush(self) -> None:
        """Send the object."""
        if self._end:
            self._queue.send(self._end, self._put, self._key)

    def discard(self) -> None:
        """Do nothing: no byte of the object was sent."""

    def _put(self, body: memoryview | None) -> None:
        if body is not None:
            self._objects.put(self._key, body)
