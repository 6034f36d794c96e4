"""What a few chunks tell of a run that is planned: bytes after compression, and time."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers
from pyramid.model import Box, Source
from pyramid.options.convert import Options
from pyramid.planning import Plan, show_bytes
from pyramid.writing.encode import Encoding, make_encoding

PIECES = 8


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sample of chunks of level 0 tells of the whole.

    Parameters
    ----------
    stored_bytes
        Bytes of all levels after compression.
    seconds
        Time of the run on the planned workers, were all of it like the sample; halving and the disk not counted.
    sampled_bytes
        Bytes of pixels that were read for it.
    """

    stored_bytes: int
    seconds: float
    sampled_bytes: int

    def __str__(self) -> str:
        time_told = "less than 1 s" if self.seconds < 1 else f"about {self.seconds:.0f} s"
        return (
            f"after compression   about {show_bytes(self.stored_bytes)}\n"
            f"time                {time_told} to read and encode "
            f"(from {show_bytes(self.sampled_bytes)} of the source)"
        )

    def to_dict(self) -> dict[str, Any]:
        """The estimate for JSON."""
        return asdict(self)


def estimate(plan: Plan, source: Source, options: Options) -> Estimate:
    """Read and encode a few chunks of level 0, evenly spread over the image.

    Raises SourceError where one cannot be read.
    """
    base, item_bytes = plan.levels[0], np.dtype(plan.spec.dtype).itemsize
    encoding = make_encoding(base, plan.spec.dtype, options)
    grid = tuple(-(-n // c) for n, c in zip(base.shape, base.chunks, strict=True))
    wanted = min(PIECES, math.prod(grid))
    read_bytes, seconds, stored_bytes = 0, 0.0, 0
    for flat in np.linspace(0, math.prod(grid) - 1, wanted).round().astype(int):
        start = tuple(int(i) * c for i, c in zip(np.unravel_index(flat, grid), base.chunks, strict=True))
        shape = tuple(min(c, n - a) for a, c, n in zip(start, base.chunks, base.shape, strict=True))
        pixels = np.empty(shape, plan.spec.dtype)
        started_s = time.perf_counter()
        source.read(Box(start, shape), pixels)
        stored_bytes += _encoded_bytes(pixels, encoding)
        seconds += time.perf_counter() - started_s
        read_bytes += math.prod(shape) * item_bytes
    share = plan.raw_bytes / read_bytes
    return Estimate(round(stored_bytes * share), seconds * share / plan.resources.workers, read_bytes)


def _encoded_bytes(pixels: NDArray[Any], encoding: Encoding) -> int:
    """Return how many bytes the pixels are as one chunk."""
    return replace(encoding, chunks=pixels.shape, skip_empty=False).encode_chunk(pixels, Buffers(), _Memory())


class _Memory:
    """The object of one chunk, whose bytes go nowhere."""

    def reserve(self, size: int) -> memoryview:
        """Return memory for `size` bytes."""
        return memoryview(bytearray(size))

    def advance(self, size: int) -> None:
        """Forget the bytes."""

    def suspend(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing."""
