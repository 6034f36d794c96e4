"""TIFFs of tifffile, libtiff's kinds and ImageJ. Each function returns the pixels that it wrote, with axes in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.support.tiff_kinds.microscopes import pixels


def shaped(path: Path) -> NDArray[Any]:
    """An array by tifffile, with its own description of the shape."""
    image = pixels(2, 3, 40, 50)
    tifffile.imwrite(path, image, metadata={"axes": "TZYX"}, photometric="minisblack")
    return image


def ome_images(path: Path) -> NDArray[Any]:
    """Two images in one OME-TIFF."""
    image = pixels(2, 40, 50)
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(image, metadata={"axes": "CYX", "Name": "first"})
        tif.write(pixels(3, 20, 30), metadata={"axes": "ZYX", "Name": "second"})
    return image


def ome_places(path: Path) -> NDArray[Any]:
    """An OME-TIFF with places of the stage, times of planes, and the date."""
    image = pixels(3, 40, 50)
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    planes = {
        "DeltaT": [0.0, 2.0, 4.0],
        "DeltaTUnit": ["s"] * 3,
        "PositionX": [1.5] * 3,
        "PositionXUnit": ["mm"] * 3,
        "PositionY": [20.0] * 3,
        "PositionYUnit": ["µm"] * 3,
    }
    metadata = {"axes": "TYX", "AcquisitionDate": "2020-01-02T10:11:12", **sizes, "Plane": planes}
    tifffile.imwrite(path, image, ome=True, metadata=metadata)
    return image


def imagej(path: Path) -> NDArray[Any]:
    """A hyperstack of ImageJ, with an origin in pixels."""
    image = pixels(2, 2, 3, 40, 50)
    metadata = {"axes": "TZCYX", "unit": "um", "spacing": 2.0, "finterval": 3.0, "xorigin": 10.0}
    tifffile.imwrite(path, image.swapaxes(1, 2), imagej=True, resolution=(4, 2), metadata=metadata)
    return image


def geotiff(path: Path) -> NDArray[Any]:
    """A GeoTIFF with overviews, as a cloud-optimized one has them, and tiles that are left out."""
    image = pixels(512, 384)
    image[:64, 64:128] = 7  # the value of what is missing
    tags: list[Any] = [
        (33550, "d", 3, (30.0, 30.0, 0.0), True),
        (33922, "d", 6, (0, 0, 0, 100, 200, 0), True),
        (34735, "H", 4, (1, 1, 0, 0), True),
        (42113, "s", 0, "7", True),
    ]
    with tifffile.TiffWriter(path) as tif:
        tif.write(_tiles(image), shape=image.shape, dtype=image.dtype, tile=(64, 64), extratags=tags, metadata=None)
        for factor in (2, 4):
            tif.write(image[::factor, ::factor], tile=(64, 64), subfiletype=1, metadata=None)
    return image


def palette(path: Path) -> NDArray[Any]:
    """Indices of a palette."""
    image = pixels(40, 50).astype("u1")
    colormap = np.random.default_rng(0).integers(0, 2**16, (3, 256)).astype("u2")
    tifffile.imwrite(path, image, photometric="palette", colormap=colormap)
    return image


def camera(path: Path) -> NDArray[Any]:
    """Raw values of a sensor, below a small picture in colour, as cameras and DNG have them."""
    image = pixels(64, 96)
    pattern: list[Any] = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes([0, 1, 1, 2]), True)]
    with tifffile.TiffWriter(path) as tif:
        version: list[Any] = [(50706, 1, 4, bytes([1, 4, 0, 0]), True)]
        small = np.zeros((16, 24, 3), "u1")
        tif.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=version)
        tif.write(image, photometric="cfa", subfiletype=0, metadata=None, extratags=pattern)
    return image


def _tiles(image: NDArray[Any]) -> Any:
    for y in range(0, image.shape[0], 64):
        for x in range(0, image.shape[1], 64):
            yield None if (y, x) == (0, 64) else image[y : y + 64, x : x + 64]


def colors(photometric: str, samples: int, **more: Any) -> Callable[[Path], NDArray[Any]]:
    """A writer of samples of a pixel in some colour space."""

    def write(path: Path) -> NDArray[Any]:
        image = pixels(40, 50, samples, dtype="uint8")
        stored = np.moveaxis(image, -1, 0) if more.get("planarconfig") == "separate" else image
        tifffile.imwrite(path, stored, photometric=photometric, metadata=None, **more)
        return np.moveaxis(image, -1, 0)

    return write


def grey(dtype: str, **more: Any) -> Callable[[Path], NDArray[Any]]:
    """A writer of one plane, stored in some way."""

    def write(path: Path) -> NDArray[Any]:
        image = pixels(40, 50, dtype=dtype)
        tifffile.imwrite(path, image, photometric="minisblack", metadata=None, **more)
        return image

    return write


def bits(count: int) -> Callable[[Path], NDArray[Any]]:
    """A writer of pixels of fewer bits than a byte or two, packed by hand, the most significant bit first."""

    def write(path: Path) -> NDArray[Any]:
        from tests.support.tiff_kinds.raw import SHORT, plane_tags
        from tests.support.tiff_kinds.raw import write as write_raw

        image = np.random.default_rng(3).integers(0, 1 << count, (40, 48), np.uint16)
        each = (image[..., None] >> np.arange(count - 1, -1, -1)) & 1
        packed = np.packbits(each.astype(np.uint8).reshape(40, -1), axis=1)
        dtype = "uint8" if count <= 8 else "uint16"
        tags = plane_tags((40, 48), dtype)
        tags[258] = (SHORT, 1, count.to_bytes(2, "little"))
        tags[279] = (4, 1, packed.nbytes.to_bytes(4, "little"))
        write_raw(path, [(tags, packed)])
        return image.astype(bool if count == 1 else dtype)

    return write


def volume(path: Path) -> NDArray[Any]:
    """Tiles with a depth, as SGI's volumes have them."""
    image = pixels(16, 64, 80, dtype="uint8")
    tifffile.imwrite(path, image, tile=(16, 16, 16), photometric="minisblack", volumetric=True, metadata=None)
    return image
