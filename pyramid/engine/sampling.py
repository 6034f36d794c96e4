"""Chunks that are encoded to estimate how well an image compresses."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np

from pyramid.block import Buffers, empty_part
from pyramid.errors import SourceError, explaining
from pyramid.model import Box, Source
from pyramid.planning import Plan, PlannedLevel
from pyramid.writing.encode import ChunkEncoder, gather

# Most chunks of a sample, and the time after which no more are read once there are a few. Together they are enough for
# images that are empty in part, and short for sources that decode a large strip for each chunk.
MAX_CHUNKS, MIN_CHUNKS, CHUNKS_S = 64, 8, 1.0
# Golden section: its multiples, modulo 1, are evenly spread however many are taken.
GOLDEN = (math.sqrt(5) - 1) / 2


def sample_chunks(plan: Plan, source: Source) -> tuple[float, int]:
    """Encode chunks of level 0 that are spread over the image.

    Returns
    -------
    tuple
        Bytes after compression for each byte before, and the size in bytes of the pixels that were read.

    Raises
    ------
    SourceError
        If a chunk cannot be read.
    """
    base, dtype, buffers = plan.levels[0], np.dtype(plan.spec.dtype), Buffers()
    encoder, read_bytes, stored_bytes = ChunkEncoder(plan.encoding, dtype.itemsize), 0, 0
    began_s = time.perf_counter()
    for number, box in enumerate(_spread_chunks(base)):
        if number >= MIN_CHUNKS and time.perf_counter() - began_s > CHUNKS_S:
            break
        chunk = empty_part(base, 0, box, buffers, dtype)
        with explaining(SourceError, f"the source cannot be read at {box.start}"):
            source.read(box, chunk.pixels)
        (whole,) = gather(chunk.array, base.chunks, dtype.newbyteorder("<"), buffers)
        stored_bytes += encoder.encode(whole, lambda size: memoryview(bytearray(size)))
        read_bytes += chunk.pixels.nbytes
    return stored_bytes / read_bytes, read_bytes


def _spread_chunks(level: PlannedLevel) -> Iterator[Box]:
    """Yield chunks in an order in which any number of them is spread over the level."""
    grid = tuple(-(-n // c) for n, c in zip(level.shape, level.chunks, strict=True))
    count = math.prod(grid)
    few = count <= MAX_CHUNKS
    for number in range(min(count, MAX_CHUNKS)):
        flat = number if few else int(((number + 0.5) * GOLDEN) % 1 * count)
        start = tuple(int(i) * c for i, c in zip(np.unravel_index(flat, grid), level.chunks, strict=True))
        yield Box(start, tuple(min(c, n - a) for a, c, n in zip(start, level.chunks, level.shape, strict=True)))
