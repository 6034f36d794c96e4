"""Files that are compressed as a whole, and so cannot be read by region.

Each process that reads pixels unpacks the file once, into a temporary file without a name. To read a header, only the
beginning is unpacked.
"""

from __future__ import annotations

import bz2
import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, LocalFile, SourceFile
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.files.part import OneFile

MAX_COPIES = 4  # kept in a process: a bound for the disk, as each is a whole file
PIECE_BYTES = 1 << 20  # unpacked at a time


_MAKERS: Mapping[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(-15),  # without a header, as in zip archives
    "bzip2": bz2.BZ2Decompressor,
}


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """The content of a compressed file.

    Parameters
    ----------
    file
        The compressed file.
    method
        ``"gzip"``, ``"deflate"`` or ``"bzip2"``.
    size_bytes
        Bytes of the content that are needed; no more than these are ever unpacked to disk.
    crc32
        The checksum of these bytes; None if it is not known apart from the compressed data.
    """

    file: SourceFile
    method: str
    size_bytes: int = 0
    crc32: int | None = None

    @property
    def name(self) -> str:
        """The name of the compressed file."""
        return self.file.name

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence that the file is unpacked."""
        return (
            *self.file.notices,
            f"{self.file} is compressed as a whole: each process that reads it unpacks it once, to a temporary file",
        )

    def __str__(self) -> str:
        """Return the name of the compressed file."""
        return str(self.file)

    def fingerprint(self) -> dict[str, Any]:
        """Return that of the compressed file."""
        return self.file.fingerprint()

    def open(self) -> io.RawIOBase:
        """Open the content to read forwards, or from its start again."""
        return _Unpacking(self.file, self.method)

    @contextmanager
    def reading(self, spans: Iterable[Span], others: Mapping[str, LocalFile] | None = None) -> Iterator[OneFile]:
        """Open the content for a read, from the copy of this process."""
        del spans, others
        self.file.open().close()  # raises if the file has changed
        yield OneFile(_CopyReader(_copies.find(self, lambda: _Copy(self))))


class _Unpacking(io.RawIOBase):
    """The content of a compressed file, from its start on."""

    def __init__(self, file: SourceFile, method: str) -> None:
        super().__init__()
        self._name = str(file)
        self._make = _MAKERS[method]
        self._stream = file.open()
        self._restart()

    def _restart(self) -> None:
        self._stream.seek(0)
        self._decompressor: Any = self._make()
        self._packed, self._position = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_END or (whence == os.SEEK_CUR and offset < 0):
            raise OSError("the size of compressed content is not known")
        target = offset + (self._position if whence == os.SEEK_CUR else 0)
        if target < self._position:
            self._restart()
        while self._position < target and self.read(min(PIECE_BYTES, target - self._position)):
            pass
        return self._position

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        view = memoryview(buffer).cast("B")
        data = self._unpack(len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _unpack(self, most: int) -> bytes:
        """Return the next bytes, at most `most`; none at the end."""
        try:
            while most:
                if self._decompressor.eof:  # another member may follow, as of files that were joined
                    self._packed = self._decompressor.unused_data or self._next_piece()
                    if not self._packed.strip(b"\0"):
                        return b""
                    self._decompressor = self._make()
                data: bytes = self._decompressor.decompress(self._packed, most)
                self._packed = getattr(self._decompressor, "unconsumed_tail", b"")
                if data:
                    return data
                if self._decompressor.eof:
                    continue
                if not self._packed:
                    self._packed = self._next_piece()
                    if not self._packed:
                        raise SourceError(f"{self._name} ends within its compressed data; {CUT_OFF}")
        except (zlib.error, OSError, EOFError, ValueError) as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"{self._name} cannot be unpacked: {error}; {CUT_OFF}") from error
        return b""

    def _next_piece(self) -> bytes:
        return self._stream.read(PIECE_BYTES // 4) or b""

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Copy:
    """The content of a compressed file in a temporary file."""

    def __init__(self, file: UnpackedFile) -> None:
        folder = tempfile.gettempdir()
        if shutil.disk_usage(folder).free < file.size_bytes:
            raise SourceError(
                f"{file} is compressed as a whole, and {folder} has no room for its {file.size_bytes} bytes; set "
                "TMPDIR to a folder with more, or save it without compression"
            )
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="pyramid-")  # noqa: SIM115  (closed with the copy)
        left, checksum = file.size_bytes, 0
        with file.open() as stream:
            while left and (piece := stream.read(min(left, PIECE_BYTES))):
                self.file.write(piece)
                left -= len(piece)
                checksum = zlib.crc32(piece, checksum)
            stream.read(1)  # past the last byte, where gzip and bzip2 have their checksum
        self.file.flush()
        if not left and file.crc32 not in (None, checksum):
            raise SourceError(f"{file} is damaged: its checksum is wrong; copy it again from where it came from")
        if left:
            raise SourceError(f"{file} holds {file.size_bytes - left} bytes instead of {file.size_bytes}; {CUT_OFF}")

    def __del__(self) -> None:  # not closed earlier: a thread may still read a copy after it is dropped
        if hasattr(self, "file"):
            self.file.close()


class _CopyReader:
    """A position in a copy, for one thread."""

    def __init__(self, copy: _Copy) -> None:
        self._copy = copy
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._position = offset + (os.fstat(self._copy.file.fileno()).st_size if whence == os.SEEK_END else 0)
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:
        count = os.preadv(self._copy.file.fileno(), [buffer], self._position)
        self._position += count
        return count


_copies: LastUsed[UnpackedFile, _Copy] = LastUsed(MAX_COPIES)
