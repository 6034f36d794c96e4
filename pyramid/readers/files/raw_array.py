"""Regions of an array that a file stores in C order, without compression.

They need no decoder, and are copied only if the region or the byte order requires it. Each read opens the file for
itself. So threads need no lock, nothing stays open between reads, and nothing has to be sent to another process. For a
remote file, the bytes that a read will need are announced first (`flat_spans`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Shape
from pyramid.readers.files.byte_ranges import Span

# Size of the scratch buffer for whole rows: it fits a core's cache, so that picking pixels out of it is fast.
SLAB_BYTES = 1 << 20
# A long row is read whole if the box takes at least one part in this many: reading is faster than many calls.
DENSE = 8
# A row up to this length is always read whole: another call would cost more than the bytes.
SHORT_BYTES = 1 << 16


class _Scratch(threading.local):
    """A scratch buffer for each thread.

    It is kept, as the page faults of a new buffer cost more time than the reading.
    """

    def __init__(self) -> None:
        self.buffer = np.empty(SLAB_BYTES, np.uint8)


_scratch = _Scratch()


class ByteFile(Protocol):
    """A file that one thread reads: `io.FileIO`, or one at a URL."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a byte, counted as `os.lseek` counts."""
        ...

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer or its first part, and return how much; 0 at the end."""
        ...


def read_exactly(file: ByteFile, offset: int, buffer: NDArray[np.uint8]) -> None:
    """Fill `buffer` from byte `offset` on; raise EOFError if the file ends before."""
    file.seek(offset)
    rest = memoryview(buffer.data)
    while rest:
        count = file.readinto(rest)
        if not count:
            end = offset + len(buffer) - len(rest)
            raise EOFError(f"bytes {offset} to {offset + len(buffer)} are needed, but the file ends at {end}")
        rest = rest[count:]


@dataclass(frozen=True, slots=True)
class FlatArray:
    """An array in C order in a file.

    Parameters
    ----------
    offset
        Its first byte in the file.
    shape
        Its shape.
    dtype
        Its dtype, with the byte order of the file.
    """

    offset: int
    shape: Shape
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes from one index of the first dimension to the next."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def row(self, index: int) -> FlatArray:
        """Return the array at an index of the first dimension."""
        return FlatArray(self.offset + index * self.row_bytes, self.shape[1:], self.dtype)


def read_flat(file: ByteFile, array: FlatArray, start: Shape, out: NDArray[Any]) -> None:
    """Fill `out` with the region of `array` at `start`.

    Parameters
    ----------
    file
        An open, unbuffered file that no other thread reads.
    array
        The whole array in that file.
    start
        First pixel of the region on each dimension; its extent is the shape of `out`.
    out
        Memory to fill, of the same dtype in native byte order; it may be strided.

    Raises
    ------
    EOFError
        If the file ends before the region does.
    """
    if _is_run(array, out):
        offset, run = array.offset + start[0] * array.row_bytes, out.reshape(-1)
        if array.dtype.isnative:
            read_exactly(file, offset, run.view(np.uint8))
        else:  # bytes are swapped while they are in the cache
            _read_slabs(file, FlatArray(offset, run.shape, array.dtype), (0,), run)
    elif _is_dense(array, out):
        _read_slabs(file, array, start, out)
    else:
        for index, row in enumerate(out, start[0]):
            read_flat(file, array.row(index), start[1:], row)


def flat_spans(array: FlatArray, start: Shape, out: NDArray[Any]) -> Iterator[Span]:
    """Yield the spans that `read_flat` reads, in its order; `out` is not filled."""
    if _is_run(array, out) or _is_dense(array, out):
        offset = array.offset + start[0] * array.row_bytes
        yield Span(offset, offset + len(out) * array.row_bytes)
    else:
        for index, row in enumerate(out, start[0]):
            yield from flat_spans(array.row(index), start[1:], row)


def _is_run(array: FlatArray, out: NDArray[Any]) -> bool:
    """Return whether the region is one piece, in the file and in memory."""
    return out.flags.c_contiguous and out.shape[1:] == array.shape[1:]


def _is_dense(array: FlatArray, out: NDArray[Any]) -> bool:
    """Return whether reading whole rows costs less than skipping parts of them."""
    # What is wanted of each plane follows each other, so that one call reads only that.
    one_piece = len(array.shape) > 2 and out.shape[2:] == array.shape[2:]
    most = 1 if one_piece else DENSE
    dense = array.row_bytes <= SHORT_BYTES or math.prod(array.shape[1:]) <= most * math.prod(out.shape[1:])
    return len(array.shape) == 1 or (array.row_bytes <= SLAB_BYTES and dense)


def _read_slabs(file: ByteFile, array: FlatArray, start: Shape, out: NDArray[Any]) -> None:
    """Fill `out` from whole rows, as many at a time as the scratch buffer holds."""
    rows = SLAB_BYTES // array.row_bytes
    inner = tuple(slice(a, a + n) for a, n in zip(start[1:], out.shape[1:], strict=True))
    for first in range(0, out.shape[0], rows):
        count = min(rows, out.shape[0] - first)
        slab = _scratch.buffer[: count * array.row_bytes]
        read_exactly(file, array.offset + (start[0] + first) * array.row_bytes, slab)
        out[first : first + count] = slab.view(array.dtype).reshape(count, *array.shape[1:])[(slice(None), *inner)]
