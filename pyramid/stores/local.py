"""Folders and files of this machine.

Only what does not exist counts as missing. A folder in place of a file, a broken link and a device are errors that name
them, and so are files that may not be read. If they counted as missing, they would be read as background.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from pyramid.errors import DiskError, PyramidError, StorageError
from pyramid.stores.objects import ByteSink, Fingerprint, Objects, check_key, no_object
from pyramid.stores.schemes import Access, Option

if TYPE_CHECKING:
    from pyramid.stores.location import Location

T = TypeVar("T")
# Bytes of a file that are read at once: few calls, and little memory.
_PIECE_BYTES = 2**20
# Flags of opening. A pipe is opened without waiting for a writer, which might never come.
_HOW = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Names of files that are being written, or that a killed process has left.
_PARTIAL = re.compile(r"\..+-[0-9]+-[0-9]+-[0-9a-f]{32}")

OPTIONS: Mapping[str, Option] = {}


class LocalObjects(Objects):
    """Files at and below a path.

    Parameters
    ----------
    location
        The path.
    """

    def __init__(self, location: Location) -> None:
        self.location = location

    def get(self, key: str) -> bytes | None:
        """Return the whole file, or None if it is missing."""
        return self._read(key, io.FileIO.readall)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""

        def read(file: io.FileIO) -> bytes:
            # Memory is taken for as many bytes as are asked for, and a damaged index may ask for any number.
            end = min(stop, os.fstat(file.fileno()).st_size)
            file.seek(start)
            return file.read(max(end - start, 0)) or b""

        body = self._read(key, read)
        if body is None:
            raise no_object(self.location, key)
        return body

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Write the whole file to `into` in pieces."""
        del expected_bytes

        def read(file: io.FileIO) -> int:
            size = 0
            while piece := file.read(_PIECE_BYTES):
                size += len(piece)
                into.write(piece)
            return size

        return self._read(key, read)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size of a file, and a tag from its inode and time of change."""
        path = self._path(key)

        def look() -> Fingerprint | None:
            found = path.stat()
            if not key and stat.S_ISDIR(found.st_mode):
                return None
            _check_kind(path, found)
            return found.st_size, f"{found.st_ino}-{found.st_mtime_ns}"

        return self._none_if_missing(path, look)

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Write a file next to its final path, then rename it."""
        self._replace(key, lambda file: file.write(body))

    def put_stream(self, key: str, pieces: Callable[[], Iterable[bytes]], size_bytes: int) -> None:
        """Write a file as `put` does; it is on the disk before it gets its name."""
        del size_bytes

        def write(file: IO[bytes]) -> None:
            file.writelines(pieces())
            file.flush()
            os.fsync(file.fileno())

        self._replace(key, write)

    def _replace(self, key: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file next to its final path, then rename it."""
        path = self._path(key)
        partial = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}-{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    write(file)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except PyramidError:
            raise
        except OSError as error:
            raise _failure(path, error) from error

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the whole files below the path; links to folders are not followed."""
        root = self._path("")
        for folder, _, names in os.walk(self._path(prefix.rstrip("/")), onerror=_refuse):
            below = Path(folder).relative_to(root).as_posix()
            whole = (name for name in names if not is_partial(name))
            yield from (name if below == "." else f"{below}/{name}" for name in whole)

    def delete(self, key: str) -> None:
        """Remove the file, if it exists."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise _failure(path, error) from error

    def _path(self, key: str) -> Path:
        return Path(self.location.path, check_key(key))

    def _read(self, key: str, read: Callable[[io.FileIO], T]) -> T | None:
        path = self._path(key)

        def work() -> T:
            with io.FileIO(os.open(path, _HOW)) as file:
                _check_kind(path, os.fstat(file.fileno()))
                return read(file)

        return self._none_if_missing(path, work)

    def _none_if_missing(self, path: Path, do: Callable[[], T]) -> T | None:
        """Return the result of `do` on a file, or None if the file is missing.

        Raises StorageError if something else is in its place.
        """
        try:
            return do()
        except PyramidError:
            raise
        except OSError as error:
            if error.errno == errno.ENOENT:
                self._check_links(path)
                return None
            if error.errno == errno.ENOTDIR and not os.path.isdir(self.location.path):
                return None  # nothing exists below a file
            raise _failure(path, error) from error

    def _check_links(self, path: Path) -> None:
        """Raise StorageError if a file is missing because of a broken link.

        A data set whose contents were not fetched, such as one of git-annex, has such links.
        """
        root = Path(self.location.path)
        for part in (path, *path.parents):
            if part.is_symlink() and not part.exists():
                raise StorageError(
                    f"{part} is a link whose target does not exist; fetch that, as with git annex get", True
                )
            if part == root:
                return


def is_partial(name: str) -> bool:
    """Return whether a file is one that `put` has not finished.

    Examples
    --------
    >>> is_partial(".zarr.json-18957-140216327551872-2016416aeb3f4c0f8548e82cac8ae6f4"), is_partial("zarr.json")
    (True, False)
    """
    return _PARTIAL.fullmatch(name) is not None


def remove_partials(folder: str, depth: int) -> None:
    """Remove the files that killed processes have left unfinished in a folder.

    Parameters
    ----------
    folder
        Path of a folder to which nobody else writes.
    depth
        Number of levels of folders below it that are cleared as well.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_partial(entry.name):
                os.remove(entry.path)
            elif depth and entry.is_dir(follow_symlinks=False):
                remove_partials(entry.path, depth - 1)


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise StorageError(f"{path} is a folder where a file must be; remove or rename it", True)
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{path} is not a file but a pipe, a socket or a device; copy it to a file", True)


def _failure(path: Path, error: OSError) -> StorageError:
    failure = DiskError(f"{path}: {error.strerror or error}", permanent=True)
    failure.errno = error.errno
    return failure


def _refuse(error: OSError) -> None:
    """Raise StorageError for a folder that cannot be listed; ignore a missing one."""
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        raise _failure(Path(error.filename or ""), error) from error


def open_store(access: Access) -> LocalObjects:
    """Return the files at and below a location, without reading."""
    return LocalObjects(access.location)
