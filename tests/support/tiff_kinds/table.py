"""The table of kinds: how each is tried, and what is known of it before a pixel is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.tiff_kinds import microscopes, plain, slides

OWN, LAID_OUT = "a file of its own writer", "a file laid out by its public description"
REAL = "a real file"


@dataclass(frozen=True)
class Kind:
    """A kind of TIFF.

    Parameters
    ----------
    name, shown_by
        As the table of the documentation has them.
    suffix
        Of the file's name.
    make
        Writes a file, and returns its pixels with axes in order.
    facts
        Attributes of the source's description; of scale, units and translation those of some axes.
    """

    name: str
    shown_by: str
    suffix: str
    make: Callable[[Path], NDArray[Any]]
    facts: dict[str, Any] = field(default_factory=dict)


def _stack_file(path: Path) -> NDArray[Any]:
    made, image = microscopes.mmstack(path.parent)
    made.rename(path)
    return image.swapaxes(1, 2)


def _transposed(make: Callable[[Path], NDArray[Any]], *axes: int) -> Callable[[Path], NDArray[Any]]:
    return lambda path: make(path).transpose(axes)


def _largest(make: Callable[[Path], slides.Levels]) -> Callable[[Path], NDArray[Any]]:
    def first(path: Path) -> NDArray[Any]:
        image = make(path)[0]
        return np.moveaxis(image, -1, 0) if image.shape[-1] == 3 else image

    return first


UM = "micrometer"
KINDS = (
    Kind("OME-TIFF, several images", OWN, ".ome.tif", plain.ome_images, {"series": "first", "name": "first"}),
    Kind(
        "OME-TIFF, places and times",
        OWN,
        ".ome.tif",
        plain.ome_places,
        {
            "scale": {"t": 2.0, "y": 0.25, "x": 0.5},
            "translation": {"y": 20.0, "x": 1500.0},
            "details": (("acquired", "2020-01-02T10:11:12"), ("OME-XML", "kept as OME/METADATA.ome.xml")),
        },
    ),
    Kind(
        "ImageJ",
        LAID_OUT,
        ".tif",
        plain.imagej,
        {"scale": {"t": 3.0, "z": 2.0, "y": 0.5, "x": 0.25}, "translation": {"x": -2.5}},
    ),
    Kind("tifffile's shaped", OWN, ".tif", plain.shaped, {"axes": "tzyx"}),
    Kind(
        "Zeiss LSM",
        LAID_OUT,
        ".lsm",
        microscopes.lsm,
        {
            "scale": {"t": 1.5, "z": 1.0, "y": 0.3, "x": 0.2},
            "translation": {"y": 20.0, "x": 10.0},
        },
    ),
    Kind(
        "MetaMorph STK",
        LAID_OUT,
        ".stk",
        microscopes.stk,
        {"scale": {"z": 2.5, "y": 0.26, "x": 0.13}, "details": (("acquired", "2022-01-02 10:00:00"),)},
    ),
    Kind(
        "MetaSeries",
        LAID_OUT,
        ".tif",
        microscopes.metaseries,
        {"scale": {"y": 0.5, "x": 0.65}, "channel_names": ("DAPI",)},
    ),
    Kind(
        "Micro-Manager's stacks",
        LAID_OUT,
        "_MMStack_Pos0.ome.tif",
        _stack_file,
        {
            "scale": {"t": 0.5, "z": 2.0, "y": 0.65, "x": 0.65},
            "translation": {"z": 5.0, "y": 20.0, "x": 10.0},
            "channel_names": ("DAPI", "GFP"),
        },
    ),
    Kind(
        "ScanImage",
        LAID_OUT,
        ".tif",
        _transposed(microscopes.scanimage, 1, 2, 0, 3, 4),
        {"scale": {"t": 0.033, "z": 2.5}, "channel_names": ("Green", "Red")},
    ),
    Kind(
        "Olympus FluoView",
        LAID_OUT,
        ".tif",
        microscopes.fluoview,
        {"scale": {"z": 1.5, "y": 0.5, "x": 0.25}, "translation": {"y": 7.0, "x": 5.0}},
    ),
    Kind(
        "Nikon NIS-Elements",
        LAID_OUT,
        ".tif",
        microscopes.nikon,
        {"scale": {"z": 1.5, "y": 0.325, "x": 0.325}, "details": (("objective", "Plan Apo 20x"),)},
    ),
    Kind("Aperio SVS", REAL, ".svs", _largest(slides.svs), {"scale": {"y": 0.25, "x": 0.25}}),
    Kind("Hamamatsu NDPI", LAID_OUT, ".ndpi", _largest(slides.ndpi), {"scale": {"y": 0.25, "x": 0.25}}),
    Kind("Philips", LAID_OUT, ".tiff", _largest(slides.philips), {"scale": {"y": 0.25, "x": 0.25}}),
    Kind(
        "Leica SCN",
        LAID_OUT,
        ".scn",
        _largest(slides.scn),
        {"scale": {"y": 0.5, "x": 0.5}, "translation": {"y": 10.0, "x": 20.0}},
    ),
    Kind("Ventana BIF", LAID_OUT, ".bif", _largest(slides.bif), {"scale": {"y": 0.25, "x": 0.25}}),
    Kind("PerkinElmer QPTIFF", LAID_OUT, ".qptiff", _largest(slides.qptiff), {"channel_names": ("DAPI", "Opal 520")}),
    Kind("GeoTIFF, cloud-optimized, sparse", LAID_OUT, ".tif", plain.geotiff),
    Kind("CMYK", OWN, ".tif", plain.colors("separated", 4), {"channel_names": ("cyan", "magenta", "yellow", "black")}),
    Kind("CIELAB", OWN, ".tif", plain.colors("cielab", 3), {"channel_names": ("L*", "a*", "b*")}),
    Kind("alpha", OWN, ".tif", plain.colors("rgb", 4, extrasamples=["unassalpha"])),
    Kind("planes of samples", OWN, ".tif", plain.colors("rgb", 3, planarconfig="separate")),
    Kind("palette", OWN, ".tif", plain.palette, {"axes": "yx"}),
    Kind("colour filter array, as of cameras", LAID_OUT, ".dng", plain.camera, {"axes": "yx"}),
    Kind("1 bit", LAID_OUT, ".tif", plain.bits(1)),
    Kind("2 bits", LAID_OUT, ".tif", plain.bits(2)),
    Kind("4 bits", LAID_OUT, ".tif", plain.bits(4)),
    Kind("10 bits", LAID_OUT, ".tif", plain.bits(10)),
    Kind("12 bits", LAID_OUT, ".tif", plain.bits(12)),
    Kind("14 bits", LAID_OUT, ".tif", plain.bits(14)),
    Kind("BigTIFF", OWN, ".tif", plain.grey("uint16", bigtiff=True)),
    Kind("big-endian", OWN, ".tif", plain.grey("uint16", byteorder=">")),
    Kind("predictor 3", OWN, ".tif", plain.grey("float32", compression="zlib", predictor=3)),
    Kind("tiles with a depth", OWN, ".tif", plain.volume),
    *(
        Kind(f"compression {name}", OWN, ".tif", plain.grey("uint8", compression=code))
        for name, code in (
            ("Deflate", "deflate"),
            ("LZW", "lzw"),
            ("PackBits", "packbits"),
            ("LZMA", "lzma"),
            ("Zstandard", "zstd"),
            ("LERC", "lerc"),
            ("JPEG 2000", "jpeg2000"),
            ("JPEG XL", "jpegxl"),
            ("JPEG XR", "jpegxr"),
            ("PNG", "png"),
        )
    ),
    Kind(
        "compression WebP",
        OWN,
        ".tif",
        plain.colors("rgb", 3, compression="webp", compressionargs={"lossless": True}),
    ),
)
