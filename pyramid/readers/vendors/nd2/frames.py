"""The frames of an ND2: their places in the file, and their pixels.

A file is named chunks, and a map of them at its end. All numbers are little-endian. A frame is a chunk of one time,
and of rows whose pixels hold all channels; they may be compressed by zlib. Without that, only rows that are needed are
read. What is unpacked is never more than the size of the file's frames, whatever the data claim.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.pictures import most_encoded_bytes
from pyramid.errors import SourceError
from pyramid.model import Box
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.files.raw_array import ByteFile, FlatArray, flat_spans, read_exactly, read_flat

_MAGIC = 0x0ABECEDA
_HEAD = struct.Struct("<IIQ")  # of a chunk: its mark, and the bytes of its name and of its data
_END = struct.Struct("<32sQ")  # of the file: a name, and the place of the map
_ITEM = struct.Struct("<QQ")  # of the map: the place of a chunk, and its bytes
_MODERN = b"\xda\xce\xbe\x0a"  # the first bytes of today's files
_END_NAME = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_FRAME_NAME = b"ImageDataSeq|"
_PACKED = 76  # the first byte of metadata that zlib has compressed
_PACKED_START = 12  # of its compressed bytes
_TIME_BYTES = 8  # before the pixels of a frame
_PIECE_BYTES = 2**20  # that are unpacked at once where only their number is wanted
MAX_FRAME_BYTES = 2**36  # of a frame: more is damage
MAX_MAP_BYTES = 2**30  # of the map of chunks: ten million frames take half of it
MAX_METADATA_BYTES = 2**28  # of one unpacked document, which the library keeps in memory; large ones have megabytes
MAX_PACKINGS = 4  # of a document in a document, which the library unpacks too


@dataclass(frozen=True, slots=True)
class Layout:
    """The form of the frames of a file.

    Parameters
    ----------
    rows, columns
        Pixels of a frame.
    components
        Values of a pixel: its channels, or the samples of each.
    row_bytes
        Bytes from one row to the next.
    dtype
        Dtype of a value.
    is_packed
        Whether zlib has compressed the frames.
    """

    rows: int
    columns: int
    components: int
    row_bytes: int
    dtype: np.dtype[Any]
    is_packed: bool

    def array(self, start: int) -> FlatArray:
        """Return a frame whose pixels begin at byte `start`, as rows of values."""
        return FlatArray(start, (self.rows, self.row_bytes // self.dtype.itemsize), self.dtype)

    @property
    def size_bytes(self) -> int:
        """Bytes of a frame."""
        return self.rows * self.row_bytes


@dataclass(eq=False)
class FrameReader:
    """A reader of frames, which remembers where their pixels begin.

    Any thread may use it.

    Parameters
    ----------
    name, places, layout
        The file for errors, the first byte of the chunk of each frame, and their form.
    """

    name: str
    places: Mapping[int, int] = field(repr=False)
    layout: Layout
    _spans: dict[int, Span] = field(default_factory=dict, repr=False)

    @property
    def is_whole(self) -> bool:
        """True if a frame is decoded as a whole."""
        return self.layout.is_packed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of a value in memory."""
        return self.layout.dtype.newbyteorder("=")

    def read(self, file: SourceFile, region: Box, wanted: Sequence[tuple[int, NDArray[Any]]]) -> None:
        """Fill memory with a region of some frames.

        Parameters
        ----------
        file
            The file as it was opened.
        region
            Rows and columns of each frame.
        wanted
            The number of each frame, and its memory: rows, columns, values.

        Raises
        ------
        SourceError, EOFError
            If a frame cannot be read or unpacked.
        """
        there = [(number, view) for number, view in wanted if number in self.places]
        for number, view in wanted:
            if number not in self.places:
                view[...] = 0
        self._find(file, [number for number, _ in there])
        with file.reading(span for number, view in there for span in self._needed(number, region, view)) as files:
            for number, view in there:
                self._read_frame(files[str(file)], number, region, view)

    def _find(self, file: SourceFile, numbers: Sequence[int]) -> None:
        """Find the pixels of frames, by the heads of their chunks."""
        unknown = {number: self.places[number] for number in numbers if number not in self._spans}
        if not unknown:
            return
        head = np.empty(_HEAD.size, np.uint8)
        with file.reading([Span(place, place + _HEAD.size) for place in unknown.values()]) as files:
            for number, place in unknown.items():
                read_exactly(files[str(file)], place, head)
                mark, name_bytes, data_bytes = _HEAD.unpack(head.tobytes())
                if mark != _MAGIC or not self._fits(data_bytes - _TIME_BYTES):
                    raise SourceError(f"{self.name}: frame {number} is not at byte {place}, as its map says; {DAMAGED}")
                start = place + _HEAD.size + name_bytes
                self._spans[number] = Span(start + _TIME_BYTES, start + data_bytes)

    def _fits(self, count: int) -> bool:
        """Return whether a frame may have so many bytes in the file."""
        size_bytes = self.layout.size_bytes
        return 0 <= count <= most_encoded_bytes(size_bytes) if self.layout.is_packed else count >= size_bytes

    def _needed(self, number: int, region: Box, view: NDArray[Any]) -> Iterator[Span]:
        """Yield the spans that a region of a frame is read from."""
        span = self._spans[number]
        if self.layout.is_packed:
            yield span
        else:
            yield from flat_spans(self.layout.array(span.start), self._start(region), _values(view))

    def _start(self, region: Box) -> tuple[int, int]:
        return region.start[0], region.start[1] * self.layout.components

    def _read_frame(self, file: ByteFile, number: int, region: Box, view: NDArray[Any]) -> None:
        span, array = self._spans[number], self.layout.array(self._spans[number].start)
        values = _values(view)
        if self.layout.is_packed:
            data = np.empty(span.stop - span.start, np.uint8)
            read_exactly(file, span.start, data)
            pixels = self._unpack(number, data).view(array.dtype).reshape(array.shape)
            first, left = self._start(region)
            values[...] = pixels[first : first + values.shape[0], left : left + values.shape[1]]
        else:
            read_flat(file, array, self._start(region), values)
        view[...] = values.reshape(view.shape)

    def _unpack(self, number: int, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size_bytes = self.layout.size_bytes
        try:
            found = zlib.decompressobj().decompress(data.data, size_bytes)
        except zlib.error as error:
            raise SourceError(f"{self.name}: frame {number} cannot be unpacked: {error}; {DAMAGED}") from error
        if len(found) < size_bytes:
            raise SourceError(
                f"{self.name}: frame {number} has {len(found)} bytes instead of {size_bytes} when unpacked; {DAMAGED}"
            )
        return np.frombuffer(found, np.uint8)


def _values(view: NDArray[Any]) -> NDArray[Any]:
    """Return memory for rows of values."""
    return np.empty((view.shape[0], view.size // view.shape[0]), view.dtype)


def is_jpeg_2000(file: SourceFile) -> bool:
    """Return whether a file is of the older kind, whose frames are JPEG 2000."""
    with file.open() as raw:
        return not (raw.read(len(_MODERN)) or b"").startswith(_MODERN)


def find_frames(file: SourceFile) -> dict[int, int]:
    """Return the first byte of the chunk of each frame.

    The size of metadata that will be unpacked is checked too.

    Raises
    ------
    SourceError
        If the map of chunks is damaged, or metadata would be unpacked without end.
    """
    with file.open() as raw:
        size_bytes = raw.seek(0, io.SEEK_END)
        stream = io.BufferedReader(raw)
        chunks = _read_map(file, stream, size_bytes)
        frames = {}
        for name, place in chunks.items():
            number = name[len(_FRAME_NAME) : -1]
            if not name.startswith(_FRAME_NAME):
                _check_metadata(file, stream, size_bytes, name, place)
            elif number.isdigit():
                frames[int(number)] = place
    return frames


def _read_map(file: SourceFile, stream: io.BufferedReader[Any], size_bytes: int) -> dict[bytes, int]:
    """Return the first byte of each chunk by its name."""
    stream.seek(max(0, size_bytes - _END.size))
    end = stream.read(_END.size)
    name, place = _END.unpack(end) if len(end) == _END.size else (b"", 0)
    data = _read_chunk(file, stream, size_bytes, place, MAX_MAP_BYTES) if name == _END_NAME else b""
    chunks: dict[bytes, int] = {}
    at = 0
    while (stop := data.find(b"!", at) + 1) and data[at:stop] != _END_NAME and stop + _ITEM.size <= len(data):
        chunks[data[at:stop]], _ = _ITEM.unpack_from(data, stop)
        at = stop + _ITEM.size
    if not chunks:
        raise SourceError(f"{file} cannot be read as ND2: it has no map of its frames at its end; {CUT_OFF}")
    return chunks


def _read_chunk(
    file: SourceFile, stream: io.BufferedReader[Any], size_bytes: int, place: int, most_bytes: int
) -> bytes:
    """Return the data of a chunk, at most their first `most_bytes`."""
    head = b""
    if place <= size_bytes - _HEAD.size:
        stream.seek(place)
        head = stream.read(_HEAD.size)
    mark, name_bytes, data_bytes = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0, 0)
    if mark != _MAGIC or name_bytes + data_bytes > size_bytes - place:
        raise SourceError(f"{file} has no chunk at byte {place}, where its map says; {DAMAGED}")
    stream.seek(name_bytes, io.SEEK_CUR)
    return stream.read(min(data_bytes, most_bytes))


def _check_metadata(file: SourceFile, stream: io.BufferedReader[Any], size_bytes: int, name: bytes, place: int) -> None:
    """Raise SourceError if a document is unpacked to more than can be meant."""
    data = _read_chunk(file, stream, size_bytes, place, MAX_METADATA_BYTES)
    for _ in range(MAX_PACKINGS):
        if data[:1] != bytes([_PACKED]):
            return
        unpacker, packed, data, total = zlib.decompressobj(), data[_PACKED_START:], b"", 0
        while packed and total <= MAX_METADATA_BYTES:
            try:
                piece = unpacker.decompress(packed, _PIECE_BYTES)
            except zlib.error:  # the library says what is wrong
                return
            data = data or piece
            packed, total = unpacker.unconsumed_tail, total + len(piece)
        if total > MAX_METADATA_BYTES:
            break
    shown = name.rstrip(b"!").decode("ascii", "replace")
    raise SourceError(f"{file}: its metadata {shown!r} is too large when unpacked; {DAMAGED}")
