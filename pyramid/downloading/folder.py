"""The folder that a download fills, and the only place where it writes.

A file gets its name once it is complete. Keys come from data. A link in the folder may lead out of it, so none is
followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from typing import IO

from pyramid.errors import TargetError
from pyramid.hierarchy.unfinished import DOWNLOAD

# The most folders that are remembered as not being links: it bounds memory, and further ones are checked again.
MAX_KNOWN_FOLDERS = 10_000


class Folder:
    """A folder on local disk. Its methods may be called from any thread.

    Parameters
    ----------
    path
        Path of the folder. A link there is followed, for it is the user's own.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(os.path.expanduser(path))
        self.work = os.path.join(self.path, DOWNLOAD)
        self._known = {self.path}

    def has(self, key: str) -> bool:
        """Return whether the complete object is there.

        Raises
        ------
        TargetError
            If there is a link or a folder in its place, or a link or a file in place of one of its folders.
        """
        path = self._path(key)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(mode):
            raise TargetError(f"{path} is a link or a folder where a file must be; remove it, or give another folder")
        return True

    def receive(self, key: str, fill: Callable[[IO[bytes]], int | None]) -> int | None:
        """Let `fill` write an object to a file, then give the file its name.

        Nothing is left where `fill` returns None.

        Raises
        ------
        TargetError
            If the file cannot be written.
        """
        partial = os.path.join(self.work, f"part-{threading.get_ident()}")
        try:
            with self.wrap_errors():
                with open(partial, "wb") as file:
                    size = fill(file)
                if size is not None:
                    self._place(partial, key)
            return size
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(partial)

    def write(self, key: str, body: bytes) -> None:
        """Write a small object, unless it is there already."""
        if self.has(key):
            with self.wrap_errors(), open(self._path(key), "rb") as file:
                if file.read(len(body) + 1) == body:
                    return
        self.receive(key, lambda file: file.write(body))

    def make(self) -> None:
        """Make the folder, and the one for unfinished files."""
        with self.wrap_errors():
            os.makedirs(self.path, exist_ok=True)
            self._make(self.work)

    @contextlib.contextmanager
    def wrap_errors(self) -> Iterator[None]:
        """Turn errors of the disk into TargetError."""
        try:
            yield
        except OSError as error:
            if error.errno is None or error.strerror is None:  # not an error of the system, but a PyramidError, say
                raise
            where = f": {error.filename}" if error.filename else ""
            raise TargetError(f"{self.path} cannot be written: {error.strerror}{where}") from error

    def _path(self, key: str) -> str:
        """Return the file of a key that was checked as a path.

        Raises
        ------
        TargetError
            If a part of the path is a link or a file, or the key is in the download's own folder.
        """
        parts = key.split("/")
        if parts[0] == DOWNLOAD:
            raise TargetError(f"{key!r} is reserved for a download's own files, and cannot be copied")
        path = self.path
        for part in parts[:-1]:
            path = os.path.join(path, part)
            if path not in self._known and not self._is_folder(path):
                break
        return os.path.join(self.path, *parts)

    def _place(self, partial: str, key: str) -> None:
        path = self._path(key)
        self._make(os.path.dirname(path))
        os.replace(partial, path)

    def _make(self, path: str) -> None:
        """Make a folder and those that it is in."""
        if path not in self._known:
            self._make(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            self._is_folder(path)

    def _is_folder(self, path: str) -> bool:
        """Return whether a folder is there, and remember it.

        The folder that it is in must be known already.
        """
        if not os.path.lexists(path):
            return False
        if os.path.realpath(path) != path:
            raise TargetError(f"{path} is a link, and a download follows no links; remove it, or give another folder")
        if not os.path.isdir(path):
            raise TargetError(f"{path} is a file where a folder must be; remove it, or give another folder")
        if len(self._known) >= MAX_KNOWN_FOLDERS:
            self._known = {self.path}
        self._known.add(path)
        return True
