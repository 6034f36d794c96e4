"""Encode pixels into one object: a chunk, or a shard of chunks with its index.

Each chunk is gathered into memory that stays in the processor's cache. It is encoded straight into the memory that it
is written from, so that no pixel is copied twice and no new memory is mapped. The bytes depend only on the pixels: one
thread encodes an object, and a shard's chunks are in C order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.decoding.codecs import crc32c
from pyramid.decoding.n5_block import make_header
from pyramid.decoding.rows import copy_rows
from pyramid.decoding.shard import EMPTY
from pyramid.model import Shape
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


def encode_chunk(
    pixels: NDArray[Any],
    encoding: Encoding,
    buffers: Buffers,
    reserve: Callable[[int], memoryview],
    *,
    is_n5: bool = False,
) -> int:
    """Encode one chunk, and return its size in bytes, 0 if it is left out.

    Parameters
    ----------
    pixels
        The whole chunk; it may be strided.
    encoding
        The encoding.
    buffers
        Source of the memory that the chunk is gathered in.
    reserve
        Returns memory of a size, which takes the encoded bytes.
    is_n5
        Whether it is a block of N5.
    """
    chunk = buffers.take("chunk", pixels.shape, pixels.dtype.newbyteorder(">" if is_n5 else "<"))
    copy_rows(pixels, chunk)
    if encoding.skip_empty and not chunk.reshape(-1).view(np.uint8).any():
        return 0
    header = make_header(chunk.shape) if is_n5 else b""
    out = reserve(len(header) + max_encoded_bytes(chunk.nbytes))
    out[: len(header)] = header
    size = len(header) + len(CODECS[encoding.codec].encode(chunk, out[len(header) :], encoding))
    if encoding.checksum:
        out[size : size + CRC_BYTES] = crc32c(out[:size])
        size += CRC_BYTES
    return size


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
        self._grid = stored.object_grid
        self._index = np.full((math.prod(self._grid), 2), EMPTY, "<u8")
        self._left = math.prod(-(-n // c) for n, c in zip(inside, level.chunks, strict=True))
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
        is_n5 = self._stored.is_n5
        pixels = pixels[tuple(map(slice, self._inside))] if is_n5 else pixels
        size = encode_chunk(pixels, self._stored.encoding, buffers, self._destination.reserve, is_n5=is_n5)
        if size:
            self._destination.advance(size)
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
