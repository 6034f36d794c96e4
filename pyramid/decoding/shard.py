"""The index of a shard, and the runs of chunks that are read from it together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError, without_crc32c
from pyramid.decoding.stored import StoredArray
from pyramid.errors import StorageError
from pyramid.model import Shape
from pyramid.planning.encoding import CRC_BYTES, INDEX_ENTRY_BYTES
from pyramid.planning.passes import GATHERED_BYTES
from pyramid.stores.objects import ABSENT, RangeReader

# Offset and size of a chunk that is left out, as Zarr specifies.
EMPTY = 2**64 - 1
# End of a chunk at most: no file and no object is larger.
MAX_END = 2**63 - 1


class Chunk(NamedTuple):
    """A chunk of a shard: its bytes in the shard, and its first pixel in the array."""

    offset: int
    size_bytes: int
    start: Shape


class Run(NamedTuple):
    """Chunks of one shard that are read with one request."""

    key: str
    chunks: list[Chunk]


def read_index(parts: RangeReader, key: str, stored: StoredArray) -> NDArray[np.uint64] | None:
    """Return offset and size of each chunk of a shard, or None if it is missing.

    Returns
    -------
    ndarray or None
        Of shape (chunks, 2), with chunks in C order.

    Raises
    ------
    DecodeError
        If the index is damaged.
    """
    count = math.prod(stored.object_grid)
    size = count * INDEX_ENTRY_BYTES + CRC_BYTES * stored.index_checksum
    try:
        body = parts.get_tail(key, size) if stored.index_at == "end" else parts.get_range(key, 0, size)
    except StorageError as error:
        if error.status != ABSENT:
            raise
        body = None
    if body is None:
        return None
    try:
        if len(body) != size:
            raise DecodeError(f"it has {len(body)} bytes instead of {size}")
        view = memoryview(body)
        return np.frombuffer(without_crc32c(view) if stored.index_checksum else view, "<u8").reshape(count, 2)
    except DecodeError as error:
        raise DecodeError(f"the index of {key} is damaged: {error}") from error


def find_chunk(index: NDArray[np.uint64], number: int, key: str, most_bytes: int) -> tuple[int, int]:
    """Return offset and size of a chunk, both `EMPTY` if it is left out.

    Raises
    ------
    DecodeError
        If no shard can hold such a chunk, or it has more than `most_bytes`.
    """
    offset, size = map(int, index[number])
    if (offset + size > MAX_END or size > most_bytes) and (offset, size) != (EMPTY, EMPTY):
        raise DecodeError(f"the index of {key} is damaged: chunk {number} has offset {offset} and size {size}")
    return offset, size


def gather_runs(key: str, chunks: Iterable[Chunk]) -> Iterator[Run]:
    """Yield runs of chunks that follow each other in a shard, up to a size."""
    run: list[Chunk] = []
    for chunk in sorted(chunks):
        if run:
            first, last = run[0], run[-1]
            follows = last.offset == chunk.offset == EMPTY or last.offset + last.size_bytes == chunk.offset
            if not follows or chunk.offset + chunk.size_bytes - first.offset > GATHERED_BYTES:
                yield Run(key, run)
                run = []
        run.append(chunk)
    if run:
        yield Run(key, run)
