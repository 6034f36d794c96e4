"""Folders and files of this machine."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pyramid.errors import StorageError
from pyramid.stores.objects import ABSENT, Into, Stamp, check_key
from pyramid.stores.scheme import Access, Scheme

if TYPE_CHECKING:
    from pyramid.stores.location import Location

T = TypeVar("T")
_PIECE_BYTES = 2**20
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalObjects:
    """Files at and below a path.

    Parameters
    ----------
    location
        The path.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    def get(self, key: str) -> bytes | None:
        """The whole file."""
        with contextlib.suppress(*_ABSENT):
            return self._told(key, self._path(key).read_bytes)
        return None

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Part of the file."""

        def read() -> bytes:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(max(stop - start, 0))

        try:
            return self._told(key, read)
        except _ABSENT as error:
            raise StorageError(f"{self._path(key)}: there is no such file", True, ABSENT) from error

    def get_tail(self, key: str, size: int) -> bytes | None:
        """The file's end."""
        whole = self.size(key)
        return None if whole is None else self.get_range(key, max(whole - size, 0), whole)

    def fetch(self, key: str, into: Into, expected_bytes: int = 0) -> int | None:
        """The whole file in pieces."""
        del expected_bytes

        def read() -> int:
            size = 0
            with self._path(key).open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    size += len(piece)
                    into.write(piece)
            return size

        with contextlib.suppress(*_ABSENT):
            return self._told(key, read)
        return None

    def size(self, key: str) -> int | None:
        """The file's size."""
        stamp = self.stamp(key)
        return None if stamp is None else stamp[0]

    def stamp(self, key: str) -> Stamp | None:
        """The file's size, and which it is and when it was changed."""
        path = self._path(key)
        with contextlib.suppress(*_ABSENT):
            found = self._told(key, path.stat)
            return None if stat.S_ISDIR(found.st_mode) else (found.st_size, f"{found.st_ino}-{found.st_mtime_ns}")
        return None

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Write beside the file's place and rename."""
        path = self._path(key)

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}-{uuid.uuid4().hex}")
            try:
                partial.write_bytes(body)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

        self._told(key, write)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Files below the path; links to folders are not followed."""
        root = self._path("")
        for folder, _, names in os.walk(self._path(prefix.rstrip("/"))):
            below = Path(folder).relative_to(root).as_posix()
            yield from (name if below == "." else f"{below}/{name}" for name in names)

    def delete(self, key: str) -> None:
        """Remove the file."""
        with contextlib.suppress(*_ABSENT):
            self._told(key, self._path(key).unlink)

    def _path(self, key: str) -> Path:
        return Path(self.location.path, check_key(key))

    def _told(self, key: str, do: Callable[[], T]) -> T:
        try:
            return do()
        except _ABSENT:
            raise
        except OSError as error:
            failure = StorageError(f"{self._path(key)}: {error.strerror or error}", permanent=True)
            failure.errno = error.errno
            raise failure from error


def _open(access: Access) -> LocalObjects:
    return LocalObjects(access.location)


LOCAL = Scheme("file", (), {}, _open)
