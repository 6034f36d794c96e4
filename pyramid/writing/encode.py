"""Encode pixels into one object: a chunk, or a shard of chunks with its index.

Each chunk is gathered into memory that stays in the processor's cache. It is encoded straight into the memory that it
is written from, so that no pixel is copied twice and no new memory is mapped. The bytes depend only on the pixels: one
thread encodes an object, and a shard's chunks are in C order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import google_crc32c
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.model import Shape
from pyramid.options.convert import Options
from pyramid.planning import Level
from pyramid.writing.codecs import chosen_shuffle
from pyramid.writing.write_queue import ObjectInProgress

# Bounds of how much larger than its input a codec's output can be: fixed bytes, and one byte for each so many of input.
# gzip, the worst, adds a header and 5 bytes to each 16 KiB.
_OVERHEAD_BYTES, _OVERHEAD_SHARE = 1024, 1024
# Offset and size of a chunk that is left out, in a shard's index, as Zarr specifies.
EMPTY = np.uint64(2**64 - 1)
# Size of a crc32c checksum.
CRC_BYTES = 4

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views
Encoder: TypeAlias = Callable[[NDArray[Any], memoryview, "Encoding"], int]


def _blosc(name: str) -> Encoder:
    kinds = {"none": "noshuffle", "byte": "shuffle", "bit": "bitshuffle"}

    def encode(chunk: NDArray[Any], out: memoryview, encoding: Encoding) -> int:
        packed = _imagecodecs.blosc_encode(
            chunk,
            level=encoding.level,
            compressor=name,
            shuffle=kinds[encoding.shuffle],
            typesize=chunk.itemsize,
            numthreads=1,
            out=out,
        )
        return len(packed)

    return encode


def _zstd(chunk: NDArray[Any], out: memoryview, encoding: Encoding) -> int:
    return len(_imagecodecs.zstd_encode(chunk, level=encoding.level, out=out))


def _gzip(chunk: NDArray[Any], out: memoryview, encoding: Encoding) -> int:
    return len(_imagecodecs.gzip_encode(chunk, level=encoding.level, out=out))


def _plain(chunk: NDArray[Any], out: memoryview, _encoding: Encoding) -> int:
    out[: chunk.nbytes] = chunk.reshape(-1).view(np.uint8).data
    return chunk.nbytes


_ENCODERS: Mapping[str, Encoder] = {
    "blosc:lz4": _blosc("lz4"),
    "blosc:zstd": _blosc("zstd"),
    "zstd": _zstd,
    "gzip": _gzip,
    "none": _plain,
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of one level's pixels into objects.

    Parameters
    ----------
    codec, level, shuffle
        As in `pyramid.writing.codecs`, with a shuffle other than ``auto``.
    checksum
        True if each chunk ends with its crc32c.
    dtype
        NumPy name of the pixels' dtype. Pixels are stored little-endian.
    chunks
        Chunk shape.
    sharded
        True if an object is a shard.
    skip_empty
        True if chunks and shards that hold only zero bytes are left out.
    """

    codec: str
    level: int
    shuffle: str
    checksum: bool
    dtype: str
    chunks: Shape
    sharded: bool
    skip_empty: bool

    @property
    def max_chunk_bytes(self) -> int:
        """Size in bytes that no encoded chunk exceeds."""
        plain = math.prod(self.chunks) * np.dtype(self.dtype).itemsize
        return plain + plain // _OVERHEAD_SHARE + _OVERHEAD_BYTES

    def max_bytes(self, object_shape: Shape) -> tuple[int, int]:
        """Return the largest sizes of an object of a shape, and of a piece of it."""
        chunks = math.prod(n // c for n, c in zip(object_shape, self.chunks, strict=True))
        index_bytes = chunks * 16 + CRC_BYTES if self.sharded else 0
        return chunks * self.max_chunk_bytes + index_bytes, max(self.max_chunk_bytes, index_bytes)

    def encode_chunk(self, pixels: NDArray[Any], buffers: Buffers, destination: ObjectInProgress) -> int:
        """Encode one chunk, and return its size in bytes, 0 if it is left out.

        Parameters
        ----------
        pixels
            The whole chunk; it may be strided.
        buffers
            Source of the memory that the chunk is gathered in.
        destination
            Takes the encoded bytes.
        """
        chunk = buffers.take("chunk", self.chunks, np.dtype(self.dtype).newbyteorder("<"))
        _gather(pixels, chunk)
        if self.skip_empty and not chunk.reshape(-1).view(np.uint8).any():
            return 0
        out = destination.reserve(self.max_chunk_bytes)
        size = _ENCODERS[self.codec](chunk, out, self)
        if self.checksum:
            out[size : size + CRC_BYTES] = crc32c(out[:size])
            size += CRC_BYTES
        destination.advance(size)
        return size


def make_encoding(level: Level, dtype: str, options: Options) -> Encoding:
    """Return the encoding of a planned level's pixels.

    Parameters
    ----------
    level
        The level, with its chunks and shards.
    dtype
        NumPy name of the pixels' dtype.
    options
        Only those of the codec, and ``skip_empty``, are used.
    """
    return Encoding(
        codec=options.codec,
        level=options.codec_level,
        shuffle=chosen_shuffle(options, np.dtype(dtype).itemsize),
        checksum=options.checksum,
        dtype=dtype,
        chunks=level.chunks,
        sharded=level.shards is not None,
        skip_empty=options.skip_empty,
    )


class ObjectEncoder:
    """Encodes the chunks of one object one after the other.

    Parameters
    ----------
    encoding
        The encoding of pixels into bytes.
    object_shape
        Shape of the object in pixels.
    inside_shape
        Shape of its part inside the level. Chunks of a shard outside the level are left out.
    destination
        Takes the bytes. It gets none of an object that is left out.
    """

    def __init__(
        self, encoding: Encoding, object_shape: Shape, inside_shape: Shape, destination: ObjectInProgress
    ) -> None:
        self._encoding = encoding
        self._destination = destination
        self._grid = tuple(n // c for n, c in zip(object_shape, encoding.chunks, strict=True))
        self._index = np.full((math.prod(self._grid), 2), EMPTY, "<u8")
        self._left = math.prod(-(-n // c) for n, c in zip(inside_shape, encoding.chunks, strict=True))
        self._last = -1
        self._end = 0

    def add(self, chunk_index: Shape, pixels: NDArray[Any], buffers: Buffers) -> None:
        """Encode the chunk at `chunk_index`, counted in chunks of the object.

        Raises
        ------
        ValueError
            If the chunks do not come in C order.
        """
        number = int(np.ravel_multi_index(chunk_index, self._grid))
        if number <= self._last:
            raise ValueError(f"chunk {number} came after chunk {self._last}")
        size = self._encoding.encode_chunk(pixels, buffers, self._destination)
        if size:
            self._index[number] = self._end, size
        self._last, self._end, self._left = number, self._end + size, self._left - 1

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
        if self._encoding.sharded and self._end:
            index = self._index.tobytes()
            index += crc32c(index)
            self._destination.reserve(len(index))[:] = index
            self._destination.advance(len(index))
        self._destination.flush()
        return True

    def discard(self) -> None:
        """Remove everything that was written of the object."""
        self._destination.discard()


def _gather(pixels: NDArray[Any], chunk: NDArray[Any]) -> None:
    """Copy pixels into a chunk.

    If no bytes have to be swapped, each row is copied as one item, which is up to five times faster.
    """
    if pixels.dtype == chunk.dtype:
        row = np.dtype((np.void, chunk.shape[-1] * chunk.itemsize))
        pixels, chunk = pixels.view(row), chunk.view(row)
    np.copyto(chunk, pixels)


def crc32c(data: memoryview | bytes) -> bytes:
    """Return the checksum at the end of a chunk or an index."""
    return int(google_crc32c.value(bytes(data))).to_bytes(CRC_BYTES, "little")
