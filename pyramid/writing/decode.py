"""Read a region of a level that `pyramid.writing.encode` has written.

Of a shard, only the index and the chunks that the region touches are read. Chunks that follow each other in the shard
are read together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import StorageError
from pyramid.model import Box, Shape
from pyramid.planning.encoding import CRC_BYTES, INDEX_ENTRY_BYTES
from pyramid.planning.passes import GATHERED_BYTES, READS_BACK
from pyramid.writing.codecs import CODECS, crc32c
from pyramid.writing.encode import EMPTY, StoredLevel

if TYPE_CHECKING:
    from pyramid.stores.objects import Objects, RangeReader

# Requests of one region at once where each may fetch a whole shard: few, since shards fill the memory.
WHOLE_REQUESTS = 4


def decode_chunk(data: bytes | memoryview, stored: StoredLevel) -> NDArray[Any]:
    """Return the pixels of an encoded chunk.

    Returns
    -------
    ndarray
        Of the level's chunk shape, little-endian.

    Raises
    ------
    ValueError
        If the checksum is wrong, or the data decodes to another size. Codecs raise their own errors.
    """
    if stored.encoding.checksum:
        data, checksum = data[:-CRC_BYTES], data[-CRC_BYTES:]
        if crc32c(data) != checksum:
            raise ValueError("its crc32c is wrong")
    dtype = np.dtype(stored.dtype).newbyteorder("<")
    out = np.empty(math.prod(stored.level.chunks) * dtype.itemsize, np.uint8)
    decoded = CODECS[stored.encoding.codec].decode(data, out)
    if len(decoded) != out.size:
        raise ValueError(f"it decodes to {len(decoded)} bytes instead of {out.size}")
    return out.view(dtype).reshape(stored.level.chunks)


@dataclass(frozen=True)
class LevelReader:
    """Reads regions of one level.

    Parameters
    ----------
    objects
        The target.
    parts
        Reads parts of shards.
    stored
        Array of the level.
    """

    objects: Objects
    parts: RangeReader
    stored: StoredLevel

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out`, of the box's shape and the level's dtype, with the pixels of `box`.

        Raises
        ------
        StorageError
            If a required object is missing, or the storage fails.
        ValueError
            If an object is damaged.
        """
        most = READS_BACK if self.parts is self.objects else WHOLE_REQUESTS
        most = 1 if self.objects.location.is_local else most
        objects = list(box.grid_positions(self.stored.level.object_shape))
        if not self.stored.level.shards:
            for _ in map_concurrently(lambda index: self._read_chunk(index, box, out), objects, most):
                pass
            return
        runs = (
            run for found in map_concurrently(lambda index: self._find_runs(index, box), objects, most) for run in found
        )
        for _ in map_concurrently(lambda run: self._read_run(run, box, out), runs, most):
            pass

    def _object_box(self, object_index: Shape) -> Box:
        return Box(self.stored.start(object_index), self.stored.level.object_shape)

    def _read_chunk(self, object_index: Shape, box: Box, out: NDArray[Any]) -> None:
        """Read an object that is a single chunk."""
        key = self.stored.key(object_index)
        body = self.objects.get(key)
        if body is None:
            self._check_may_lack(key)
        self._put(body, key, self._object_box(object_index), (box, out))

    def _find_runs(self, object_index: Shape, box: Box) -> list[_Run]:
        """Return the runs of chunks to read from a shard, found in its index."""
        key, chunks = self.stored.key(object_index), self.stored.level.chunks
        grid, shard = self.stored.object_grid, self._object_box(object_index)
        wanted = []
        index = self._read_index(key, math.prod(grid))
        for chunk in box.intersection(shard).grid_positions(chunks):
            at = tuple(i * c for i, c in zip(chunk, chunks, strict=True))
            number = np.ravel_multi_index([(a - b) // c for a, b, c in zip(at, shard.start, chunks, strict=True)], grid)
            offset, size = (int(EMPTY), 0) if index is None else map(int, index[int(number)])
            if offset == EMPTY:
                self._check_may_lack(f"{key}, chunk {number}" if index is not None else key)
            wanted.append(_Chunk(offset, size, at))
        return list(_gather_runs(key, wanted))

    def _read_index(self, key: str, count: int) -> NDArray[np.uint64] | None:
        """Return offset and size of each chunk of a shard, or None if it is missing.

        Raises
        ------
        ValueError
            If the index is damaged.
        """
        size = count * INDEX_ENTRY_BYTES + CRC_BYTES
        body = self.parts.get_tail(key, size)
        if body is None:
            return None
        if len(body) != size or crc32c(body[:-CRC_BYTES]) != body[-CRC_BYTES:]:
            raise ValueError(f"the index of {key} is damaged")
        return np.frombuffer(body[:-CRC_BYTES], "<u8").reshape(count, 2)

    def _read_run(self, run: _Run, box: Box, out: NDArray[Any]) -> None:
        """Read chunks of a shard that follow each other."""
        first, last = run.chunks[0], run.chunks[-1]
        body = None
        if first.offset != EMPTY:
            body = memoryview(self.parts.get_range(run.key, first.offset, last.offset + last.size_bytes))
        for chunk in run.chunks:
            begin = chunk.offset - first.offset
            data = None if body is None else body[begin : begin + chunk.size_bytes]
            self._put(data, run.key, Box(chunk.start, self.stored.level.chunks), (box, out))

    def _put(self, data: bytes | memoryview | None, key: str, chunk: Box, target: tuple[Box, NDArray[Any]]) -> None:
        """Decode a chunk, and copy its part of the region.

        A missing chunk is filled with the fill value.
        """
        box, out = target
        shared = box.intersection(chunk)
        view = out[_within(shared, box)]
        if data is None:
            view[...] = 0
            return
        try:
            view[...] = decode_chunk(data, self.stored)[_within(shared, chunk)]
        except Exception as error:  # each codec raises its own exceptions
            raise ValueError(f"{key}: the chunk at {chunk.start} is damaged: {error}") from error

    def _check_may_lack(self, what: str) -> None:
        """Raise StorageError for a missing object, unless empty ones were left out."""
        if not self.stored.encoding.skip_empty:
            raise StorageError(f"{self.objects.location}/{what} was written and is now missing", permanent=True)


class _Chunk(NamedTuple):
    """A chunk of a shard: its bytes in the shard, and its first pixel in the level."""

    offset: int
    size_bytes: int
    start: Shape


class _Run(NamedTuple):
    """Chunks of one shard that are read with one request."""

    key: str
    chunks: list[_Chunk]


def _gather_runs(key: str, chunks: Iterable[_Chunk]) -> Iterator[_Run]:
    """Yield runs of chunks that follow each other in a shard, up to a size."""
    run: list[_Chunk] = []
    for chunk in sorted(chunks):
        if run:
            first, last = run[0], run[-1]
            follows = last.offset == chunk.offset == EMPTY or last.offset + last.size_bytes == chunk.offset
            if not follows or chunk.offset + chunk.size_bytes - first.offset > GATHERED_BYTES:
                yield _Run(key, run)
                run = []
        run.append(chunk)
    if run:
        yield _Run(key, run)


def _within(box: Box, holder: Box) -> tuple[slice, ...]:
    """Return the index of `box` in an array that holds `holder`."""
    return Box(tuple(a - b for a, b in zip(box.start, holder.start, strict=True)), box.shape).slices
