"""A remote file for readers that seek: small answers kept, larger ones where it is read in sequence.

A chain of pages that may be megabytes apart is walked three times, first for its checks. What was read once is kept,
within bounds: blocks, and apart from them the small pieces that were asked for, which are the tags of far more pages.
Where pages lie at one distance, as those that are not compressed do, the next ones are fetched ahead together.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.prefetch import threads

BLOCK_BYTES = 1 << 14  # a page's tags and their values, mostly
SEQUENCE_BYTES = 1 << 19  # the most that is read ahead
KEPT_BYTES = 1 << 25
STRIDES = 16  # pages ahead
PIECE_BYTES = range(64, 1025)  # lengths of pieces that are kept: the tags of a page
MAX_PIECES = 1 << 14
VALUE_BYTES = 1 << 28  # no tag of an image is longer


class SeekableFile(io.RawIOBase):
    """A file to read, of which blocks are fetched when they are first needed.

    Parameters
    ----------
    fetch
        Gives the bytes of a span, all of them or an error; called from several threads at once.
    size_bytes
        Of the file.
    name
        What errors call it; what follows the last slash is the file's name.
    head
        Its first bytes, where they are known.

    Attributes
    ----------
    failure
        The first that was raised: parsers forgive what they cannot read, and a network is not the file.

    Examples
    --------
    >>> data = bytes(100000)
    >>> file = SeekableFile(lambda span: data[span.start : span.stop], len(data), "https://host/a.tif")
    >>> file.seek(-3, 2), len(file.read())
    (99997, 3)
    """

    mode = "rb"

    def __init__(self, fetch: Callable[[Span], bytes], size_bytes: int, name: str, head: bytes = b"") -> None:
        super().__init__()
        self.name = name
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._pieces_at: list[int] = []
        self._kept_pieces: dict[int, bytes] = {}
        self._missed = Span(0, len(head))
        self._stride, self._strides = 0, 0
        self._ahead_bytes = BLOCK_BYTES
        self.failure: SourceError | None = None
        if head:
            self._keep(0, head if len(head) == size_bytes else head[: len(head) // BLOCK_BYTES * BLOCK_BYTES])

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The byte that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte; nothing is fetched."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"there is no byte {base + offset}")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """All of the next `size` bytes that there are."""
        left = max(0, self._size_bytes - self._position)
        count = left if size < 0 else min(size, left)
        try:
            if count > VALUE_BYTES:
                raise SourceError(f"{self.name} claims {count} bytes for one value, over {VALUE_BYTES}; it is damaged")
            data = self._piece(self._position, count)
            if data is None:
                data = b"".join(self._pieces(Span(self._position, self._position + count)))
                self._keep_piece(self._position, data)
        except SourceError as error:
            self.failure = self.failure or error
            raise
        self._position += count
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (whatever has a buffer)
        """Fill `buffer` as far as the file goes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Forget what was kept."""
        self._blocks.clear()
        self._kept_pieces.clear()
        self._pieces_at.clear()
        super().close()

    def _piece(self, start: int, count: int) -> bytes | None:
        """Return `count` bytes from a piece that was read before; None where none holds them."""
        index = bisect_right(self._pieces_at, start) - 1
        if index < 0 or count > PIECE_BYTES.stop:
            return None
        first = self._pieces_at[index]
        data = self._kept_pieces[first][start - first : start - first + count]
        return data if len(data) == count else None

    def _keep_piece(self, start: int, data: bytes) -> None:
        """Keep a piece if there is room, and none begins where it does."""
        if len(data) in PIECE_BYTES and len(self._pieces_at) < MAX_PIECES and start not in self._kept_pieces:
            self._pieces_at.insert(bisect_right(self._pieces_at, start), start)
            self._kept_pieces[start] = data

    def _pieces(self, span: Span) -> Iterator[bytes]:
        """The bytes of a span, block by block."""
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
        """Fetch from `start` on at least a block, and more where reading shows a pattern."""
        stride = start - self._missed.start
        follows = self._missed.stop <= start <= self._missed.stop + self._ahead_bytes
        self._ahead_bytes = min(2 * self._ahead_bytes, SEQUENCE_BYTES) if follows else BLOCK_BYTES
        strides = stride == self._stride and stride > SEQUENCE_BYTES
        self._strides = min(2 * self._strides or 2, STRIDES) if strides else 0
        wanted = min(stop - start, KEPT_BYTES // 2)  # of a long value the rest is missed in its turn
        spans = [self._cut(start, max(wanted, self._ahead_bytes))]
        spans += [self._cut(start + i * stride, BLOCK_BYTES) for i in range(1, self._strides + 1)]
        spans = [span for span in spans if span.start < span.stop]
        answers = map(self._fetch, spans) if len(spans) == 1 else threads(os.getpid()).map(self._fetch, spans)
        for span, data in zip(reversed(spans), reversed(list(answers)), strict=True):  # what is needed comes last
            self._keep(span.start // BLOCK_BYTES, data)
        last = start + (len(spans) - 1) * stride
        self._missed, self._stride = Span(last, spans[-1].stop), stride

    def _cut(self, start: int, count: int) -> Span:
        """Whole blocks that hold `count` bytes from `start` on, as far as the file goes."""
        first = start // BLOCK_BYTES * BLOCK_BYTES
        stop = -(-(start + count) // BLOCK_BYTES) * BLOCK_BYTES
        return Span(first, min(stop, self._size_bytes))

    def _keep(self, first: int, data: bytes) -> None:
        for begin in range(0, len(data), BLOCK_BYTES):
            self._blocks[first + begin // BLOCK_BYTES] = data[begin : begin + BLOCK_BYTES]
        while len(self._blocks) * BLOCK_BYTES > KEPT_BYTES:
            self._blocks.popitem(last=False)
