"""Whole slides, laid out by their public descriptions. Each function returns the levels that it wrote."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

Levels = list[NDArray[Any]]
TILE: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb", "metadata": None}


def slide(*shape: int) -> NDArray[np.uint8]:
    """Noise of three colours."""
    return np.random.default_rng(5).integers(0, 250, (*shape, 3), np.uint8)


def reduced(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Every so manieth pixel, without what is left over at the ends."""
    y, x = (n // factor * factor for n in image.shape[:2])
    return image[:y:factor, :x:factor]


def svs(path: Path) -> Levels:
    """Aperio: the slide, its thumbnail, its levels, a label and a macro image."""
    levels = [slide(300, 402)]
    levels += [reduced(levels[0], 4), reduced(levels[0], 8)]
    said = "Aperio Image Library v12\r\n402x300|AppMag = 20|MPP = 0.25|Date = 01/02/20|Time = 10:11:12"
    with tifffile.TiffWriter(path) as tif:
        tif.write(levels[0], description=said, **TILE)
        tif.write(reduced(levels[0], 10), photometric="rgb", description="Aperio thumbnail", metadata=None)
        for level in levels[1:]:
            tif.write(level, description=said, **TILE)
        for kind, name in ((1, "label"), (9, "macro")):
            tif.write(slide(30, 40), photometric="rgb", description=f"Aperio {name}", subfiletype=kind, metadata=None)
    return levels


def ndpi(path: Path) -> Levels:
    """Hamamatsu: levels as pages, then a macro image and a map of the slide; offsets of 64 bits."""
    levels = [slide(256, 512)]
    levels += [reduced(levels[0], 2), reduced(levels[0], 4)]
    with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as tif:
        for number, level in enumerate([*levels, slide(40, 60)]):
            power = -1.0 if number == len(levels) else 20.0 / 2**number
            tags = [(65420, "I", 1, 1, True), (271, "s", 0, "Hamamatsu", True), (65421, "f", 1, power, True)]
            options: dict[str, Any] = {"resolution": (40_000 / 2**number,) * 2, "resolutionunit": 3}
            tif.write(level, photometric="rgb", rowsperstrip=level.shape[0], extratags=tags, metadata=None, **options)
    _widen(path)
    return levels


def _widen(path: Path) -> None:
    """Rewrite the directories of a classic TIFF as Hamamatsu has them: with the high bytes of values after each."""
    found = path.read_bytes()
    (offset,) = struct.unpack_from("<I", found, 4)
    directories = []
    while offset:
        (count,) = struct.unpack_from("<H", found, offset)
        end = offset + 2 + 12 * count
        directories.append((count, found[offset + 2 : end]))
        (offset,) = struct.unpack_from("<I", found, end)
    out = bytearray(found)
    link = 4
    for count, entries in directories:
        out += b"\0" * (len(out) % 2)
        struct.pack_into("<Q", out, link, len(out))
        link = len(out) + 2 + len(entries)
        out += struct.pack("<H", count) + entries + struct.pack("<Q", 0) + struct.pack(f"<{count}I", *[0] * count)
    path.write_bytes(out)


def philips(path: Path) -> Levels:
    """Philips: levels that are padded to whole tiles, whose extents follow from their spacings."""
    levels = [slide(256, 384)]
    levels += [reduced(levels[0], 2), reduced(levels[0], 4)]
    spacings = "".join(
        '<DataObject ObjectType="PixelDataRepresentation">'
        f'<Attribute Name="DICOM_PIXEL_SPACING">"{0.00025 * 2**n}" "{0.00025 * 2**n}"</Attribute></DataObject>'
        for n in range(len(levels))
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">'
        '<Attribute Name="DICOM_ACQUISITION_DATETIME">20200102101112</Attribute>'
        f'<Attribute Name="PIM_DP_SCANNED_IMAGES"><Array>{spacings}</Array></Attribute></DataObject>'
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for number, level in enumerate(levels):
            tall, wide = (-(-n // 64) * 64 for n in level.shape[:2])
            padded = np.zeros((tall, wide, 3), np.uint8)
            padded[: level.shape[0], : level.shape[1]] = level
            tif.write(
                padded,
                description=xml if number == 0 else f"level={number} mag=1",
                software="Philips DP v1.0" if number == 0 else None,
                **TILE,
            )
        tif.write(slide(30, 40), photometric="rgb", description="Macro", metadata=None)
        tif.write(slide(20, 40), photometric="rgb", description="Label", metadata=None)
    return levels


def scn(path: Path) -> Levels:
    """Leica SCN: the macro image first, then the slide, each placed in nanometers."""
    levels = [slide(256, 384)]
    levels += [reduced(levels[0], 4)]
    xml = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection name="a">'
        '<image name="macro"><pixels sizeX="60" sizeY="40"><dimension sizeX="60" sizeY="40" r="0" ifd="0"/></pixels>'
        '<view sizeX="600000" sizeY="400000" offsetX="0" offsetY="0"/></image>'
        '<image name="region"><creationDate>2020-01-02T10:11:12Z</creationDate><pixels sizeX="384" sizeY="256">'
        '<dimension sizeX="384" sizeY="256" r="0" ifd="1"/><dimension sizeX="96" sizeY="64" r="1" ifd="2"/></pixels>'
        '<view sizeX="192000" sizeY="128000" offsetX="20000" offsetY="10000"/>'
        "<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings></scanSettings></image>"
        "</collection></scn>"
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        tif.write(slide(40, 60), description=xml, **TILE)
        for level in levels:
            tif.write(level, **TILE)
    return levels


def bif(path: Path) -> Levels:
    """Ventana: a label, a probability image, and the levels; their tiles do not overlap here."""
    levels = [slide(256, 384)]
    levels += [reduced(levels[0], 2)]
    xmp = b'<Metadata><iScan Magnification="40" ScanRes="0.25" UnitNumber="1"/></Metadata>'
    tags = [(700, 1, len(xmp), xmp, True)]
    options: dict[str, Any] = {"software": "ScanOutputManager 1.1", "extratags": tags}
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        tif.write(slide(30, 40), photometric="rgb", description="Label Image", metadata=None, **options)
        for number, level in enumerate(levels):
            tif.write(level, description=f"level={number} mag={40 >> number} quality=90", **TILE, **options)
    return levels


def qptiff(path: Path) -> Levels:
    """PerkinElmer QPTIFF: a page for each channel, a thumbnail, and the levels of all channels."""
    image = np.random.default_rng(5).integers(0, 4000, (2, 256, 384), np.uint16)
    levels = [image, image[:, ::2, ::2], image[:, ::4, ::4]]

    def said(kind: str, number: int) -> str:
        name, color = (("DAPI", "0,0,255"), ("Opal 520", "0,255,0"))[number]
        inside = f"<ImageType>{kind}</ImageType><Name>{name}</Name><Color>{color}</Color>"
        return f"<PerkinElmer-QPI-ImageDescription>{inside}</PerkinElmer-QPI-ImageDescription>"

    options: dict[str, Any] = {"software": "PerkinElmer-QPI", "metadata": None}
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for n, plane in enumerate(levels[0]):
            size: dict[str, Any] = {"resolution": (20_000, 20_000), "resolutionunit": 3}
            tif.write(plane, tile=(64, 64), description=said("FullResolution", n), **options, **size)
        tif.write(slide(30, 40), photometric="rgb", description=said("Thumbnail", 0), **options)
        for level in levels[1:]:
            for n, plane in enumerate(level):
                tif.write(plane, tile=(64, 64), description=said("ReducedResolution", n), **options)
    return levels
