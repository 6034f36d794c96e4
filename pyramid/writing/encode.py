"""Encode pixels into one object: a chunk, or a shard of chunks with its index.

Each chunk is gathered into memory that stays in the processor's cache. It is encoded straight into the memory that it
is written from, so that no pixel is copied twice and no new memory is mapped. The bytes depend only on the pixels: one
thread encodes an object, and a shard's chunks are in C order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.decoding.codecs import crc32c
from pyramid.decoding.n5_block import make_header
from pyramid.decoding.rows import as_rows
from pyramid.decoding.shard import EMPTY
from pyramid.model import Box, Shape
from pyramid.ngff import FORMATS
from pyramid.planning import Encoding, Plan, PlannedLevel
from pyramid.planning.encoding import CRC_BYTES, max_encoded_bytes
from pyramid.writing.codecs import CODECS
from pyramid.writing.write_queue import ObjectInProgress


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """The array of one level.

    Parameters
    ----------
    level
        The level as planned.
    dtype
        NumPy name of the pixels' dtype. Pixels are stored little-endian, in N5 big-endian.
    prefix
        Start of the keys of its objects.
    encoding
        The encoding of its pixels into objects.
    is_n5
        Whether an object is a block of N5: big-endian, with a header, cut at the edge of the level.
    """

    level: PlannedLevel
    dtype: str
    prefix: str
    encoding: Encoding
    is_n5: bool = False

    @property
    def object_grid(self) -> Shape:
        """Number of chunks of an object on each axis."""
        return tuple(n // c for n, c in zip(self.level.object_shape, self.level.chunks, strict=True))

    def key(self, object_index: Shape) -> str:
        """Return the key of an object by its index in the grid of objects."""
        return self.prefix + "/".join(map(str, object_index[::-1] if self.is_n5 else object_index))

    def start(self, object_index: Shape) -> Shape:
        """Return the first pixel of an object."""
        return tuple(i * n for i, n in zip(object_index, self.level.object_shape, strict=True))


def stored_levels(plan: Plan) -> tuple[StoredLevel, ...]:
    """Return the arrays of a plan's levels, as they are stored."""
    version = FORMATS[plan.version]
    keys = "c/" if version.zarr_format == 3 else ""
    return tuple(
        StoredLevel(
            level,
            plan.spec.dtype,
            f"{plan.level_path(number)}/{keys}",
            plan.encoding,
            is_n5=version.zarr_format == "n5",
        )
        for number, level in enumerate(plan.levels)
    )


class ChunkEncoder:
    """Encodes chunks: each whole, contiguous, and of the byte order it is stored in.

    Parameters
    ----------
    encoding
        The encoding.
    item_bytes
        Size of a pixel's value in bytes.
    is_n5
        Whether a chunk is a block of N5.
    """

    def __init__(self, encoding: Encoding, item_bytes: int, *, is_n5: bool = False) -> None:
        self._encode = CODECS[encoding.codec].encoder(encoding, item_bytes)
        self._skip_empty, self._checksum, self._is_n5 = encoding.skip_empty, encoding.checksum, is_n5

    def encode(self, chunk: NDArray[Any], reserve: Callable[[int], memoryview]) -> int:
        """Encode one chunk, and return its size in bytes, 0 if it is left out.

        Parameters
        ----------
        chunk
            The chunk.
        reserve
            Returns memory of a size, which takes the encoded bytes.
        """
        if self._skip_empty and not chunk.reshape(-1).view(np.uint8).any():
            return 0
        header = make_header(chunk.shape) if self._is_n5 else b""
        begin = len(header)
        out = reserve(begin + max_encoded_bytes(chunk.nbytes))
        out[:begin] = header
        size = begin + len(self._encode(chunk, out[begin:] if begin else out))
        if self._checksum:
            out[size : size + CRC_BYTES] = crc32c(out[:size])
            size += CRC_BYTES
        return size


