"""An estimate of a planned run from a few chunks: compressed size, and time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from pyramid.block import Buffers, empty_part
from pyramid.model import Box, Source
from pyramid.planning import Plan, show_bytes
from pyramid.writing.encode import encode_chunk

# Chunks in a sample. A round number between 1, which may be background only, and some 100, which over a network would
# take many seconds to read one after the other.
SAMPLED_CHUNKS = 8


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of a whole run from a sample of chunks of level 0.

    Parameters
    ----------
    stored_bytes
        Size of all levels in bytes after compression.
    seconds
        Time of the run on the planned workers, if all chunks are like the sample. It does not include the reduction to
        coarser levels, nor the disk.
    sampled_bytes
        Size in bytes of the pixels that were read for the sample.
    """

    stored_bytes: int
    seconds: float
    sampled_bytes: int

    def __str__(self) -> str:
        duration = "less than 1 s" if self.seconds < 1 else f"about {self.seconds:.0f} s"
        return (
            f"after compression   about {show_bytes(self.stored_bytes)}\n"
            f"time                {duration} to read and encode "
            f"(from {show_bytes(self.sampled_bytes)} of the source)"
        )


def estimate(plan: Plan, source: Source) -> Estimate:
    """Read and encode a few chunks of level 0, evenly spread over the image.

    Raises
    ------
    SourceError
        If a chunk cannot be read.
    """
    base, dtype, buffers = plan.levels[0], np.dtype(plan.spec.dtype), Buffers()
    grid = tuple(-(-n // c) for n, c in zip(base.shape, base.chunks, strict=True))
    wanted = min(SAMPLED_CHUNKS, math.prod(grid))
    read_bytes, seconds, stored_bytes = 0, 0.0, 0
    for flat in np.linspace(0, math.prod(grid) - 1, wanted).round().astype(int):
        start = tuple(int(i) * c for i, c in zip(np.unravel_index(flat, grid), base.chunks, strict=True))
        shape = tuple(min(c, n - a) for a, c, n in zip(start, base.chunks, base.shape, strict=True))
        chunk = empty_part(base, 0, Box(start, shape), buffers, dtype)
        started_s = time.perf_counter()
        source.read(chunk.box, chunk.pixels)
        stored_bytes += encode_chunk(chunk.array, plan.encoding, buffers, lambda size: memoryview(bytearray(size)))
        seconds += time.perf_counter() - started_s
        read_bytes += chunk.pixels.nbytes
    share = plan.raw_bytes / read_bytes
    return Estimate(round(stored_bytes * share), seconds * share / plan.resources.workers, read_bytes)
