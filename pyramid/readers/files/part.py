"""A part of a file as a file of its own, such as a stored member of an archive."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import LocalFile, SourceFile
from pyramid.readers.files.raw_array import ByteFile


@dataclass(frozen=True, slots=True)
class PartFile:
    """Bytes of a file from `offset` on.

    Parameters
    ----------
    file
        The whole file.
    offset, size_bytes
        The first byte of the part, and the number of its bytes.
    label
        The name of the part; empty for that of the file.
    """

    file: SourceFile
    offset: int
    size_bytes: int
    label: str = ""

    @property
    def name(self) -> str:
        """The name of the part."""
        return PurePath(self.label).name or self.file.name

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about how the file is read."""
        return self.file.notices

    def __str__(self) -> str:
        """Return the text that a user gives for it."""
        return f"{self.file}::{self.label}" if self.label else str(self.file)

    def fingerprint(self) -> dict[str, Any]:
        """Return that of the file, and the place of the part."""
        return {**self.file.fingerprint(), "part": [self.offset, self.size_bytes]}

    def open(self) -> io.RawIOBase:
        """Open the part to seek and read in."""
        return _Shifted(self.file.open(), self.offset, self.size_bytes)

    @contextmanager
    def reading(self, spans: Iterable[Span], others: Mapping[str, LocalFile] | None = None) -> Iterator[OneFile]:
        """Open the part for a read of `spans`, which are counted from its first byte."""
        del others
        moved = (Span(start + self.offset, stop + self.offset) for start, stop in spans)
        with self.file.reading(moved) as files:
            yield OneFile(_Shifted(files[str(self.file)], self.offset, self.size_bytes))


@dataclass(frozen=True, slots=True)
class OneFile:
    """A single file under whatever name it is asked for."""

    file: ByteFile

    def __getitem__(self, path: str) -> ByteFile:
        """Return the file."""
        return self.file


class _Shifted(io.RawIOBase):
    """A file that begins at a byte of another one, and ends before its end."""

    def __init__(self, file: ByteFile, offset: int, size_bytes: int) -> None:
        super().__init__()
        self._file, self._offset, self._size_bytes = file, offset, size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size_bytes - self._position))
        if not count:
            return 0
        self._file.seek(self._offset + self._position)
        read = self._file.readinto(view[:count]) or 0
        self._position += read
        return read

    def close(self) -> None:
        close = getattr(self._file, "close", None)
        if close is not None and isinstance(self._file, io.IOBase):
            close()
        super().close()
