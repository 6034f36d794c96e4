"""The source of the floor as pieces: byte ranges and what turns each into pixels, in any order, from any thread.

A piece is read with one call and holds one segment or more: a range of plain bytes, a TIFF's strip or tile, a Zarr's
chunk, or a block that is computed. Pixels keep the order of the file.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks import computed

RUN_BYTES = 4 << 20  # strips that lie side by side are read together up to here

_imagecodecs: Any = imagecodecs  # what it is typed as knows no buffer to decode into
Bytes: TypeAlias = NDArray[np.uint8]
Range: TypeAlias = tuple[int, int]  # offset and length, in bytes
Put: TypeAlias = Callable[[Bytes], int]  # puts pixels at the start of what it is given; how many bytes


class Pieces(Protocol):
    """A source that threads read piece by piece."""

    dtype: np.dtype[Any]
    segment_bytes: int  # the most that one segment holds, decoded

    def __len__(self) -> int:
        """How many pieces there are."""
        ...

    def segments(self, number: int) -> Iterator[Put]:
        """Read piece `number`, and give what puts each of its segments somewhere."""
        ...


def open_pieces(source: Path, chunk_px: int) -> Pieces:
    """Return the pieces of a TIFF, a Zarr v3 array with Blosc, or a description that `benchmarks.computed` wrote."""
    if source.is_dir():
        return ZarrChunks(source)
    if source.suffix == ".json":
        return ComputedBlocks(computed.read(source))
    with tifffile.TiffFile(source) as tiff:
        series = tiff.series[0]
        page = tiff.pages.first
        ranges = list(_ranges(series))
        if page.compression == tifffile.COMPRESSION.NONE:
            return PlainBytes(source, series.dtype, tuple(_cut(ranges, chunk_px * series.dtype.itemsize)))
        segment_bytes = math.prod(page.chunks) * series.dtype.itemsize
        return Segments(source, series.dtype, segment_bytes, tuple(_runs(ranges)), _decoder(page))


def _ranges(series: tifffile.TiffPageSeries) -> Iterator[Range]:
    """Every strip or tile in the order of the file."""
    if series.dataoffset is not None:
        yield series.dataoffset, series.dtype.itemsize * math.prod(series.shape)
        return
    pages = (page for page in series.pages if page is not None)
    yield from sorted(one for page in pages for one in zip(page.dataoffsets, page.databytecounts, strict=True))


def _cut(ranges: Iterable[Range], most: int) -> Iterator[Range]:
    """Plain ranges in lengths of at most a chunk, which stays in the processor's cache until it is encoded."""
    for offset, length in ranges:
        yield from ((offset + at, min(most, length - at)) for at in range(0, length, most))


def _runs(ranges: Iterable[Range]) -> Iterator[tuple[Range, ...]]:
    """Ranges that lie side by side, together."""
    run: list[Range] = []
    for offset, length in ranges:
        if run and (offset != sum(run[-1]) or offset + length - run[0][0] > RUN_BYTES):
            yield tuple(run)
            run = []
        run.append((offset, length))
    if run:
        yield tuple(run)


def _decoder(page: tifffile.TiffPage) -> Callable[[memoryview, Bytes], int]:
    """Return what decodes a strip or tile of `page` into place, after its file was closed."""
    into = {
        tifffile.COMPRESSION.ADOBE_DEFLATE: _imagecodecs.deflate_decode,
        tifffile.COMPRESSION.ZSTD: _imagecodecs.zstd_decode,
        tifffile.COMPRESSION.LZW: _imagecodecs.lzw_decode,
    }.get(tifffile.COMPRESSION(page.compression))
    if into is not None and page.predictor == tifffile.PREDICTOR.NONE:
        return lambda data, out: len(into(data, out=out.data))
    decode, tables, header = page.decode, page.jpegtables, page.jpegheader

    def copied(data: memoryview, out: Bytes) -> int:
        pixels = decode(bytes(data), 0, jpegtables=tables, jpegheader=header)[0]
        assert pixels is not None  # None stands for a tile that the file leaves out; the inputs have none
        out[: pixels.nbytes].view(pixels.dtype).reshape(pixels.shape)[...] = pixels
        return pixels.nbytes

    return copied


