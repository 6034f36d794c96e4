"""Strips and tiles that claim or unpack to far more than their place are refused before memory is taken."""

from __future__ import annotations

import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read

_imagecodecs: Any = imagecodecs  # its annotations are narrower than what it takes
TILE = 64
VAST = np.zeros((2000, 2000), np.uint8)
VAST_RGB = np.zeros((1000, 1000, 3), np.uint8)
PACKED_BYTES = 2**24
MOST_BYTES = 2**22  # of memory for a tile of 4 KiB and all around it

# What each compression gives of a vast picture, and whether its tiles have colours.
PICTURES: dict[str, tuple[Callable[[], bytes], bool]] = {
    "jpeg": (lambda: _imagecodecs.jpeg8_encode(VAST), False),
    "jpeg2000": (lambda: _imagecodecs.jpeg2k_encode(VAST, codecformat="j2k"), False),
    "jpeg2000_lossy": (lambda: _imagecodecs.jpeg2k_encode(VAST, codecformat="jp2", level=30), False),
    "jpegxl": (lambda: _imagecodecs.jpegxl_encode(VAST, effort=1), False),
    "jpegxr": (lambda: _imagecodecs.jpegxr_encode(VAST), False),
    "lerc": (lambda: _imagecodecs.lerc_encode(VAST), False),
    "png": (lambda: _imagecodecs.png_encode(VAST), False),
    "webp": (lambda: _imagecodecs.webp_encode(VAST_RGB, lossless=True), True),
}
WRAPPED = {"zstd": _imagecodecs.zstd_encode, "deflate": zlib.compress}
PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "lzw": _imagecodecs.lzw_encode,
    "zstd": _imagecodecs.zstd_encode,
    "lzma": lambda data: lzma.compress(data, preset=0),
    "packbits": _imagecodecs.packbits_encode,
}


def with_tile(path: Path, compression: str, content: bytes, *, colors: bool = False, dtype: str = "u1") -> Path:
    """A TIFF of four tiles, of which the second has other content."""
    shape = (2 * TILE, 2 * TILE, 3) if colors else (2 * TILE, 2 * TILE)
    options: dict[str, Any] = {"photometric": "rgb"} if colors else {}
    name = {"jpegxr": "JPEGXR_NDPI", "jpeg2000_lossy": "JPEG2000"}.get(compression, compression)
    tifffile.imwrite(path, np.ones(shape, dtype), tile=(TILE, TILE), compression=name, metadata=None, **options)
    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(content)
    with tifffile.TiffFile(path, mode="r+") as tif:
        for code, value in (("TileOffsets", end), ("TileByteCounts", len(content))):
            tag = tif.pages.first.tags[code]
            tag.overwrite((tag.value[0], value, *tag.value[2:]), dtype="I")
    return path


def refuse(path: Path, match: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=rf"tile \(0, 1\) .*{match}") as raised:
            read(open_source(path, Options()))
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("compression", PICTURES)
def test_a_picture_that_claims_more_than_its_tile_is_refused_before_it_is_decoded(
    compression: str, tmp_path: Path
) -> None:
    encode, colors = PICTURES[compression]
    path = with_tile(tmp_path / "a.tif", compression, bytes(encode()), colors=colors)
    refuse(path, "it says that it has 2000 rows, 2000 columns|it is not such a picture as the page has")


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_lerc_within_another_compression_is_unpacked_to_its_size_and_no_further(wrapping: str, tmp_path: Path) -> None:
    path = with_tile(tmp_path / "a.tif", "lerc", WRAPPED[wrapping](bytes(PACKED_BYTES)))
    refuse(path, "cannot be read")


def test_a_webp_that_moves_is_refused(tmp_path: Path) -> None:
    whole = bytes(_imagecodecs.webp_encode(np.zeros((TILE, TILE, 4), np.uint8), lossless=True))
    moving = whole[:12] + b"VP8X" + bytes([10, 0, 0, 0, 2]) + bytes(9) + whole[12:]
    refuse(with_tile(tmp_path / "a.tif", "webp", moving, colors=True), "it is a moving picture")


@pytest.mark.parametrize("compression", PLAIN)
def test_a_tile_is_unpacked_to_its_size_and_no_further(compression: str, tmp_path: Path) -> None:
    content = PLAIN[compression](bytes(PACKED_BYTES if compression != "packbits" else 2**19))
    path = with_tile(tmp_path / "a.tif", compression, content)
    source = open_source(path, Options())
    tracemalloc.start()
    with suppress(SourceError):  # some decoders fill the tile, and leave the rest
        read(source)
    assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    tracemalloc.stop()


def test_a_tile_of_far_more_bytes_than_pixels_is_refused(tmp_path: Path) -> None:
    path = with_tile(tmp_path / "a.tif", "zlib", bytes(2**21))
    with pytest.raises(SourceError, match=r"page 0, tile 1 has 2097152 bytes, and a tile of .* has at most 1064960"):
        open_source(path, Options())
