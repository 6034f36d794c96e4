"""Pyramids that libvips writes: level 0 is the image, and its own levels are found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile

import pyramid
from pyramid.model import own_levels_of
from pyramid.options.convert import Options
from pyramid.readers import open_source
from tests.support.stores import read_level

CHANCE = np.random.default_rng(0)
COLOURS = CHANCE.integers(0, 255, (300, 410, 3)).astype("u1")
GREY = CHANCE.integers(0, 60000, (300, 410)).astype("u2")
# An image, and the options with which it is written.
WRITTEN = {
    "pages": (COLOURS, "--compression deflate"),
    "SubIFDs": (COLOURS, "--subifd --compression lzw --predictor horizontal"),
    "SubIFDs of 16 bits": (GREY, "--subifd --compression zstd"),
    "BigTIFF": (GREY, "--subifd --bigtiff"),
    "WebP": (COLOURS, "--subifd --compression webp --lossless"),
    "JPEG 2000": (GREY, "--subifd --compression jp2k --lossless"),  # of colours it stores luma and chroma
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_libvips_writes_converts_equal(name: str, tmp_path: Path) -> None:
    image, options = WRITTEN[name]
    source, path = tmp_path / "source.tif", tmp_path / "a.tif"
    tifffile.imwrite(source, image, photometric="rgb" if image.ndim == 3 else "minisblack")
    words = ["vips", "tiffsave", str(source), str(path), "--tile", "--pyramid", *options.split()]
    subprocess.run(words, check=True, capture_output=True)
    pyramid.convert(path, tmp_path / "a.zarr")
    expected = np.moveaxis(image, -1, 0) if image.ndim == 3 else image
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0), expected)
    levels = own_levels_of(open_source(path, Options(level_source="reuse")))
    assert [level.spec.shape[-2:] for level in levels] == [(150, 205), (75, 102)]
