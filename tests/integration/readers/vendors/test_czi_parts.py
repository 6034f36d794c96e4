"""A CZI in several files: found by any of them, and refused if one is missing, another's, or changed."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import pyramid
from pyramid.decoding.codecs import DecodeError
from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.vendors.czi.pixel_types import JPEG, decode_tile
from pyramid.testing.sources import read
from tests.support.servers.web import ranged
from tests.support.stores import read_level
from tests.support.vendors.czi import entry, stack, write_czi

FIRST_TILE = 32 + 512  # the byte at which it begins
TILES = stack((3, 20, 31), "T")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The first file of three, which lists the tiles of the second one too."""
    write_czi(tmp_path / "scan (1).czi", [TILES[1]], part=1, first_id=b"a")
    write_czi(tmp_path / "scan (2).czi", [TILES[2]], part=2, first_id=b"a")
    listed = [entry(dataclasses.replace(TILES[1], part=1), FIRST_TILE)]
    return write_czi(tmp_path / "scan.czi", [TILES[0]], first_id=b"a", listed=listed)


def refuse(path: object, match: str) -> None:
    with pytest.raises(SourceError, match=match) as raised:
        open_source(path, Options())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["scan.czi", "scan (1).czi", "scan (2).czi"])
def test_any_part_is_the_whole_image(name: str, first: Path, tmp_path: Path) -> None:
    pyramid.convert(first.parent / name, tmp_path / "a.zarr")
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0), np.stack([tile.pixels for tile in TILES]))
    assert pyramid.plan(first.parent / name).spec.scale[0] == 2.5  # by the XML of the first


def test_a_missing_part_is_named(first: Path) -> None:
    (first.parent / "scan (1).czi").unlink()
    refuse(first, r"keeps tiles in its part 1, and scan \(1\).czi is not with it; copy all parts to one folder")
    (first.parent / "scan (2).czi").unlink()
    refuse(first, r"keeps tiles in its part 1, and scan \(1\).czi is not")


def test_a_part_without_its_first_file_names_it(first: Path) -> None:
    first.unlink()
    refuse(first.parent / "scan (2).czi", r"is part 2 of a CZI of several files, and scan.czi, the first, is not with")
    (first.parent / "scan (2).czi").rename(first.parent / "other.czi")
    refuse(first.parent / "other.czi", "is part 2 of a CZI of several files; copy all parts")


def test_a_file_that_only_has_the_name_of_a_part_is_left_out(tmp_path: Path) -> None:
    path = write_czi(tmp_path / "a.czi", TILES[:1], first_id=b"a")
    shutil.copy(path, tmp_path / "a (1).czi")  # as a browser names a second copy
    write_czi(tmp_path / "a (2).czi", TILES[1:2], part=2, first_id=b"b")
    (tmp_path / "a (3).czi").write_bytes(b"ZISRAWFILE")
    assert open_source(path, Options()).spec.shape == (20, 31)
    refuse(tmp_path / "a (2).czi", "is not the part 2 of .*a.czi: copy all parts to one folder")
    assert open_source(tmp_path / "a (1).czi", Options()).spec.shape == (20, 31)


def test_a_part_that_changes_ends_the_run_and_not_the_next_one(first: Path) -> None:
    source: Any = open_source(first, Options())
    before = source.fingerprint()
    os.utime(first.parent / "scan (2).czi", ns=(1, 1))
    with pytest.raises(SourceError, match=r"scan \(2\).czi has changed since it was opened"):
        read(source)
    again: Any = open_source(first, Options())
    assert read(again).shape == (3, 20, 31)
    assert again.fingerprint() != before


def test_at_a_url_a_set_is_refused(first: Path) -> None:
    with ranged(first.parent) as web:
        refuse(web.url("scan.czi"), r"keeps tiles in its part 1, and scan \(1\).czi is not with it; copy all parts")
        refuse(web.url("scan%20(1).czi"), "is part 1 of a CZI of several files; copy all parts to one folder of this")


def test_what_jpeg_and_lzw_decode_to_is_never_more_than_a_tile(tmp_path: Path) -> None:
    for compression in (1, 2, 4, 5):
        large = dataclasses.replace(stack((64, 64), "", "uint8", compression)[0], stored=(8, 8), index={})
        data = write_czi(tmp_path / "a.czi", [large]).read_bytes()
        small = entry(dataclasses.replace(large, stored=None, pixels=large.pixels[:8, :8]), FIRST_TILE)
        full = entry(large, FIRST_TILE)
        (tmp_path / f"{compression}.czi").write_bytes(data.replace(full, small))
        source = open_source(tmp_path / f"{compression}.czi", Options())
        assert source.spec.shape == (8, 8)
        if compression == 2:  # which has no size of its own
            np.testing.assert_array_equal(read(source).reshape(-1), large.pixels.reshape(-1)[:64])
            continue
        with pytest.raises(SourceError, match="the tile at byte 544 is damaged"):
            read(source)


def test_a_jpeg_of_several_scans_is_compared_with_its_tile_before_it_is_decoded() -> None:
    encoder: Any = imagecodecs.jpeg8_encode
    one = encoder(np.zeros((640, 640), np.uint8))
    several = bytes(one).replace(b"\xff\xc0", b"\xff\xc2", 1)  # the mark of a frame of several scans
    with pytest.raises(DecodeError, match="it says that it has 640 rows, 640 columns and 1 samples, and at most 64"):
        decode_tile(np.frombuffer(several, np.uint8), JPEG, 0, (8, 8))


def test_a_tile_of_far_more_bytes_than_pixels_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (1500, 1500), np.uint8)
    large = dataclasses.replace(stack((8, 8), "", "uint8", 5)[0], pixels=noise, stored=(8, 8), index={})
    (tmp_path / "a.czi").write_bytes(
        write_czi(tmp_path / "b.czi", [large])
        .read_bytes()
        .replace(
            entry(large, FIRST_TILE), entry(dataclasses.replace(large, stored=None, pixels=noise[:8, :8]), FIRST_TILE)
        )
    )
    with pytest.raises(
        SourceError, match=r"the tile at byte 544 has .* bytes, which are more than pixels of its shape"
    ):
        read(open_source(tmp_path / "a.czi", Options()))
