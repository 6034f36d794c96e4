"""Tiles of a CZI, read where they touch a region of their plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.decoding.pictures import most_encoded_bytes
from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import DAMAGED, LocalFile, SourceFile
from pyramid.readers.files.raw_array import ByteFile, FlatArray, flat_spans, read_exactly, read_flat
from pyramid.readers.vendors.czi.pixel_types import PIXEL_TYPES, RAW, as_rgb, decode_tile
from pyramid.readers.vendors.czi.segments import SEGMENT, TILE, Entry

KIND = b"ZISRAWSUBBLOCK"
MAX_TILE_BYTES = 2**34  # of one tile in the file


@dataclass(frozen=True, slots=True)
class Placed:
    """A tile, with its region of the plane (rows, columns)."""

    box: Box
    entry: Entry

    def touches(self, region: Box) -> bool:
        """Return whether the tile shares pixels with a region."""
        return all(
            a < d and c < b for a, b, c, d in zip(self.box.start, self.box.stop, region.start, region.stop, strict=True)
        )

    def covers(self, region: Box) -> bool:
        """Return whether a region is within the tile."""
        return all(
            a <= c and d <= b
            for a, b, c, d in zip(self.box.start, self.box.stop, region.start, region.stop, strict=True)
        )


# Tiles of a plane, and the memory of the region of that plane.
Wanted: TypeAlias = tuple[Sequence[Placed], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a tile that a region takes.

    Parameters
    ----------
    tile, within
        The tile, and the first row and column that are taken of it.
    samples
        The samples that are taken of a pixel; None if there is only one, which is then no dimension.
    target
        Memory of rows, columns and samples.
    """

    tile: Placed
    within: Shape
    samples: slice | None
    target: NDArray[Any]

    def pixels(self) -> NDArray[Any]:
        """Return memory for the part with all samples."""
        if self.samples is None:
            return self.target
        return np.empty((*self.target.shape[:2], PIXEL_TYPES[self.tile.entry.pixel_type][1]), self.target.dtype)

    @property
    def start(self) -> Shape:
        """First row, column and sample."""
        return self.within if self.samples is None else (*self.within, 0)


@dataclass(eq=False)
class TileReader:
    """A reader of tiles, which remembers where their pixels begin.

    Any thread may use it. A CZI of several files is on this machine.
    """

    files: tuple[SourceFile, ...]
    _spans: dict[tuple[int, int], Span] = field(default_factory=dict, repr=False)

    @cached_property
    def _further(self) -> dict[str, LocalFile]:
        """The further parts, as they were when they were opened."""
        return {file.path: file for file in self.files[1:] if isinstance(file, LocalFile)}

    def read(self, file: SourceFile, region: Box, samples: slice | None, wanted: Sequence[Wanted]) -> None:
        """Fill memory with a region of some planes.

        Parameters
        ----------
        file
            The file as it was opened.
        region
            Rows and columns of each plane.
        samples
            The samples of a pixel that are wanted, which are then the last dimension; None if there is one.
        wanted
            The tiles of each plane that touch the region, those on top last, and its memory.

        Raises
        ------
        SourceError, EOFError
            If a tile cannot be read or decoded.
        """
        self._find(file, [tile.entry for tiles, _ in wanted for tile in tiles])
        parts = [_part(tile, region, samples, view) for tiles, view in wanted for tile in tiles]
        with file.reading((span for part in parts for span in self._needed(part)), self._further) as files:
            for part in parts:
                self._read_part(files[self._path(part.tile.entry)], part)

    def _path(self, entry: Entry) -> str:
        return str(self.files[entry.part])

    def _find(self, file: SourceFile, entries: Sequence[Entry]) -> None:
        """Find the pixels of tiles, by the headers of their segments."""
        unknown = [entry for entry in entries if (entry.part, entry.place) not in self._spans]
        if not unknown:
            return
        head = np.empty(SEGMENT.size + TILE.size, np.uint8)
        spans = [Span(entry.place, entry.place + head.size) for entry in unknown]
        with file.reading(spans, self._further) as files:
            for entry in unknown:
                read_exactly(files[self._path(entry)], entry.place, head)
                self._spans[entry.part, entry.place] = self._span(entry, head.tobytes())

    def _span(self, entry: Entry, head: bytes) -> Span:
        kind, *_ = SEGMENT.unpack_from(head)
        xml_bytes, _, size_bytes = TILE.unpack_from(head, SEGMENT.size)
        if kind.rstrip(b"\0") != KIND or xml_bytes < 0 or not 0 <= size_bytes <= MAX_TILE_BYTES:
            raise SourceError(f"{self._path(entry)} has no tile at byte {entry.place}, where its list says; {DAMAGED}")
        start = entry.place + SEGMENT.size + entry.head_bytes + xml_bytes
        plain_bytes = _flat(entry, start).row_bytes * entry.extents["Y"][1]
        if entry.compression == RAW and size_bytes < plain_bytes:
            raise SourceError(
                f"{self._path(entry)}: the tile at byte {entry.place} has only {size_bytes} bytes; {DAMAGED}"
            )
        if entry.compression != RAW and size_bytes > most_encoded_bytes(plain_bytes):
            raise SourceError(
                f"{self._path(entry)}: the tile at byte {entry.place} has {size_bytes} bytes, which are more than "
                f"pixels of its shape can have; {DAMAGED}"
            )
        return Span(start, start + size_bytes)

    def _needed(self, part: _Part) -> Iterator[Span]:
        """Yield the spans that a part is read from."""
        span = self._spans[part.tile.entry.part, part.tile.entry.place]
        if part.tile.entry.compression == RAW:
            yield from flat_spans(_flat(part.tile.entry, span.start), part.start, part.pixels())
        else:
            yield span

    def _read_part(self, file: ByteFile, part: _Part) -> None:
        entry = part.tile.entry
        span, samples = self._spans[entry.part, entry.place], PIXEL_TYPES[entry.pixel_type][1]
        if entry.compression == RAW:
            pixels = part.pixels()
            read_flat(file, _flat(entry, span.start), part.start, pixels)
            if part.samples is not None:
                part.target[...] = as_rgb(pixels, samples)[..., part.samples]
            return
        data = np.empty(span.stop - span.start, np.uint8)
        read_exactly(file, span.start, data)
        shape = part.tile.box.shape if part.samples is None else (*part.tile.box.shape, samples)
        try:
            decoded = decode_tile(data, entry.compression, entry.pixel_type, shape)
        except Exception as error:  # decoders raise errors of many kinds
            raise DecodeError(f"the tile at byte {entry.place} is damaged: {error}") from error
        rows, columns = Box(part.within, part.target.shape[:2]).slices
        part.target[...] = decoded[rows, columns, *(() if part.samples is None else (part.samples,))]


def _part(tile: Placed, region: Box, samples: slice | None, view: NDArray[Any]) -> _Part:
    shared = tile.box.intersection(region)
    rows, columns = (slice(a - o, b - o) for a, b, o in zip(shared.start, shared.stop, region.start, strict=True))
    within = tuple(a - b for a, b in zip(shared.start, tile.box.start, strict=True))
    return _Part(tile, within, samples, view[rows, columns])


def _flat(entry: Entry, start: int) -> FlatArray:
    """Return a tile that is not compressed as an array in the file."""
    name, samples = PIXEL_TYPES[entry.pixel_type]
    shape = (entry.extents["Y"][1], entry.extents["X"][1])
    return FlatArray(start, shape if samples == 1 else (*shape, samples), np.dtype(name))
