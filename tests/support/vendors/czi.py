"""A writer of CZI, segment by segment."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

PIXEL_TYPES = {("uint8", 1): 0, ("uint16", 1): 1, ("float32", 1): 2, ("uint8", 3): 3, ("uint16", 3): 4, ("uint8", 4): 9}
XML = """<ImageDocument><Metadata>
<Information>
 <Image><AcquisitionDateAndTime>2024-05-06T07:08:09Z</AcquisitionDateAndTime><Dimensions>
  <Channels>
   <Channel Id="Channel:0" Name="DAPI"><EmissionWavelength>465</EmissionWavelength><Fluor>DAPI</Fluor></Channel>
   <Channel Id="Channel:1" Name="EGFP"/>
  </Channels>
  <S><Scenes>
   <Scene Index="0" Name="left"><CenterPosition>100,200</CenterPosition></Scene>
   <Scene Index="1" Name="right"><CenterPosition>300,200</CenterPosition></Scene>
  </Scenes></S>
  <T><Positions><Interval><Increment>2.5</Increment></Interval></Positions></T>
 </Dimensions></Image>
 <Instrument><Objectives><Objective Name="Plan 20x"/></Objectives></Instrument>
</Information>
<Scaling><Items>
 <Distance Id="X"><Value>2e-7</Value></Distance><Distance Id="Y"><Value>4e-7</Value></Distance>
 <Distance Id="Z"><Value>1.5e-6</Value></Distance>
</Items></Scaling>
<DisplaySetting><Channels>
 <Channel Id="Channel:0"><Color>#FF0000FF</Color></Channel><Channel Id="Channel:1"><Color>#FF00FF5B</Color></Channel>
</Channels></DisplaySetting>
</Metadata></ImageDocument>"""


@dataclass
class Tile:
    """Pixels of one plane (rows, columns, perhaps samples as red, green, blue), and where they belong."""

    pixels: NDArray[Any]
    index: dict[str, int] = field(default_factory=dict)
    y: int = 0
    x: int = 0
    compression: int = 0
    stored: tuple[int, int] | None = None
    part: int = 0
    pixel_type: int | None = None


def shuffled(data: bytes) -> bytes:
    """The low bytes of 16-bit values, then the high ones."""
    return np.frombuffer(data, np.uint8).reshape(-1, 2).T.tobytes()


def jpeg(pixels: NDArray[Any]) -> bytes:
    """JPEG that keeps blocks of one value exactly, and colours as they are."""
    if pixels.ndim == 2:
        return bytes(imagecodecs.jpeg8_encode(pixels, 100))
    return bytes(imagecodecs.jpeg8_encode(pixels, 100, colorspace="RGB", outcolorspace="RGB"))


ENCODERS: dict[int, Callable[[NDArray[Any]], bytes]] = {
    0: lambda pixels: pixels.tobytes(),
    1: jpeg,
    2: lambda pixels: bytes(imagecodecs.lzw_encode(pixels.tobytes())),
    4: lambda pixels: bytes(imagecodecs.jpegxr_encode(pixels, level=None)),
    5: lambda pixels: bytes(imagecodecs.zstd_encode(pixels.tobytes())),
    3: lambda pixels: pixels.tobytes(),
    6: lambda pixels: (
        b"\3\1\1" + bytes(imagecodecs.zstd_encode(shuffled(pixels.tobytes())))
        if pixels.itemsize == 2
        else b"\1" + bytes(imagecodecs.zstd_encode(pixels.tobytes()))
    ),
}


def segment(kind: bytes, data: bytes) -> bytes:
    """A segment, padded to a multiple of 32 bytes."""
    taken = math.ceil(len(data) / 32) * 32
    return struct.pack("<16sqq", kind, taken, len(data)) + data.ljust(taken, b"\0")


def entry(tile: Tile, place: int) -> bytes:
    """The entry of a tile in the list of tiles."""
    rows, columns = tile.pixels.shape[:2]
    stored = tile.stored or (rows, columns)
    samples = tile.pixels.shape[2] if tile.pixels.ndim == 3 else 1
    kind = PIXEL_TYPES[tile.pixels.dtype.name, samples] if tile.pixel_type is None else tile.pixel_type
    full = (rows, columns) if tile.stored is None else tuple(2 * n for n in stored)
    extents = {"X": (tile.x, full[1], stored[1]), "Y": (tile.y, full[0], stored[0])}
    extents |= {letter: (first, 1, 1) for letter, first in tile.index.items()}
    data = struct.pack("<2siqiiB5xi", b"DV", kind, place, tile.part, tile.compression, 0, len(extents))
    for letter, (first, count, stored_count) in extents.items():
        data += struct.pack("<4siifi", letter.encode(), first, count, 0.0, stored_count)
    return data


def encode(tile: Tile) -> bytes:
    """The bytes of a tile's pixels; only JPEG and JPEG XR have colours in the order red, green, blue."""
    pixels = tile.pixels.astype(tile.pixels.dtype.newbyteorder("<"))
    if pixels.ndim == 3 and tile.compression not in (1, 4):
        pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    return ENCODERS[tile.compression](np.ascontiguousarray(pixels))


def write_czi(
    path: Path,
    tiles: Sequence[Tile],
    xml: str = XML,
    *,
    pending: int = 0,
    head_gap: int = 100,
    part: int = 0,
    first_id: bytes = b"",
    listed: Sequence[bytes] = (),
) -> Path:
    """Write a CZI of tiles, each with XML of `head_gap` bytes before its pixels.

    `part` and `first_id` are for one of several files, and `listed` are entries of tiles in others.
    """
    head = 32 + 512
    body, entries = b"", []
    for tile in tiles:
        place = head + len(body)
        data = encode(tile)
        made = entry(tile, place)
        entries.append(made)
        start = (struct.pack("<iiq", head_gap, 0, len(data)) + made).ljust(256, b"\0")
        body += segment(b"ZISRAWSUBBLOCK", start + b" " * head_gap + data)
    xml_place = head + len(body)
    entries += listed
    encoded = xml.encode()
    body += segment(b"ZISRAWMETADATA", struct.pack("<ii", len(encoded), 0).ljust(256, b"\0") + encoded)
    list_place = head + len(body)
    body += segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries))
    places = struct.pack("<4i16s16siqqiq", 1, 0, 0, 0, first_id, b"", part, list_place, xml_place, pending, 0)
    path.write_bytes(segment(b"ZISRAWFILE", places.ljust(512, b"\0")) + body)
    return path


def stack(shape: Sequence[int], letters: str, dtype: str = "uint16", compression: int = 0, **index: int) -> list[Tile]:
    """Tiles of one plane each, of random pixels; `shape` ends in rows, columns and perhaps samples."""
    chance = np.random.default_rng(len(shape))
    outer, plane = shape[: len(letters)], shape[len(letters) :]
    return [
        Tile(
            chance.integers(0, 200, plane).astype(dtype),
            {**dict(zip(letters, at, strict=True)), **index},
            compression=compression,
        )
        for at in np.ndindex(*outer)
    ]
