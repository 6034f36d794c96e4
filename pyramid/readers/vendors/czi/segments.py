"""The segments of a CZI: the list of its tiles, and its XML.

All numbers are little-endian. A segment begins with its kind (16 letters), and the bytes that it takes and uses.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pyramid.errors import SourceError
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile

SEGMENT = struct.Struct("<16sqq")  # its kind, the bytes that it takes, and those that are used
_FILE = struct.Struct("<4i16s16siqqiq")  # versions, identities, part; places of the list and the XML; update pending
_FIRST_BYTES = 512  # of the first segment
_LIST = struct.Struct("<i124x")
_ENTRY = struct.Struct("<2siqiiB5xi")  # schema, pixel type, place, part, compression, kind of pyramid, dimensions
_DIMENSION = struct.Struct("<4siifi")  # name, first index, count, coordinate, stored count
TILE = struct.Struct("<iiq")  # bytes of a tile's XML, of its attachment, and of its pixels
_XML = struct.Struct("<i")
_XML_START = 256  # of the XML in its segment
_TILE_HEAD = 256  # the least bytes of a tile's segment before its XML
SCHEMA = b"DV"
MAX_SEGMENT_BYTES = 2**29  # of the list of tiles, of which a million take half, and of the XML


@dataclass(frozen=True, slots=True)
class Entry:
    """A tile in the list of tiles.

    Parameters
    ----------
    part
        The number of the file that holds it: 0 is the first one.
    place, head_bytes
        First byte of its segment, and the bytes from the end of that segment's header to the tile's XML.
    pixel_type, compression
        As the format numbers them.
    extents
        First index, count and stored count on each dimension, by its letter.
    """

    part: int
    place: int
    head_bytes: int
    pixel_type: int
    compression: int
    extents: dict[str, tuple[int, int, int]]

    @property
    def is_reduced(self) -> bool:
        """True if the tile has fewer pixels than the region that it shows."""
        return any(count != stored for _, count, stored in self.extents.values())


@dataclass(frozen=True, slots=True)
class Header:
    """The first segment of a file.

    Parameters
    ----------
    part
        The number of the file among the parts of its image; 0 for the first, or only one.
    first_id
        The identity of the first file.
    list_place, xml_place
        First bytes of the list of tiles and of the XML; 0 if the file has none.
    """

    part: int
    first_id: bytes = field(repr=False)
    list_place: int
    xml_place: int


def read_header(file: SourceFile) -> Header:
    """Return what a file's first segment says.

    Raises
    ------
    SourceError
        If the file is cut off, damaged, or still being written.
    """
    with file.open() as raw:
        data = raw.read(SEGMENT.size + _FIRST_BYTES) or b""
    return _header(_Segments(file, io.BytesIO(data), len(data)))


def read_segments(file: SourceFile) -> tuple[list[Entry], str]:
    """Return the tiles that a file lists, and its XML.

    Raises
    ------
    SourceError
        If the file is cut off, damaged, or still being written.
    """
    with file.open() as raw:
        segments = _Segments(file, io.BufferedReader(raw), raw.seek(0, io.SEEK_END))
        header = _header(segments)
        is_listed = header.list_place or not header.part  # a further part may leave that to the first one
        tiles = segments.read(header.list_place, b"ZISRAWDIRECTORY", _LIST.size) if is_listed else bytes(_LIST.size)
        xml = segments.read(header.xml_place, b"ZISRAWMETADATA", _XML_START) if header.xml_place else bytes(_XML_START)
    try:
        entries = list(_entries(file, tiles))
    except struct.error as error:
        raise SourceError(f"{file}: its list of tiles ends before its last tile; {DAMAGED}") from error
    length = max(_XML.unpack_from(xml)[0], 0)
    return entries, xml[_XML_START : _XML_START + length].decode("utf-8", "replace").rstrip("\0")


@dataclass(frozen=True, slots=True)
class _Segments:
    """The segments of an open file of a known size."""

    file: SourceFile
    stream: BinaryIO
    size_bytes: int

    def read(self, place: int, kind: bytes, least: int) -> bytes:
        """Return the content of a segment of a known kind, which has at least some bytes."""
        if not 0 <= place <= self.size_bytes - SEGMENT.size:
            raise SourceError(
                f"{self.file} has {self.size_bytes} bytes, and its header names a segment at byte {place}; {CUT_OFF}"
            )
        self.stream.seek(place)
        found, taken, used = SEGMENT.unpack(self.stream.read(SEGMENT.size))
        if found.rstrip(b"\0") != kind:
            raise SourceError(f"{self.file} has no {kind.decode()} at byte {place}, where its header says; {DAMAGED}")
        length = used or taken
        rest = self.size_bytes - place - SEGMENT.size
        if not least <= length <= min(rest, MAX_SEGMENT_BYTES):
            raise SourceError(
                f"{self.file}: the segment at byte {place} has {length} bytes, of the {rest} that follow; {CUT_OFF}"
            )
        return self.stream.read(length)


def _header(segments: _Segments) -> Header:
    data = segments.read(0, b"ZISRAWFILE", _FILE.size)[: _FILE.size]
    *_, first_id, _, part, list_place, xml_place, update_pending, _ = _FILE.unpack(data)
    if update_pending:
        raise SourceError(
            f"{segments.file} is still being written, or was not closed; open it in ZEN and save it again"
        )
    return Header(part, first_id, list_place, xml_place)


def _entries(file: SourceFile, data: bytes) -> Iterator[Entry]:
    (count,) = _LIST.unpack_from(data)
    at = _LIST.size
    for _ in range(count):
        schema, pixel_type, place, part, compression, _, dimensions = _ENTRY.unpack_from(data, at)
        if schema != SCHEMA or dimensions < 0:
            raise SourceError(f"{file}: its list of tiles has an entry of the kind {schema!r}; {DAMAGED}")
        at += _ENTRY.size
        extents = {}
        for _ in range(dimensions):
            name, first, extent, _, stored = _DIMENSION.unpack_from(data, at)
            at += _DIMENSION.size
            extents[name.rstrip(b"\0").decode("ascii", "replace")] = (first, extent, stored or extent)
        head_bytes = max(_TILE_HEAD, TILE.size + _ENTRY.size + dimensions * _DIMENSION.size)
        yield Entry(part, place, head_bytes, pixel_type, compression, extents)
