"""Sizes of compressed pictures, by their headers.

A decoder takes memory for whatever a picture claims to be, JPEG 2000 and progressive JPEG before it compares that with
the memory that it is given. So the claim is held against the image first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pyramid.decoding.codecs import DecodeError

_JPEG_START, _JPEG_SCAN, _JPEG_END = 0xD8, 0xDA, 0xD9
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without tables and an extension
_JPEG_BARE = frozenset({0x01, _JPEG_START, *range(0xD0, 0xD8)})  # markers without a length
_FRAME = struct.Struct(">BHHB")  # of JPEG: bits, rows, columns, samples

_CODE_STREAM = b"\xff\x4f\xff\x51"  # the start of a code stream, and the marker of its size
_SIZE = struct.Struct(">HHIIIIIIIIH")  # length, profile, ends, starts, tiles' extents and starts (x, y), samples
_BOX = struct.Struct(">I4s")
_BOXES_START = b"\0\0\0\x0cjP  "
_PALETTE_COLUMNS = struct.Struct(">HB")  # entries of a palette, and the samples of each
# Values of a tile of JPEG 2000 on average: the decoder takes kilobytes for each sample of a tile, whatever its extent.
MIN_TILE_VALUES = 1024

# What cannot be compressed is larger than its pixels, and a picture may have a profile of its colours.
_MAX_GROWTH, _MORE_BYTES = 4, 2**20


def most_encoded_bytes(decoded_bytes: int) -> int:
    """Return the most bytes that pixels of `decoded_bytes` may be stored in."""
    return _MAX_GROWTH * decoded_bytes + _MORE_BYTES


class PictureSize(NamedTuple):
    """Rows, columns and samples of a picture, and the tiles in which it is stored."""

    rows: int
    columns: int
    samples: int
    tiles: int = 1

    @property
    def values(self) -> int:
        """The number of its values."""
        return self.rows * self.columns * self.samples


def check_size(size: PictureSize, most_values: int) -> None:
    """Raise DecodeError if a picture has too many values or tiles for its place."""
    claim = f"it says that it has {size.rows} rows, {size.columns} columns and {size.samples} samples"
    if size.values > most_values:
        raise DecodeError(f"{claim}, and at most {most_values} values belong there")
    if size.tiles > 1 and size.tiles * size.samples * MIN_TILE_VALUES > most_values:
        raise DecodeError(f"{claim}, in {size.tiles} tiles, which are more than it can have")


def jpeg_size(data: bytes | memoryview) -> PictureSize:
    """Return the size of a JPEG.

    Raises
    ------
    DecodeError
        If no header of a frame is found.

    Examples
    --------
    >>> jpeg_size(bytes.fromhex("ffd8 ffc0 0011 08 0010 0020 03 012200 021101 031101"))
    PictureSize(rows=16, columns=32, samples=3, tiles=1)
    """
    for marker, start in _jpeg_markers(memoryview(data)):
        if marker in _JPEG_FRAMES and start + _FRAME.size <= len(data):
            _, rows, columns, samples = _FRAME.unpack_from(data, start)
            return PictureSize(rows, columns, samples)
    raise DecodeError("it has no header of a JPEG frame")


def _jpeg_markers(data: memoryview) -> Iterator[tuple[int, int]]:
    """Yield the markers before the first scan, each with the start of its content.

    Bytes that belong to no marker are passed over, as the decoder does.
    """
    at = 0
    while at + 1 < len(data):
        if data[at] != 0xFF or data[at + 1] in (0, 0xFF):
            at += 1
            continue
        marker = data[at + 1]
        at += 2
        if marker in _JPEG_BARE:
            continue
        if marker in (_JPEG_SCAN, _JPEG_END) or at + 2 > len(data):
            return
        yield marker, at + 2
        at += max(2, int.from_bytes(data[at : at + 2], "big"))


def jpeg_2000_size(data: bytes | memoryview) -> PictureSize:
    """Return the size of a JPEG 2000: a code stream, or one in boxes.

    Raises
    ------
    DecodeError
        If it has no code stream, or one of no possible size.
    """
    view, samples = memoryview(data), 0
    if bytes(view[: len(_BOXES_START)]) == _BOXES_START:
        view, samples = _find_stream(view)
    if bytes(view[: len(_CODE_STREAM)]) != _CODE_STREAM or len(view) < len(_CODE_STREAM) + _SIZE.size:
        raise DecodeError("it has no code stream of JPEG 2000")
    _, _, right, bottom, left, top, width, height, first_x, first_y, components = _SIZE.unpack_from(
        view, len(_CODE_STREAM)
    )
    if not (left < right and top < bottom and width and height and first_x <= left and first_y <= top and components):
        raise DecodeError("its code stream has no possible size")
    tiles = -(-(right - first_x) // width) * -(-(bottom - first_y) // height)
    return PictureSize(bottom - top, right - left, max(components, samples), tiles)


def _find_stream(data: memoryview) -> tuple[memoryview, int]:
    """Return the code stream in boxes, and the samples of its palette, or 0."""
    samples, at = 0, 0
    while at + _BOX.size <= len(data):
        size, kind = _BOX.unpack_from(data, at)
        start = at + _BOX.size
        if size == 1 and start + 8 <= len(data):
            size = int.from_bytes(data[start : start + 8], "big")
            start += 8
        stop = len(data) if size == 0 else at + size
        if kind == b"jp2c":
            return data[start:stop], samples
        if kind == b"pclr" and start + _PALETTE_COLUMNS.size <= len(data):
            samples = _PALETTE_COLUMNS.unpack_from(data, start)[1]
        if kind == b"jp2h":
            at = start  # a box of boxes
        elif stop <= start:
            break
        else:
            at = stop
    raise DecodeError("it has no code stream of JPEG 2000")
