"""Read regions of a stored array.

Of a shard, only the index and the chunks that the region touches are read. Chunks that follow each other in the shard
are read together.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.decoding.codecs import DecodeError, decode_into, without_crc32c
from pyramid.decoding.n5_block import decode_block
from pyramid.decoding.pictures import most_encoded_bytes
from pyramid.decoding.rows import copy_rows
from pyramid.decoding.shard import EMPTY, Chunk, Run, find_chunk, gather_runs, read_index
from pyramid.decoding.stored import StoredArray
from pyramid.errors import StorageError
from pyramid.model import Box, Shape
from pyramid.planning.passes import READS_BACK
from pyramid.stores.objects import Fingerprint, RangeReader

if TYPE_CHECKING:
    from pyramid.stores.location import Location

# Requests of one region at once where each may fetch a whole shard: few, since shards fill the memory.
WHOLE_REQUESTS = 4
# Largest decoded chunk whose memory a thread keeps for the next.
_MAX_KEPT_BYTES = 64 * 2**20

_kept = threading.local()


class Fetcher(RangeReader, Protocol):
    """Gives objects and parts of them by key, as `Objects` and `Readable` do."""

    @property
    def location(self) -> Location:
        """Location of the objects."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object, or None if it is missing."""
        ...

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and tag of an object, or None if it is missing."""
        ...


@dataclass(frozen=True)
class ArrayReader:
    """Reads regions of one array, from any thread.

    Parameters
    ----------
    objects
        The store.
    parts
        Reads parts of shards.
    stored
        How the array is stored.
    may_lack
        Whether objects may be missing, whose pixels are then the fill value.
    """

    objects: Fetcher
    parts: RangeReader
    stored: StoredArray
    may_lack: bool = True

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out`, of the box's shape, with the pixels of `box`.

        Raises
        ------
        StorageError
            If a required object is missing, or the storage fails.
        DecodeError
            If an object is damaged; the error names its key.
        """
        most = READS_BACK if self.parts is self.objects else WHOLE_REQUESTS
        most = 1 if self.objects.location.is_local else most
        objects = list(box.grid_positions(self.stored.object_shape))
        if not self.stored.shards:
            for _ in map_concurrently(lambda index: self._read_chunk(index, box, out), objects, most):
                pass
            return
        runs = (
            run for found in map_concurrently(lambda index: self._find_runs(index, box), objects, most) for run in found
        )
        for _ in map_concurrently(lambda run: self._read_run(run, box, out), runs, most):
            pass

    def fingerprint(self) -> dict[str, Any]:
        """Return the storage, and size and tag of the first and the last object."""
        stored = self.stored
        last = tuple((n - 1) // edge for n, edge in zip(stored.shape, stored.object_shape, strict=True))
        ends = [self.objects.fingerprint(stored.key(index)) for index in ((0,) * len(last), last)]
        return {"stored": repr(stored), "objects": [None if end is None else list(end) for end in ends]}

    def _read_chunk(self, object_index: Shape, box: Box, out: NDArray[Any]) -> None:
        """Read an object that is a single chunk."""
        key = self.stored.key(object_index)
        body = self.objects.get(key)
        if body is None:
            self._check_may_lack(key)
        self._put(body, key, self.stored.object_box(object_index), (box, out))

    def _find_runs(self, object_index: Shape, box: Box) -> list[Run]:
        """Return the runs of chunks to read from a shard, found in its index."""
        key, chunks = self.stored.key(object_index), self.stored.chunks
        shard, wanted = self.stored.object_box(object_index), []
        index, most_bytes = read_index(self.parts, key, self.stored), most_encoded_bytes(self.stored.chunk_bytes)
        for chunk in box.intersection(shard).grid_positions(chunks):
            at = tuple(i * c for i, c in zip(chunk, chunks, strict=True))
            number = self.stored.number_in_shard(chunk)
            offset, size = (EMPTY, EMPTY) if index is None else find_chunk(index, number, key, most_bytes)
            if offset == EMPTY:
                self._check_may_lack(f"{key}, chunk {number}" if index is not None else key)
            wanted.append(Chunk(offset, size, at))
        return list(gather_runs(key, wanted))

    def _read_run(self, run: Run, box: Box, out: NDArray[Any]) -> None:
        """Read chunks of a shard that follow each other."""
        first, last = run.chunks[0], run.chunks[-1]
        body = None
        if first.offset != EMPTY:
            body = memoryview(self.parts.get_range(run.key, first.offset, last.offset + last.size_bytes))
        for chunk in run.chunks:
            begin = chunk.offset - first.offset
            data = None if body is None else body[begin : begin + chunk.size_bytes]
            self._put(data, run.key, Box(chunk.start, self.stored.chunks), (box, out))

    def _put(self, data: bytes | memoryview | None, key: str, chunk: Box, target: tuple[Box, NDArray[Any]]) -> None:
        """Decode a chunk, and copy its part of the region.

        A missing chunk is filled with the fill value.
        """
        box, out = target
        shared = box.intersection(chunk)
        view = out[_within(shared, box)]
        if data is None:
            view[...] = self.stored.fill_value
            return
        try:
            if shared == chunk and self._fits(view):
                self._decode(data, view.reshape(-1).view(np.uint8))
            else:
                copy_rows(self._pixels(data)[_within(shared, chunk)], view)
        except DecodeError as error:
            raise DecodeError(f"{key}: the chunk at {chunk.start} is damaged: {error}") from error

    def _fits(self, view: NDArray[Any]) -> bool:
        """Return whether a chunk decodes to the very bytes of a part of the region."""
        stored = self.stored
        same = view.dtype == stored.dtype.to_numpy() and view.flags.c_contiguous
        return same and not stored.axis_order

    def _decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        stored = self.stored
        for _ in range(stored.checksums):
            data = without_crc32c(memoryview(data))
        if stored.is_n5:
            decode_block(memoryview(data), stored.chunks, out, functools.partial(decode_into, stored.codec))
        else:
            decode_into(stored.codec, data, out)

    def _pixels(self, data: bytes | memoryview) -> NDArray[Any]:
        """Return the pixels of an encoded chunk.

        The thread's next chunk overwrites their memory.
        """
        stored = self.stored
        memory = _memory(stored.chunk_bytes)
        self._decode(data, memory)
        pixels = memory.view(stored.dtype.to_numpy())
        if not stored.axis_order:
            return pixels.reshape(stored.chunks)
        shape = [stored.chunks[axis] for axis in stored.axis_order]
        return pixels.reshape(shape).transpose(np.argsort(stored.axis_order))

    def _check_may_lack(self, what: str) -> None:
        if not self.may_lack:
            raise StorageError(f"{self.objects.location}/{what} was written and is now missing", permanent=True)


def _memory(size: int) -> NDArray[np.uint8]:
    """Return memory of the calling thread, which its next call overwrites."""
    kept: NDArray[np.uint8] | None = getattr(_kept, "memory", None)
    if kept is None or kept.size < size:
        kept = np.empty(size, np.uint8)
        if size <= _MAX_KEPT_BYTES:
            _kept.memory = kept
    return kept[:size]


def _within(box: Box, holder: Box) -> tuple[slice, ...]:
    """Return the index of `box` in an array that holds `holder`."""
    return Box(tuple(a - b for a, b in zip(box.start, holder.start, strict=True)), box.shape).slices
