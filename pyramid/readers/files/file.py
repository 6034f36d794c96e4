"""Where a file of pixels lies: on this machine, or at a URL. Readers know one way to its bytes.

A place is opened where its structure is parsed, and read by spans that are told beforehand. It remembers the file as
it was when it was opened: one that has changed is never taken for it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Protocol

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.raw_array import ByteFile

MOST_OPEN = 64  # an image may lie in thousands of files, and a process may open some hundreds


class Files(Protocol):
    """The files of an image by the path that tifffile knows them by."""

    def __getitem__(self, path: str) -> ByteFile:
        """One of them, open; OSError or SourceError where it is out of reach."""
        ...


class Place(Protocol):
    """A file that is there; hashable, and small to pickle. As text it is its path or URL without anything secret."""

    @property
    def name(self) -> str:
        """The file's own name."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where files beside it may be looked for."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of how it is read."""
        ...

    def open(self) -> io.RawIOBase:
        """The file, to seek and read in; SourceError where it is out of reach or has changed."""
        ...

    def reading(self, spans: Iterable[Span]) -> AbstractContextManager[Files]:
        """The file's bytes, of which `spans` will be read in that order; SourceError as in `open`."""
        ...


@dataclass(slots=True)
class LocalFiles:
    """Files of this machine, each opened when it is first needed and closed with the read."""

    stack: ExitStack = field(default_factory=ExitStack)
    opened: dict[str, io.FileIO] = field(default_factory=dict)

    def __getitem__(self, path: str) -> io.FileIO:
        """An open file."""
        if path not in self.opened:
            if len(self.opened) == MOST_OPEN:
                self.stack.close()
                self.opened.clear()
            # unbuffered: whole runs go from the file to their place
            self.opened[path] = self.stack.enter_context(io.FileIO(path))
        return self.opened[path]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine.

    Parameters
    ----------
    path
        Where.
    size_bytes, changed_ns
        Its size and time of change when it was opened.
    """

    path: str
    size_bytes: int
    changed_ns: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePath(self.path).name

    @property
    def is_local(self) -> bool:
        """It is."""
        return True

    def __str__(self) -> str:
        """The path."""
        return self.path

    @property
    def notices(self) -> tuple[str, ...]:
        """None."""
        return ()

    def open(self) -> io.FileIO:
        """The file, unbuffered."""
        self._check()
        try:
            return io.FileIO(self.path)
        except OSError as error:
            raise SourceError(f"{self} cannot be opened: {error.strerror}; check its permissions") from error

    @contextmanager
    def reading(self, spans: Iterable[Span]) -> Iterator[LocalFiles]:
        """Files that the system reads ahead by itself."""
        del spans
        self._check()
        files = LocalFiles()
        with files.stack:
            yield files

    def _check(self) -> None:
        if local_file(self.path) != self:
            raise SourceError(f"{self} has changed since it was opened; start again")


def local_file(path: str | Path) -> LocalFile:
    """A file of this machine as it is; SourceError where it is out of reach."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}; is its disk mounted here?") from error
    return LocalFile(str(path), found.st_size, found.st_mtime_ns)
