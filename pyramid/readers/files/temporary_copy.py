"""A copy, for as long as this process lasts, of a file whose server knows no ranges.

The copy has no name in any folder, so that nothing is left of it however the process ends.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from typing import IO

from pyramid.errors import SourceError, StorageError
from pyramid.readers.files.byte_ranges import Span
from pyramid.stores import Objects

MOST_COPIES = 4


class Copy:
    """The whole of an object in a temporary file; raises SourceError where it does not come or has no room.

    Parameters
    ----------
    objects
        Whose empty key is the object.
    size_bytes
        How long it is.
    """

    def __init__(self, objects: Objects, size_bytes: int) -> None:
        self._place = str(objects.location)
        self._size_bytes = size_bytes
        self._reading = threading.Lock()
        folder = tempfile.gettempdir()
        if shutil.disk_usage(folder).free < size_bytes:
            raise SourceError(
                f"{self._place}: its server knows no ranges, and in {folder} is no room for a copy of its {size_bytes} "
                "bytes; set TMPDIR to a folder with more, or copy the file to this machine first"
            )
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="pyramid-")  # noqa: SIM115  (closed with the copy)
        try:
            fetched = objects.fetch("", self, size_bytes)
        except StorageError as error:
            raise SourceError(str(error)) from error
        if fetched != size_bytes:
            raise self._changed()

    def __del__(self) -> None:  # a thread may read it when it is no longer among those kept
        if hasattr(self, "_file"):
            self._file.close()

    def restart(self) -> None:
        """Begin again."""
        self._file.seek(0)

    def write(self, piece: bytes, /) -> None:
        """Take the next piece, as far as there is room for it."""
        if self._file.tell() + len(piece) > self._size_bytes:
            raise self._changed()
        self._file.write(piece)

    def read(self, span: Span) -> bytes:
        """The bytes of a span; from any thread."""
        with self._reading:
            self._file.seek(span.start)
            return self._file.read(span.stop - span.start)

    def _changed(self) -> SourceError:
        return SourceError(f"{self._place} has changed since it was opened; start again")


class _Copies:
    """The copies last used in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, Copy] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, opening: str, objects: Objects, size_bytes: int) -> Copy:
        """The copy of an object that was opened once, made where there is none."""
        with self._lock:  # held while it is fetched: threads that wait need the same one
            if opening not in self._kept:
                self._kept[opening] = Copy(objects, size_bytes)
            self._kept.move_to_end(opening)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[opening]


copies = _Copies(MOST_COPIES)