class _Kept:
    """A buffer a thread, which grows to what was asked for at most."""

    def __init__(self) -> None:
        self._local = threading.local()

    def take(self, size: int) -> memoryview:
        if getattr(self._local, "size", 0) < size:
            self._local.size, self._local.buffer = size, np.empty(size, np.uint8)
        view: memoryview = self._local.buffer.data[:size]
        return view


def _read_at(file: int, out: memoryview, offset: int) -> None:
    if os.preadv(file, [out], offset) != len(out):
        raise EOFError(f"the source ends before byte {offset + len(out)}")


class PlainBytes:
    """Bytes that are pixels."""

    def __init__(self, path: Path, dtype: np.dtype[Any], ranges: tuple[Range, ...]) -> None:
        self.dtype, self.segment_bytes = dtype, max(length for _, length in ranges)
        self._file, self._ranges = os.open(path, os.O_RDONLY), ranges

    def __len__(self) -> int:
        return len(self._ranges)

    def segments(self, number: int) -> Iterator[Put]:
        """One segment: the range."""
        yield partial(self._put, self._ranges[number])

    def _put(self, one: Range, out: Bytes) -> int:
        offset, length = one
        _read_at(self._file, out.data[:length], offset)
        return length


class Segments:
    """Strips or tiles that are compressed."""

    def __init__(
        self,
        path: Path,
        dtype: np.dtype[Any],
        segment_bytes: int,
        runs: tuple[tuple[Range, ...], ...],
        decode: Callable[[memoryview, Bytes], int],
    ) -> None:
        self.dtype, self.segment_bytes = dtype, segment_bytes
        self._file, self._runs, self._decode = os.open(path, os.O_RDONLY), runs, decode
        self._kept = _Kept()

    def __len__(self) -> int:
        return len(self._runs)

    def segments(self, number: int) -> Iterator[Put]:
        """Return the strips or tiles of one run, whose bytes are read when the first is asked for."""
        run = self._runs[number]
        first = run[0][0]
        data = self._kept.take(sum(run[-1]) - first)
        _read_at(self._file, data, first)
        for offset, length in run:
            yield partial(self._decode, data[offset - first : offset - first + length])


class ZarrChunks:
    """Chunk files of a Zarr v3 array without shards, encoded by Blosc."""

    def __init__(self, path: Path) -> None:
        metadata = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        self.dtype = np.dtype(metadata["data_type"])
        chunk_px = math.prod(metadata["chunk_grid"]["configuration"]["chunk_shape"])
        self.segment_bytes = chunk_px * self.dtype.itemsize
        self._files = sorted(file for file in (path / "c").rglob("*") if file.is_file())
        self._kept = _Kept()

    def __len__(self) -> int:
        return len(self._files)

    def segments(self, number: int) -> Iterator[Put]:
        """One segment: the chunk."""
        with self._files[number].open("rb", buffering=0) as file:
            data = self._kept.take(os.fstat(file.fileno()).st_size)
            file.readinto(data)
        yield lambda out: len(_imagecodecs.blosc_decode(data, numthreads=1, out=out.data[: self.segment_bytes]))


class ComputedBlocks:
    """Blocks that are computed as they are asked for, without Dask."""

    def __init__(self, image: computed.Computed) -> None:
        self.dtype, self.segment_bytes = np.dtype(computed.DTYPE), image.block_bytes
        self._image = image
        self._starts = tuple(image.starts())

    def __len__(self) -> int:
        return len(self._starts)

    def segments(self, number: int) -> Iterator[Put]:
        """One segment: the block."""
        yield lambda out: self._image.fill(self._starts[number], out)
