"""The folder that a download fills: nothing outside of it, and nothing under its name before it is whole.

Keys come from data. A link that lies in the folder may lead out of it, so none is followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO

from pyramid.errors import TargetError

if sys.platform != "win32":
    import fcntl

# What is not whole yet, and what says so, lie in a folder of their own until the end.
WORK = ".pyramid-download"
# Folders that are known to be no links; they are looked at again when there are more.
KNOWN_FOLDERS = 10_000


class Folder:
    """A folder on local disk. Its methods may be called from any thread.

    Parameters
    ----------
    path
        Where it is; a link there is followed, for it is the user's own.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(os.path.expanduser(path))
        self.work = os.path.join(self.path, WORK)
        self._known = {self.path}

    def has(self, key: str) -> bool:
        """Whether the object is there, whole.

        Raises TargetError where a link or a folder is in its place, or a link or file on the way.
        """
        path = self._path(key)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(mode):
            raise TargetError(f"{path} is a link or a folder where a file must be; remove it, or give another DIR")
        return True

    def receive(self, key: str, fill: Callable[[IO[bytes]], int | None]) -> int | None:
        """Let `fill` write an object to a file, which then gets its name; nothing is left where it gives None.

        Raises TargetError where the file cannot be written.
        """
        partial = os.path.join(self.work, f"part-{threading.get_ident()}")
        try:
            with self.told():
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
            with self.told(), open(self._path(key), "rb") as file:
                if file.read(len(body) + 1) == body:
                    return
        self.receive(key, lambda file: file.write(body))

    def make(self) -> None:
        """Make the folder, and the one for what is not whole."""
        with self.told():
            os.makedirs(self.path, exist_ok=True)
            self._make(self.work)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the disk says into TargetError."""
        try:
            yield
        except OSError as error:
            if error.errno is None or error.strerror is None:  # no word of the system's: a PyramidError, say
                raise
            place = f": {error.filename}" if error.filename else ""
            raise TargetError(f"{self.path} cannot be written: {error.strerror}{place}") from error

    def _path(self, key: str) -> str:
        """The file of a key that was checked as a path; no link lies on its way."""
        parts = key.split("/")
        if parts[0] == WORK:
            raise TargetError(f"{key!r} is where a download keeps its own files, and no name for what it writes")
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
        """Make a folder and those that it lies in."""
        if path not in self._known:
            self._make(os.path.dirname(path))
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            self._is_folder(path)

    def _is_folder(self, path: str) -> bool:
        """Whether a folder is there, which is then known; the folder that it lies in is."""
        if not os.path.lexists(path):
            return False
        if os.path.realpath(path) != path:
            raise TargetError(f"{path} is a link, and a download follows none; remove it, or give another DIR")
        if not os.path.isdir(path):
            raise TargetError(f"{path} is a file where a folder must be; remove it, or give another DIR")
        if len(self._known) >= KNOWN_FOLDERS:
            self._known = {self.path}
        self._known.add(path)
        return True


def check_no_download(path: str) -> None:
    """Raise TargetError where a download fills a folder, as far as the system shows that."""
    if sys.platform == "win32":
        return
    try:
        with open(os.path.join(path, WORK, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TargetError(f"{path} is being filled by a download; wait until it ends, or give another target") from None
    except OSError:  # no such file, or no locks
        return