def gather(pixels: NDArray[Any], chunks: Shape, dtype: np.dtype[Any], buffers: Buffers) -> Iterator[NDArray[Any]]:
    """Yield chunks in C order, each in memory that the next overwrites.

    Parameters
    ----------
    pixels
        Whole chunks; they may be strided.
    chunks
        Pixels of a chunk on each axis.
    dtype
        How the chunks are stored.
    buffers
        Source of the memory.
    """
    split = [extent for n, c in zip(pixels.shape, chunks, strict=True) for extent in (n // c, c)]
    tiles = pixels.reshape(split).transpose(*range(0, len(split), 2), *range(1, len(split), 2))
    chunk = buffers.take("chunk", chunks, dtype)
    source, out = as_rows(tiles, chunk)
    for index in itertools.product(*map(range, split[::2])):
        buffers.check_going_on()
        np.copyto(out, source[index], casting="unsafe")
        yield chunk


class ObjectEncoder:
    """Encodes the chunks of one object one after the other.

    Parameters
    ----------
    stored
        The level of the object.
    start
        Its first pixel. Chunks of a shard outside the level are left out.
    destination
        Takes the bytes. It gets none of an object that is left out.
    """

    def __init__(self, stored: StoredLevel, start: Shape, destination: ObjectInProgress) -> None:
        level = stored.level
        inside = [min(u, n - a) for a, u, n in zip(start, level.object_shape, level.shape, strict=True)]
        self._inside = inside
        self._stored = stored
        self._destination = destination
        self._dtype = np.dtype(stored.dtype).newbyteorder(">" if stored.is_n5 else "<")
        self._encode = ChunkEncoder(stored.encoding, self._dtype.itemsize, is_n5=stored.is_n5).encode
        count = math.prod(stored.object_grid)
        self._numbers = np.arange(count).reshape(stored.object_grid)
        self._index = np.full((count, 2), EMPTY, "<u8")
        self._left = math.prod(-(-n // c) for n, c in zip(inside, level.chunks, strict=True))
        self._last = -1
        self._end = 0

    def add(self, first: Shape, pixels: NDArray[Any], buffers: Buffers) -> None:
        """Encode whole chunks.

        Parameters
        ----------
        first
            Place of the first of them, counted in chunks of the object.
        pixels
            Pixels of the chunks, as an array of whole chunks; it may be strided.
        buffers
            Source of the memory that each is gathered in.

        Raises
        ------
        ValueError
            If the chunks do not come in C order.
        """
        stored, destination = self._stored, self._destination
        chunks = stored.level.chunks
        counts = [n // c for n, c in zip(pixels.shape, chunks, strict=True)]
        numbers = self._numbers[Box(first, tuple(counts)).slices].reshape(-1).tolist()
        if numbers[0] <= self._last:
            raise ValueError(f"chunk {numbers[0]} came after chunk {self._last}")
        if stored.is_n5:  # an object is one chunk, and cut at the edge of the level
            chunks = tuple(self._inside)
            pixels = pixels[tuple(map(slice, chunks))]
        for number, chunk in zip(numbers, gather(pixels, chunks, self._dtype, buffers), strict=True):
            size = self._encode(chunk, destination.reserve)
            if size:
                destination.advance(size)
                self._index[number] = self._end, size
                self._end += size
        self._last, self._left = numbers[-1], self._left - len(numbers)

    def finish_part(self) -> bool:
        """End one part of a block, and send the object if it has all its chunks.

        Returns
        -------
        bool
            True if the object was sent.
        """
        if self._left:
            self._destination.suspend()
            return False
        if self._stored.level.shards and self._end:
            index = self._index.tobytes()
            index += crc32c(index)
            self._destination.reserve(len(index))[:] = index
            self._destination.advance(len(index))
        self._destination.flush()
        return True

    @property
    def stored_bytes(self) -> int:
        """Size in bytes of an object that was sent, with the index of a shard."""
        indexed = self._stored.level.shards and self._end
        return self._end + (self._index.nbytes + CRC_BYTES if indexed else 0)

    def discard(self) -> None:
        """Remove everything that was written of the object."""
        self._destination.discard()
