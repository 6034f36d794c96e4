"""Temporary copies of files whose servers do not support range requests.

A copy has no name in any folder. So nothing is left of it, however the process ends.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from typing import IO

from pyramid.errors import SourceError, StorageError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import has_changed
from pyramid.readers.files.last_used import LastUsed
from pyramid.stores import Objects

MAX_COPIES = 4  # kept in a process: a bound for the disk, as each is a whole file


class Copy:
    """A whole object in a temporary file.

    Parameters
    ----------
    objects
        The store whose empty key is the object.
    size_bytes
        Size of the object.

    Raises
    ------
    SourceError
        If the object cannot be fetched, or the disk has no room for it.
    """

    def __init__(self, objects: Objects, size_bytes: int) -> None:
        self._name = str(objects.location)
        self._size_bytes = size_bytes
        self._reading = threading.Lock()
        folder = tempfile.gettempdir()
        if shutil.disk_usage(folder).free < size_bytes:
            raise SourceError(
                f"{self._name}: its server does not support range requests, and {folder} has no room for a copy of "
                f"its {size_bytes} bytes; set TMPDIR to a folder with more, or copy the file to this machine first"
            )
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="pyramid-")  # noqa: SIM115  (closed with the copy)
        try:
            fetched = objects.fetch("", self, size_bytes)
        except StorageError as error:
            raise SourceError(str(error)) from error
        if fetched != size_bytes:
            raise has_changed(self._name)

    def __del__(self) -> None:  # not closed earlier: a thread may still read a copy after it is dropped
        if hasattr(self, "_file"):
            self._file.close()

    def restart(self) -> None:
        """Go back to the start, before the object is sent again."""
        self._file.seek(0)

    def write(self, piece: bytes, /) -> None:
        """Append a piece; raise SourceError if the object is longer than it was."""
        if self._file.tell() + len(piece) > self._size_bytes:
            raise has_changed(self._name)
        self._file.write(piece)

    def read(self, span: Span) -> bytes:
        """Return the bytes of a span; any thread may call it."""
        with self._reading:
            self._file.seek(span.start)
            return self._file.read(span.stop - span.start)


_copies: LastUsed[str, Copy] = LastUsed(MAX_COPIES)


def read_copy(opening: str, objects: Objects, size_bytes: int, span: Span) -> bytes:
    """Return the bytes of a span from the copy of an object.

    The copy is made at its first use.

    Raises
    ------
    SourceError
        If the object cannot be fetched, or the disk has no room for it.
    """
    return _copies.find(opening, lambda: Copy(objects, size_bytes)).read(span)
