"""Palettes: the indices are kept, or expanded to the colours that the ColorMap says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import pyramid
from pyramid.errors import OptionError, SourceError
from tests.support.stores import read_level
from tests.support.tiff_kinds.microscopes import pixels

RANDOM = np.random.default_rng(2)
BYTES = RANDOM.integers(0, 256, (3, 256))
MAPS = {
    "uint16": RANDOM.integers(0, 65536, (3, 256)).astype("u2"),
    "times 257": (BYTES * 257).astype("u2"),
    "times 256": (BYTES * 256).astype("u2"),
    "bytes": BYTES.astype("u2"),
}


def write(path: Path, table: NDArray[Any], **more: Any) -> NDArray[Any]:
    image = pixels(261, 300, dtype="uint8")
    tifffile.imwrite(path, image, photometric="palette", colormap=table, metadata=None, **more)
    return image


@pytest.mark.parametrize("name", MAPS)
def test_colours_are_those_of_the_map(name: str, tmp_path: Path) -> None:
    table = MAPS[name]
    indices = write(tmp_path / "a.tif", table, tile=(64, 64))
    image = pyramid.convert(tmp_path / "a.tif", tmp_path / "t.zarr", expand_palette=True, workers=2)
    level = read_level(tmp_path / "t.zarr", 0)
    expected = (table if name == "uint16" else BYTES.astype(np.uint8))[:, indices]
    assert level.dtype == expected.dtype
    np.testing.assert_array_equal(level, expected)
    assert [channel.label for channel in image.metadata.channels] == ["red", "green", "blue"]


def test_pillow_sees_the_same_colours(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", MAPS["times 257"])
    pyramid.convert(tmp_path / "a.tif", tmp_path / "t.zarr", expand_palette=True)
    with Image.open(tmp_path / "a.tif") as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.moveaxis(read_level(tmp_path / "t.zarr", 0), 0, -1), expected)


def test_indices_are_kept_unless_colours_are_asked_for(tmp_path: Path) -> None:
    indices = write(tmp_path / "a.tif", MAPS["uint16"])
    with pytest.warns(pyramid.PyramidWarning, match="expand_palette"):
        pyramid.convert(tmp_path / "a.tif", tmp_path / "t.zarr")
    np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", 0), indices)


def test_own_levels_are_expanded_too(tmp_path: Path) -> None:
    image, table = pixels(256, 300, dtype="uint8"), MAPS["uint16"]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for number, level in enumerate((image, image[::2, ::2])):
            tif.write(level, photometric="palette", colormap=table, subfiletype=int(number > 0), metadata=None)
    pyramid.convert(tmp_path / "a.tif", tmp_path / "t.zarr", expand_palette=True, level_source="reuse", min_size=4096)
    np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", 1), table[:, image[::2, ::2]])


def test_an_image_without_a_palette_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(40, 50))
    with pytest.raises(OptionError, match="has no palette"):
        pyramid.plan(tmp_path / "a.tif", expand_palette=True)
    with pytest.raises(OptionError, match="only a TIFF has a palette"):
        pyramid.plan(pixels(40, 50), expand_palette=True)


def test_pages_with_different_palettes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for name in ("uint16", "bytes"):
            tif.write(pixels(40, 50, dtype="uint8"), photometric="palette", colormap=MAPS[name], metadata=None)
    with pytest.raises(SourceError, match="different palettes"):
        pyramid.plan(tmp_path / "a.tif", expand_palette=True)
