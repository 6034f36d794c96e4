"""Files of pixels, on this machine or at a URL, with one interface for readers.

A `SourceFile` is opened to parse a file's structure, and is read by spans that are announced beforehand. It remembers
the file as it was when it was opened, and refuses one that has changed since.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, ClassVar, Protocol

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.raw_array import ByteFile
from pyramid.readers.fingerprint import END_BYTES, digest

# The ends of errors about damage, with the remedy that is left.
DAMAGED = "the file is damaged: copy it again from where it came from"
CUT_OFF = "it is cut off or damaged: copy it again from where it came from"

# The most files that a read holds open: an image may have thousands, and a process may open only some hundreds.
MAX_OPEN = 64


class Files(Protocol):
    """The files of an image, by the path under which tifffile has them."""

    def __getitem__(self, path: str) -> ByteFile:
        """Return an open file; raise OSError or SourceError if it is out of reach."""
        ...


class SourceFile(Protocol):
    """A file that exists; hashable, and small to pickle.

    Its text is its path or URL, without secrets.
    """

    def fingerprint(self) -> dict[str, Any]:
        """Return its size, time or tag, and a digest of its ends."""
        ...

    @property
    def name(self) -> str:
        """The file's own name."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user about how the file is read."""
        ...

    def open(self) -> io.RawIOBase:
        """Open the file to seek and read in.

        Raises
        ------
        SourceError
            If the file is out of reach or has changed.
        """
        ...

    def reading(
        self, spans: Iterable[Span], others: Mapping[str, LocalFile] | None = None
    ) -> AbstractContextManager[Files]:
        """Open the files for a read of `spans`, in that order.

        `others` are the further files of the image, as they were when it was opened.

        Raises
        ------
        SourceError
            If the file is out of reach or has changed.
        """
        ...


@dataclass(slots=True)
class LocalFiles:
    """Files of this machine, each opened at its first use and closed with the read.

    Those that are `known` must be as they were.
    """

    known: Mapping[str, LocalFile] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)
    opened: dict[str, io.FileIO] = field(default_factory=dict)

    def __getitem__(self, path: str) -> io.FileIO:
        """Return the file at `path`, open."""
        if path not in self.opened:
            if path in self.known and local_file(path) != self.known[path]:
                raise has_changed(path)
            if len(self.opened) == MAX_OPEN:
                self.stack.close()
                self.opened.clear()
            # unbuffered: whole runs go straight into the caller's memory
            self.opened[path] = self.stack.enter_context(io.FileIO(path))
        return self.opened[path]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine.

    Parameters
    ----------
    path
        The file's path.
    size_bytes, changed_ns
        Its size and time of change (nanoseconds) when it was opened.
    """

    path: str
    size_bytes: int
    changed_ns: int
    notices: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePath(self.path).name

    def __str__(self) -> str:
        """Return the path."""
        return self.path

    def fingerprint(self) -> dict[str, Any]:
        """Return its size, its time of change, and a digest of its first and last bytes."""
        with self.open() as file:
            ends = [file.read(END_BYTES)]
            file.seek(max(0, self.size_bytes - END_BYTES))
            ends.append(file.read(END_BYTES))
        return {"bytes": self.size_bytes, "changed_ns": self.changed_ns, "ends": digest(ends)}

    def open(self) -> io.FileIO:
        """Open the file, unbuffered."""
        self._check()
        try:
            return io.FileIO(self.path)
        except OSError as error:
            raise SourceError(f"{self} cannot be opened: {error.strerror}; check its permissions") from error

    @contextmanager
    def reading(self, spans: Iterable[Span], others: Mapping[str, LocalFile] | None = None) -> Iterator[LocalFiles]:
        """Open the files for a read; the system reads ahead by itself."""
        del spans
        self._check()
        files = LocalFiles(others or {})
        with files.stack:
            yield files

    def _check(self) -> None:
        if local_file(self.path) != self:
            raise has_changed(self)


def has_changed(file: object) -> SourceError:
    """Return the error for a file that is not the one that was opened."""
    return SourceError(f"{file} has changed since it was opened; start again")


def local_file(path: str | Path) -> LocalFile:
    """Return a file of this machine, as it is now.

    Raises
    ------
    SourceError
        If the file is out of reach.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}; check the path, and that its disk is mounted"
        ) from error
    return LocalFile(str(path), found.st_size, found.st_mtime_ns)
