"""A writer of LIF: the XML, then a block of bytes for each image."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

NUMBERS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "E": 5, "M": 10}
TABLES = ("Green", "Red", "Gray", "Blue")


@dataclass
class Image:
    """An image: pixels in the order in which they are stored, with a letter for each dimension.

    C is channels in planes, and S, the last, red, green and blue of each pixel.
    """

    name: str
    pixels: NDArray[Any]
    letters: str
    lengths: dict[str, tuple[float, str]] = field(default_factory=dict)
    tiles: Sequence[tuple[float, float]] = ()
    cut_bytes: int = 0
    bits: int | None = None


def image_xml(image: Image, block: str) -> str:
    """The XML of an image."""
    item_bytes = image.pixels.itemsize
    steps = dict(zip(image.letters, np.ascontiguousarray(image.pixels).strides, strict=True))
    counts = dict(zip(image.letters, image.pixels.shape, strict=True))
    letter = "C" if "C" in counts else "S"
    channels = ""
    for i in range(counts.get(letter, 1)):
        kind = int(image.pixels.dtype.kind == "f")
        tag = i + 1 if letter in counts and letter == "S" else 0
        channels += (
            f'<ChannelDescription DataType="{kind}" ChannelTag="{tag}" Resolution="{image.bits or 8 * item_bytes}" '
            f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="{TABLES[i % 4]}" IsLUTInverted="0" '
            f'BytesInc="{i * steps.get(letter, 0)}" BitInc="0"><ChannelProperty><Key>DyeName</Key>'
            f"<Value>dye {i}</Value></ChannelProperty></ChannelDescription>"
        )
    dimensions = ""
    for name in reversed(image.letters.replace("C", "").replace("S", "")):
        length, unit = image.lengths.get(name, (0.0, ""))
        dimensions += (
            f'<DimensionDescription DimID="{NUMBERS[name]}" NumberOfElements="{counts[name]}" Origin="0" '
            f'Length="{length}" Unit="{unit}" BitInc="0" BytesInc="{steps[name]}"/>'
        )
    tiles = "".join(f'<Tile FieldX="0" FieldY="{i}" PosX="{x}" PosY="{y}"/>' for i, (x, y) in enumerate(image.tiles))
    scan = f'<Attachment Name="TileScanInfo">{tiles}</Attachment>' if tiles else ""
    return (
        f"<Element Name={quoteattr(image.name)}><Data><Image><ImageDescription><Channels>{channels}</Channels>"
        f"<Dimensions>{dimensions}</Dimensions></ImageDescription>{scan}"
        '<Attachment Name="HardwareSetting"><ATLConfocalSettingDefinition ObjectiveName="HC PL 20x"/></Attachment>'
        f'</Image></Data><Memory Size="{image.pixels.nbytes}" MemoryBlockID="{block}"/></Element>'
    )


def write_lif(path: Path, images: Sequence[Image], version: int = 2) -> Path:
    """Write a LIF of images in a folder named ``run``, the first one outside of it."""
    made = [image_xml(image, f"MemBlock_{i}") for i, image in enumerate(images)]
    folder = f'<Element Name="run"><Children>{"".join(made[1:])}</Children></Element>' if made[1:] else ""
    xml = (
        f'<LMSDataContainerHeader Version="{version}"><Element Name="file.lif"><Children>{"".join(made[:1])}{folder}'
        "</Children></Element></LMSDataContainerHeader>"
    )
    encoded = xml.encode("utf-16-le")
    out = struct.pack("<IIBI", 0x70, len(encoded) + 5, 0x2A, len(xml)) + encoded
    for i, image in enumerate(images):
        data, name = np.ascontiguousarray(image.pixels).tobytes(), f"MemBlock_{i}"
        size = struct.pack("<Q" if version == 2 else "<I", len(data))
        inner = b"\x2a" + size + b"\x2a" + struct.pack("<I", len(name)) + name.encode("utf-16-le")
        out += struct.pack("<II", 0x70, len(inner)) + inner + data[: len(data) - image.cut_bytes]
    path.write_bytes(out)
    return path
