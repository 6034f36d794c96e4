"""A remote file for readers that seek, with a cache and with reading ahead.

A chain of pages, which may be megabytes apart, is walked three times, first for its checks. So bytes that were read are
kept, within bounds. Blocks are kept, and apart from them the small pieces that were asked for: these hold the tags of
far more pages. If pages follow at equal distances, as uncompressed ones do, the next ones are fetched ahead together.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Fetch, Span
from pyramid.readers.files.prefetch import fetch_all

BLOCK_BYTES = 1 << 14  # the unit of fetching: holds most pages' tags and their values
SEQUENCE_BYTES = 1 << 19  # the most that is read ahead in sequence: it is lost if the reader then seeks
KEPT_BYTES = 1 << 25  # the most that blocks take of a process's memory
STRIDES = 16  # the most pages that are fetched ahead together, as a bound for requests that nobody may need
PIECE_BYTES = range(64, 1025)  # lengths of pieces that are kept: those of the tags of a page
MAX_PIECES = 1 << 14  # that are kept: 16 MiB, as each has at most a kilobyte
VALUE_BYTES = 1 << 28  # the longest value that is read: tags of real images are shorter


class SeekableFile(io.RawIOBase):
    """A file to read whose blocks are fetched when they are first needed.

    Parameters
    ----------
    fetch, size_bytes
        How its bytes are fetched, and its size.
    name
        The name in errors; the part after the last slash is the file's name.
    head
        Its first bytes, if they are known.

    Attributes
    ----------
    failure
        The first error that was raised. Parsers forgive bytes that they cannot read, but an error of the network does
        not mean that the file is damaged.

    Examples
    --------
    >>> data = bytes(100000)
    >>> file = SeekableFile(lambda span: data[span.start : span.stop], len(data), "https://host/a.tif")
    >>> file.seek(-3, 2), len(file.read())
    (99997, 3)
    """

    mode = "rb"

    def __init__(self, fetch: Fetch, size_bytes: int, name: str, head: bytes = b"") -> None:
        super().__init__()
        self.name = name
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._pieces: dict[int, bytes] = {}
        self._piece_starts: list[int] = []
        self._missed = Span(0, len(head))
        self._stride, self._strides = 0, 0
        self._ahead_bytes = BLOCK_BYTES
        self.failure: SourceError | None = None
        if head:
            self._keep(0, head if len(head) == size_bytes else head[: len(head) // BLOCK_BYTES * BLOCK_BYTES])

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the offset of the byte that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte, without fetching anything."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to byte {base + offset}, before the start of the file")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        left = max(0, self._size_bytes - self._position)
        count = left if size < 0 else min(size, left)
        try:
            if count > VALUE_BYTES:
                raise SourceError(f"{self.name} claims {count} bytes for one value, over {VALUE_BYTES}; it is damaged")
            data = self._find_piece(self._position, count)
            if data is None:
                data = b"".join(self._block_parts(Span(self._position, self._position + count)))
                self._keep_piece(self._position, data)
        except SourceError as error:
            self.failure = self.failure or error
            raise
        self._position += count
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        """Fill `buffer`, or as much of it as the file has bytes left."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file and drop the bytes that were kept."""
        self._blocks.clear()
        self._pieces.clear()
        self._piece_starts.clear()
        super().close()

    def _find_piece(self, start: int, count: int) -> bytes | None:
        """Return `count` bytes from a piece that was read before; None if none holds them."""
        index = bisect_right(self._piece_starts, start) - 1
        if index < 0 or count > PIECE_BYTES.stop:
            return None
        first = self._piece_starts[index]
        data = self._pieces[first][start - first : start - first + count]
        return data if len(data) == count else None

    def _keep_piece(self, start: int, data: bytes) -> None:
        """Keep a piece, unless too many are kept or one begins at the same byte."""
        if len(data) in PIECE_BYTES and len(self._piece_starts) < MAX_PIECES and start not in self._pieces:
            self._piece_starts.insert(bisect_right(self._piece_starts, start), start)
            self._pieces[start] = data

    def _block_parts(self, span: Span) -> Iterator[bytes]:
        """Yield the bytes of a span, block by block."""
        if span.start == span.stop:
            return
        for number in range(span.start // BLOCK_BYTES, -(-span.stop // BLOCK_BYTES)):
            first = number * BLOCK_BYTES
            start = max(span.start, first)
            if number not in self._blocks:
                self._miss(start, span.stop)
            self._blocks.move_to_end(number)
            yield self._blocks[number][start - first : span.stop - first]

    def _miss(self, start: int, stop: int) -> None:
        """Fetch at least a block from `start` on, and more if the reads follow a pattern."""
        stride = start - self._missed.start
        follows = self._missed.stop <= start <= self._missed.stop + self._ahead_bytes
        self._ahead_bytes = min(2 * self._ahead_bytes, SEQUENCE_BYTES) if follows else BLOCK_BYTES
        strides = stride == self._stride and stride > SEQUENCE_BYTES
        self._strides = min(2 * self._strides or 2, STRIDES) if strides else 0
        wanted = min(stop - start, KEPT_BYTES // 2)  # the rest of a long value is fetched when it is missed
        spans = [self._cut(start, max(wanted, self._ahead_bytes))]
        spans += [self._cut(start + i * stride, BLOCK_BYTES) for i in range(1, self._strides + 1)]
        spans = [span for span in spans if span.start < span.stop]
        answers = fetch_all(self._fetch, spans)
        # The needed blocks come first in `spans` and are kept last, so that they are dropped last.
        for span, data in zip(reversed(spans), reversed(answers), strict=True):
            self._keep(span.start // BLOCK_BYTES, data)
        last = start + (len(spans) - 1) * stride
        self._missed, self._stride = Span(last, spans[-1].stop), stride

    def _cut(self, start: int, count: int) -> Span:
        """Return the whole blocks around `count` bytes from `start` on, within the file."""
        first = start // BLOCK_BYTES * BLOCK_BYTES
        stop = -(-(start + count) // BLOCK_BYTES) * BLOCK_BYTES
        return Span(first, min(stop, self._size_bytes))

    def _keep(self, first: int, data: bytes) -> None:
        for begin in range(0, len(data), BLOCK_BYTES):
            self._blocks[first + begin // BLOCK_BYTES] = data[begin : begin + BLOCK_BYTES]
        while len(self._blocks) * BLOCK_BYTES > KEPT_BYTES:
            self._blocks.popitem(last=False)
