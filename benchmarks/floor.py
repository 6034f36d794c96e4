"""The limit: read the source's bytes, encode and write as many as a pyramid has, and reduce nothing.

    python -m benchmarks.floor SOURCE TARGET --workers 2 --chunk 1,32,128,128 --shard 1,64,512,1024

Each thread reads (and decodes) into a buffer that it keeps, encodes a chunk's worth of pixels as they lie in the
file as soon as it has them, and appends what comes out to a plain file: one a chunk, or one a shard. The bytes of the
coarser levels are stood for by encoding and writing every so many chunks once more. TARGET is a folder of files
that nobody can read: what a pyramid has to do beside this (gathering, reducing, indices, names, metadata) is left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from benchmarks.pieces import Bytes, Pieces, open_pieces
from pyramid.planning.encoding import auto_shuffle

SHUFFLES = {"none": "noshuffle", "byte": "shuffle", "bit": "bitshuffle"}
CODECS = ("blosc:lz4", "blosc:zstd", "zstd")
OVERHEAD_BYTES = 1024  # Blosc adds 16 bytes to what it cannot pack
LEVELS = 9

_imagecodecs: Any = imagecodecs  # what it is typed as knows no buffer to encode into


@dataclass(frozen=True, slots=True)
class Work:
    """What the floor writes.

    Parameters
    ----------
    chunk_px
        Pixels a chunk.
    shard_chunks
        Chunks a file.
    above
        Pixels of all coarser levels over those of level 0.
    codec, level, shuffle
        As in `pyramid.writing.codecs`.
    """

    chunk_px: int
    shard_chunks: int
    above: float
    codec: str = "blosc:lz4"
    level: int = 5
    shuffle: str = "auto"

    def shuffle_of(self, item_bytes: int) -> str:
        """Blosc's name of the shuffle that ome-pyramid would use for items of this size."""
        return SHUFFLES[auto_shuffle(self.codec, item_bytes) if self.shuffle == "auto" else self.shuffle]


@dataclass(frozen=True, slots=True)
class Told:
    """Bytes of pixels that a thread read, and bytes that it wrote."""

    pixel_bytes: int
    written_bytes: int


class Files:
    """The files of one thread, each of as many chunks as a shard has."""

    def __init__(self, folder: Path, chunks: int) -> None:
        folder.mkdir(parents=True)
        self._folder, self._chunks = str(folder), chunks
        self._count = 0
        self._open: BinaryIO | None = None

    def append(self, body: memoryview) -> None:
        """Write one chunk."""
        if self._count % self._chunks == 0:
            self.close()
            self._open = open(f"{self._folder}/{self._count}", "wb", buffering=0)  # noqa: SIM115  (closed when full)
        assert self._open is not None  # the first chunk opened it
        self._open.write(body)
        self._count += 1

    def close(self) -> None:
        """Close the last one."""
        if self._open is not None:
            self._open.close()


class Encoder:
    """Encodes and writes the chunks of one thread, and again what stands for coarser levels."""

    def __init__(self, work: Work, dtype: np.dtype[Any], files: Files) -> None:
        self._work, self._dtype, self._files = work, dtype, files
        self._shuffle = work.shuffle_of(dtype.itemsize)
        self._out = np.empty(work.chunk_px * dtype.itemsize + OVERHEAD_BYTES, np.uint8).data
        self._owed = 0.0
        self.written_bytes = 0

    def chunk(self, pixels: Bytes) -> None:
        """Encode and write one chunk, and as much of the coarser levels as it brings."""
        self._owed += 1 + self._work.above * pixels.size / (self._work.chunk_px * self._dtype.itemsize)
        while self._owed >= 1:
            self._owed -= 1
            self._once(pixels.view(self._dtype))

    def _once(self, pixels: NDArray[Any]) -> None:
        if self._work.codec == "zstd":
            packed = _imagecodecs.zstd_encode(pixels, level=self._work.level, out=self._out)
        else:
            packed = _imagecodecs.blosc_encode(
                pixels,
                level=self._work.level,
                compressor=self._work.codec.removeprefix("blosc:"),
                shuffle=self._shuffle,
                typesize=self._dtype.itemsize,
                numthreads=1,
                out=self._out,
            )
        self._files.append(packed)
        self.written_bytes += len(packed)


def run(pieces: Pieces, target: Path, work: Work, workers: int) -> dict[str, float]:
    """Do the work on `workers` threads; return seconds, CPU seconds, and bytes in and out."""
    numbers, lock = iter(range(len(pieces))), threading.Lock()

    def shared() -> Iterator[int]:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            yield number

    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(workers) as threads:
        folders = [target / str(number) for number in range(workers)]
        told = list(threads.map(lambda folder: _one_thread(pieces, shared(), folder, work), folders))
    return {
        "work_s": time.perf_counter() - started_s,
        "cpu_s": time.process_time() - started_cpu_s,
        "pixel_bytes": sum(one.pixel_bytes for one in told),
        "written_bytes": sum(one.written_bytes for one in told),
    }


def _one_thread(pieces: Pieces, numbers: Iterator[int], folder: Path, work: Work) -> Told:
    """Read, encode and write until no piece is left."""
    chunk_bytes = work.chunk_px * pieces.dtype.itemsize
    pixels = np.empty(chunk_bytes + pieces.segment_bytes, np.uint8)
    files = Files(folder, work.shard_chunks)
    encoder = Encoder(work, pieces.dtype, files)
    held = read = 0
    for number in numbers:
        for put in pieces.segments(number):
            count = put(pixels[held:])
            held, read = held + count, read + count
            whole = held - held % chunk_bytes
            for at in range(0, whole, chunk_bytes):
                encoder.chunk(pixels[at : at + chunk_bytes])
            if whole:
                pixels[: held - whole] = pixels[whole:held]  # less than a chunk: they do not overlap
                held -= whole
    if held:
        encoder.chunk(pixels[:held])
    files.close()
    return Told(read, encoder.written_bytes)


def _by_comma(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in text.split(","))


def main(arguments: list[str] | None = None) -> None:
    """Run the floor once and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, help="a folder that is not there yet")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--chunk", type=_by_comma, default=(512, 1024), help="extents of a chunk, as 1,512,1024")
    parser.add_argument("--shard", type=_by_comma, help="extents of a shard; a file a chunk without it")
    parser.add_argument("--factors", type=_by_comma, default=(2, 2), help="what each level is reduced by, as 2,2")
    parser.add_argument("--above", type=float, help="pixels of the coarser levels over level 0's; else from --factors")
    parser.add_argument("--codec", choices=CODECS, default=CODECS[0])
    parser.add_argument("--codec-level", type=int, default=5)
    parser.add_argument("--shuffle", choices=("auto", *SHUFFLES), default="auto")
    given = parser.parse_args(arguments)
    chunk_px = math.prod(given.chunk)
    shard_chunks = math.prod(given.shard) // chunk_px if given.shard else 1
    above = given.above
    if above is None:
        above = sum(1 / math.prod(given.factors) ** level for level in range(1, LEVELS))
    work = Work(chunk_px, shard_chunks, above, given.codec, given.codec_level, given.shuffle)
    print(json.dumps(run(open_pieces(given.source, chunk_px), given.target, work, given.workers)))


if __name__ == "__main__":
    main()
