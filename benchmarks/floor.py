"""The limit: read the source's bytes, encode and write as many as a pyramid has, and reduce nothing.

    python -m benchmarks.floor SOURCE TARGET --workers 2

Each thread reads a piece of level 0 from the file (decoding it where the file is compressed), hands it to the
codec in chunks, and writes what comes out. The bytes of the coarser levels are stood for by encoding and writing
again a part of the pixels just read, a fourth or an eighth a level. A chunk is as many pixels as they lie in the
file, not gathered from rows: a pyramid has to do that too. TARGET is a Zarr array with no multiscales.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, BloscShuffle

PIECE_BYTES = 32 << 20
PIPELINE = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "threading.max_workers": 1}  # one thread a worker


@dataclass(frozen=True, slots=True)
class Work:
    """What the floor does.

    Parameters
    ----------
    pieces
        Byte ranges of the file to read: offset and length.
    decode
        What turns such bytes into pixels; None where they are pixels as they lie.
    piece_px
        The most pixels that one piece holds.
    dtype
        Of the pixels.
    chunk_px
        Pixels a chunk.
    above
        Bytes of all coarser levels over those of level 0.
    """

    pieces: tuple[tuple[int, int], ...]
    decode: Callable[[bytes], NDArray[Any]] | None
    piece_px: int
    dtype: np.dtype[Any]
    chunk_px: int
    above: float


def _merged(ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield neighbouring byte ranges as one, of at most PIECE_BYTES."""
    start = length = 0
    for offset, count in ranges:
        if length and (offset != start + length or length + count > PIECE_BYTES):
            yield start, length
            length = 0
        start, length = (start, length + count) if length else (offset, count)
    if length:
        yield start, length


def _decoder(page: tifffile.TiffPage) -> Callable[[bytes], NDArray[Any]]:
    """What decodes a tile or strip of `page` after its file was closed."""
    decode, tables, header = page.decode, page.jpegtables, page.jpegheader

    def decoded(data: bytes) -> NDArray[Any]:
        pixels = decode(data, 0, jpegtables=tables, jpegheader=header)[0]
        assert pixels is not None  # None stands for a tile that the file leaves out; the inputs have none
        return np.ascontiguousarray(pixels).reshape(-1)

    return decoded


def plan_work(source: Path, chunk: tuple[int, ...], factors: tuple[int, ...]) -> Work:
    """Look at `source`, a TIFF, and say what the floor reads and writes.

    `chunk` and `factors` have one item for each of the last axes of the image.
    """
    above = sum(1 / math.prod(factors) ** level for level in range(1, 9))
    with tifffile.TiffFile(source) as tiff:
        series = tiff.series[0]
        first = tiff.pages.first
        plain = first.compression == tifffile.COMPRESSION.NONE
        if plain and series.dataoffset is not None:
            size = series.dtype.itemsize * math.prod(series.shape)
            ranges = [(series.dataoffset + at, min(PIECE_BYTES, size - at)) for at in range(0, size, PIECE_BYTES)]
        else:
            pages = [page for page in series.pages if page is not None]
            ranges = sorted(
                piece for page in pages for piece in zip(page.dataoffsets, page.databytecounts, strict=True)
            )
        pieces = tuple(_merged(iter(ranges))) if plain else tuple(ranges)
        piece_px = max(length for _, length in pieces) // series.dtype.itemsize
        return Work(
            pieces=pieces,
            decode=None if plain else _decoder(first),
            piece_px=piece_px if plain else math.prod(first.chunks),
            dtype=series.dtype,
            chunk_px=math.prod(chunk),
            above=above,
        )


class Writer:
    """Appends pixels to a flat Zarr array, whole chunks at a time, from any thread."""

    def __init__(self, target: Path, work: Work, total_px: int) -> None:
        self._chunk_px = work.chunk_px
        self._next = 0
        self._lock = threading.Lock()
        self._array = zarr.create_array(
            target,
            shape=(total_px,),
            chunks=(work.chunk_px,),
            dtype=work.dtype,
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle=BloscShuffle.shuffle),
        )

    def write(self, pixels: NDArray[Any]) -> None:
        """Write `pixels`, and what is short of a chunk as one more chunk."""
        whole = -(-pixels.size // self._chunk_px) * self._chunk_px
        with self._lock:
            start, self._next = self._next, self._next + whole
        self._array[start : start + pixels.size] = pixels


def _read(file: int, piece: tuple[int, int], work: Work, buffer: bytearray) -> NDArray[Any]:
    """Read one piece into `buffer`, decoded."""
    offset, length = piece
    view = memoryview(buffer)[:length]
    os.preadv(file, [view], offset)
    return np.frombuffer(view, work.dtype) if work.decode is None else work.decode(bytes(view))


def run(source: Path, target: Path, work: Work, workers: int) -> dict[str, float]:
    """Do the work on `workers` threads; return seconds of work and bytes in and out."""
    started = time.perf_counter()
    largest = max(length for _, length in work.pieces)
    room_px = len(work.pieces) * 2 * (math.ceil(work.piece_px * (1 + work.above)) + 2 * work.chunk_px)
    writer = Writer(target, work, room_px)
    local = threading.local()
    file = os.open(source, os.O_RDONLY)

    def one(piece: tuple[int, int]) -> int:
        if not hasattr(local, "buffer"):
            local.buffer = bytearray(largest)
            local.kept = []
            local.kept_px = 0
        pixels = _read(file, piece, work, local.buffer)
        for part in (pixels, pixels[: int(pixels.size * work.above)]):
            _gather(local, part, writer, work)
        return pixels.nbytes

    try:
        with ThreadPoolExecutor(workers) as threads:
            read = sum(threads.map(one, work.pieces))
    finally:
        os.close(file)
    return {"work_s": time.perf_counter() - started, "pixel_bytes": read, "written_bytes": _size(target)}


def _gather(local: Any, part: NDArray[Any], writer: Writer, work: Work) -> None:  # noqa: ANN401  (threading.local)
    """Write `part`, or keep a copy of it until there is a chunk's worth of such small ones."""
    if part.size >= work.chunk_px:
        writer.write(part)
        return
    local.kept.append(part.copy())
    local.kept_px += part.size
    if local.kept_px >= work.chunk_px:
        writer.write(np.concatenate(local.kept))
        local.kept, local.kept_px = [], 0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _by_comma(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in text.split(","))


def main(arguments: list[str] | None = None) -> None:
    """Run the floor once and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--chunk", type=_by_comma, default=(512, 1024), help="extents of a chunk, as 1,512,1024")
    parser.add_argument("--factors", type=_by_comma, default=(2, 2), help="what each level is reduced by, as 2,2")
    given = parser.parse_args(arguments)
    work = plan_work(given.source, given.chunk, given.factors)
    with zarr.config.set(PIPELINE):
        print(json.dumps(run(given.source, given.target, work, given.workers)))


if __name__ == "__main__":
    main()
