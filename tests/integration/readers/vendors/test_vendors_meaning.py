"""What CZI, LIF and ND2 say of their images, and what is refused, each with a sentence."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import liffile
import nd2
import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import PyramidError
from pyramid.model import Box, Channel, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.integration.readers.test_counted_reads import fetched_bytes
from tests.support.servers.web import ranged
from tests.support.stores import read_level
from tests.support.vendors.czi import Tile, stack, write_czi
from tests.support.vendors.lif import Image, write_lif
from tests.support.vendors.nd2 import depth_loop, place_loop, time_loop, write_nd2

PIXELS = np.random.default_rng(5).integers(0, 4000, (2, 3, 20, 31)).astype("u2")  # channels, depths, rows, columns
FRAMES = np.random.default_rng(6).integers(0, 4000, (12, 20, 31, 2)).astype("u2")
LOOPS = [time_loop(2, 500.0), place_loop([("left", 10.0, 20.0), ("", 30.0, 40.0)]), depth_loop(3, 1.5)]
LENGTHS = {"X": (30 * 2e-7, "m"), "Y": (19 * 4e-7, "m"), "Z": (2 * 1.5e-6, "m"), "T": (2.5, "s")}


def spec_of(path: object, **options: Any) -> SourceSpec:
    return open_source(path, Options(**options)).spec


def refuse(source: object, match: str, **options: Any) -> None:
    with pytest.raises(PyramidError, match=match) as raised:
        open_source(source, Options(**options))
    assert "\n" not in str(raised.value)


def known(spec: SourceSpec) -> dict[str, Any]:
    return {axis: size for axis, size in zip(spec.axes, spec.scale, strict=True) if size is not None}


def test_czi_gives_sizes_channels_scenes_and_places(tmp_path: Path) -> None:
    tiles = [tile for scene in (0, 1) for tile in stack((2, 2, 3, 20, 31), "TCZ", S=scene)]
    path = write_czi(tmp_path / "a.czi", tiles)
    refuse(path, "holds 2 images; choose one with series=N, or .* .0: left, TCZYX 2x2x3x20x31 uint16; 1: right,")
    spec = spec_of(path, series="right")
    assert known(spec) == {"t": 2.5, "z": 1.5, "y": 0.4, "x": 0.2}
    assert spec.units == ("second", None, "micrometer", "micrometer", "micrometer")
    assert spec.channels == (Channel("DAPI", "0000FF", dye="DAPI", emission_nm=465.0), Channel("EGFP", "00FF5B"))
    assert spec.translation == pytest.approx((0, 0, 0, 200 - 9.5 * 0.4, 300 - 15 * 0.2))  # of its first pixel
    assert dict(spec.details) == {"acquired": "2024-05-06T07:08:09Z", "objective": "Plan 20x"}
    assert (spec.name, spec.notices) == ("right", ())


def test_a_czi_says_what_its_planes_lack(tmp_path: Path) -> None:
    tiles = stack((2, 3, 20, 31), "TZ")
    assert "1 of its 6 planes are not in the file" in spec_of(write_czi(tmp_path / "a.czi", tiles[:-1])).notices[-1]
    np.testing.assert_array_equal(read(open_source(tmp_path / "a.czi", Options()))[1, 2], 0)
    tiles = [Tile(PIXELS[0, 0], {"M": 0}), Tile(PIXELS[0, 1], {"M": 1}, 0, 60)]
    (notice,) = spec_of(write_czi(tmp_path / "b.czi", tiles)).notices
    assert "mosaics of up to 2 tiles" in notice
    assert "where there is none, pixels are 0" in notice


def test_names_of_channels_in_colour_are_those_of_channel_and_sample(tmp_path: Path) -> None:
    spec = spec_of(write_czi(tmp_path / "a.czi", stack((2, 20, 31, 3), "C", "uint8")))
    assert [channel.name for channel in spec.channels][2:4] == ["DAPI blue", "EGFP red"]
    spec = spec_of(write_czi(tmp_path / "b.czi", stack((20, 31, 3), "", "uint8")))
    assert spec.channels == (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"))


@pytest.mark.parametrize(
    ("tile", "xml", "pending", "match"),
    [
        ({"compression": 3}, "", 0, "compressed by method 3, which is not read; save it in ZEN without compression"),
        ({"pixel_type": 10}, "", 0, "holds complex numbers"),
        ({"pixel_type": 99}, "", 0, "pixels of type 99, which is not known"),
        (
            {"part": 1},
            "",
            0,
            r"keeps tiles in its part 1, and a \(1\).czi is not with it; copy all parts to one folder",
        ),
        ({"index": {"Q": 3}}, "", 0, ""),
        ({}, "", 1, "still being written, or was not closed"),
        ({}, "<a><b></a>", 0, "its XML cannot be read"),
        ({}, '<!DOCTYPE a [<!ENTITY b "c">]><a/>', 0, "defines a document type"),
    ],
)
def test_a_czi_that_cannot_be_read_is_refused(
    tile: dict[str, Any], xml: str, pending: int, match: str, tmp_path: Path
) -> None:
    path = write_czi(tmp_path / "a.czi", [dataclasses.replace(Tile(PIXELS[0, 0]), **tile)], xml, pending=pending)
    if match:
        refuse(path, match)
    else:
        assert spec_of(path).shape == (20, 31)  # of one index, a dimension that is not known says nothing


def test_a_czi_of_several_types_of_pixels_is_refused(tmp_path: Path) -> None:
    tiles = [Tile(PIXELS[0, 0], {"C": 0}), Tile(PIXELS[0, 0].astype("u1"), {"C": 1})]
    refuse(write_czi(tmp_path / "a.czi", tiles), "pixels of several types .1 x <u1, 1 x <u2.")


def test_lif_gives_sizes_channels_and_folders(tmp_path: Path) -> None:
    image = Image("stack", np.stack([PIXELS, PIXELS]), "TCZYX", LENGTHS)
    path = write_lif(tmp_path / "a.lif", [Image("first", PIXELS[0, 0], "YX"), image])
    refuse(path, "holds 2 images; choose one with series=N, or .* .0: first, YX 20x31 uint16; 1: run/stack, TZCYX")
    spec = spec_of(path, series="run/stack")
    assert known(spec) == pytest.approx({"t": 2.5, "z": 1.5, "y": 0.4, "x": 0.2})
    assert spec.units == ("second", None, "micrometer", "micrometer", "micrometer")
    assert [(channel.name, channel.color) for channel in spec.channels] == [("dye 0", "00FF00"), ("dye 1", "FF0000")]
    assert dict(spec.details) == {"objective": "HC PL 20x"}


def test_tiles_of_a_lif_are_images_with_places(tmp_path: Path) -> None:
    tiles = Image("scan", PIXELS[0], "MYX", LENGTHS, tiles=[(1e-3, 2e-3), (1.5e-3, 2e-3), (2e-3, 2e-3)])
    path = write_lif(tmp_path / "a.lif", [tiles])
    spec = spec_of(path, series="scan, tile 1")
    assert spec.translation == (2000.0, 1500.0)
    np.testing.assert_array_equal(read(open_source(path, Options(series=1))), PIXELS[0, 1])


def test_a_section_of_a_lif_along_z_is_taken_as_rows(tmp_path: Path) -> None:
    spec = spec_of(write_lif(tmp_path / "a.lif", [Image("xz", PIXELS[0, 0], "ZX", {"Z": (19e-6, "m")})]))
    assert (spec.axes, spec.scale[0]) == ("yx", 1.0)
    assert spec.notices == ("it is a section along x and z: z is taken as y",)


def test_liffile_reads_the_same_of_a_lif(tmp_path: Path) -> None:
    images = [
        Image("a", np.stack([PIXELS, PIXELS + 1]), "TCZYX"),
        Image("b", PIXELS[0].astype("u1"), "ZYX"),
        Image("c", np.stack([PIXELS[0, 0]] * 3, -1).astype("u1"), "YXS"),
    ]
    path = write_lif(tmp_path / "a.lif", images)
    with liffile.LifFile(path) as file:
        for number, image in enumerate(file.images):
            axes = "".join(image.dims).lower().replace("s", "c")
            theirs = image.asarray().transpose([axes.index(axis) for axis in "tczyx" if axis in axes])
            np.testing.assert_array_equal(read(open_source(path, Options(series=number))), theirs)


def test_a_lif_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refuse(
        write_lif(tmp_path / "a.lif", [Image("a", PIXELS[0, 0], "YX", cut_bytes=1)]), "'a' ends at byte \\d+; it is cut"
    )
    data = write_lif(tmp_path / "b.lif", [Image("a", PIXELS[0, 0], "YX")]).read_bytes()
    (tmp_path / "c.lif").write_bytes(data[:40])
    refuse(tmp_path / "c.lif", "does not begin as a LIF does, or its XML has")
    (tmp_path / "d.lif").write_bytes(
        data.replace('BytesInc="2"'.encode("utf-16-le"), 'BytesInc="3"'.encode("utf-16-le"))
    )
    refuse(tmp_path / "d.lif", "bytes between its values, which is not known")
    (tmp_path / "e.lif").write_bytes(data.replace('"31"'.encode("utf-16-le"), '"99"'.encode("utf-16-le")))
    refuse(tmp_path / "e.lif", "pixels along Y that overlap in the file")


def test_sizes_that_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    far = [Tile(PIXELS[0, 0], {"T": 0}), Tile(PIXELS[0, 0], {"T": 2**30})]
    refuse(write_czi(tmp_path / "a.czi", far), "2 tiles are far apart, on 2 of 1073741825 planes")
    apart = [Tile(PIXELS[0, 0], {"M": 0}), Tile(PIXELS[0, 0], {"M": 1}, 2**30, 2**30)]
    refuse(write_czi(tmp_path / "b.czi", apart), "2 tiles are far apart, on 1 of 1 planes of")
    data = write_lif(tmp_path / "a.lif", [Image("a", PIXELS[0], "MYX")]).read_bytes()
    for old, new in (('NumberOfElements="3"', 'NumberOfElements="9"'), ('BytesInc="1240"', 'BytesInc="0000"')):
        (tmp_path / "b.lif").write_bytes(data.replace(old.encode("utf-16-le"), new.encode("utf-16-le")))
        refuse(tmp_path / "b.lif", "more than its block holds|bytes between its values")
    refuse(
        write_nd2(tmp_path / "a.nd2", FRAMES, [time_loop(2**30, 1.0)]), "loops have 1073741824 frames, and the file 12"
    )


def test_an_image_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    images = [Image("odd", PIXELS[0, 0], "YX", bits=99), Image("whole", PIXELS, "CZYX")]
    path = write_lif(tmp_path / "a.lif", images)
    refuse(path, "0: odd, .  cannot be read; 1: run/whole, ZCYX 3x2x20x31 uint16")
    refuse(path, "the image 'odd' has values of 99 bits", series="odd")
    np.testing.assert_array_equal(read(open_source(path, Options(series=1))), PIXELS)


def test_nd2_gives_sizes_channels_positions_and_places(tmp_path: Path) -> None:
    path = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS, frame_ms=501 / 6)
    refuse(path, "holds 2 images; choose one with series=N, or .* .0: left, TZCYX 2x3x2x20x31 uint16; 1: position 1,")
    spec = spec_of(path, series="left")
    assert known(spec) == {"t": 0.5, "z": 1.5, "y": 0.325, "x": 0.325}
    assert spec.channels == (
        Channel("DAPI", "FF0000", emission_nm=455.0),
        Channel("GFP", "00FF00", emission_nm=455.0),
    )
    assert spec.translation[3:] == (20.0, 10.0)
    assert dict(spec.details)["objective"] == "Plan Apo 20x"
    with nd2.ND2File(path) as file:
        theirs = file.asarray(position=0)
    np.testing.assert_array_equal(read(open_source(path, Options(series=0))), theirs[:, 0].swapaxes(1, 2))


def test_measured_times_of_an_nd2_are_taken_before_planned_ones(tmp_path: Path) -> None:
    spec = spec_of(write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS, frame_ms=1200 / 6), series=0)
    assert spec.scale[0] == 1.2
    assert spec.notices == ("the ND2 plans a frame each 0.5 s, and by its times one took 1.2 s, which is taken",)


def test_an_nd2_that_was_stopped_says_so(tmp_path: Path) -> None:
    path = write_nd2(tmp_path / "a.nd2", FRAMES, [time_loop(2, 500.0), depth_loop(6, 1.5)], count=9)
    source = open_source(path, Options())
    assert "9 frames of the 12 of its experiment" in source.spec.notices[-1]
    np.testing.assert_array_equal(read(source)[1, :, 3:], 0)
    np.testing.assert_array_equal(read(source)[1, :, 2], FRAMES[8].transpose(2, 0, 1))


def test_a_missing_library_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS)
    monkeypatch.setitem(sys.modules, "nd2", None)
    refuse(path, r"is ND2, and nd2 is needed to read it; install it with pip install 'ome-pyramid\[vendor\]'")


@pytest.mark.parametrize("ending", [".czi", ".lif", ".nd2"])
def test_a_file_that_only_has_the_name_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    refuse(path, f"is not {ending[1:].upper()}, though its name says so: it is a PNG; save it as TIFF")


def test_a_file_at_a_url_is_read_by_ranges(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    tiles = [Tile(chance.integers(0, 4000, (256, 1024)).astype("u2"), {"Z": z}) for z in range(8)]
    write_czi(tmp_path / "a.czi", tiles)
    write_lif(tmp_path / "a.lif", [Image("a", np.stack([tile.pixels for tile in tiles]), "ZYX")])
    write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS)
    with ranged(tmp_path) as web:
        for name in ("a.czi", "a.lif"):
            source = open_source(f"{web.endpoint}/{name}", Options())
            web.log.clear()
            part = read(source, Box((5, 0, 0), (1, 16, 1024)))
            np.testing.assert_array_equal(part[0], tiles[5].pixels[:16])
            assert fetched_bytes(web) < 2**18
        source = open_source(f"{web.endpoint}/a.nd2", Options(series=1))
        np.testing.assert_array_equal(read(source)[1, 0, 2], FRAMES[11, ..., 0])


def test_convert_runs_from_the_command_line_to_level_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lif(tmp_path / "a.lif", [Image("a", PIXELS, "CZYX", LENGTHS)])
    result = CliRunner().invoke(main, ["convert", "a.lif", "a.ome.zarr", "--levels", "2"], catch_exceptions=False)
    assert result.exit_code == 0
    np.testing.assert_array_equal(read_level(tmp_path / "a.ome.zarr", 0), PIXELS)
    assert pyramid.open(str(tmp_path / "a.ome.zarr")).levels[0].scale == pytest.approx((1, 1.5, 0.4, 0.2))


def test_plan_and_info_show_where_an_image_is_and_when(tmp_path: Path) -> None:
    path = write_czi(tmp_path / "a.czi", stack((2, 20, 31), "T", S=1))
    image = pyramid.convert(path, tmp_path / "a.ome.zarr")
    for text in (str(pyramid.plan(path)), str(image), str(pyramid.open(str(tmp_path / "a.ome.zarr")))):
        assert re.search(r"origin +y=196.2, x=297", text)
        assert re.search(r"time increment +2.5 second", text)
        assert re.search(r"acquired +2024-05-06T07:08:09Z", text)
        assert re.search(r"objective +Plan 20x", text)


@pytest.mark.parametrize("ending", [".czi", ".lif", ".nd2"])
def test_what_is_known_of_the_acquisition_is_kept_from_image_to_image(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    if ending == ".czi":
        write_czi(path, stack((2, 2, 20, 31), "CZ"))
    elif ending == ".lif":
        write_lif(path, [Image("a", PIXELS, "CZYX", LENGTHS)])
    else:
        write_nd2(path, FRAMES, [time_loop(2, 1.0), depth_loop(6, 1.0)])
    pyramid.convert(path, tmp_path / "a.zarr")
    pyramid.convert(tmp_path / "a.zarr", tmp_path / "b.zarr", ome_zarr_version="0.4")
    facts = [
        re.findall(r"^(acquired|objective|emission) +(.*\S)", str(shown), re.MULTILINE)
        for shown in (pyramid.plan(path), pyramid.open(tmp_path / "a.zarr"), pyramid.open(tmp_path / "b.zarr"))
    ]
    assert facts[0]
    assert facts[0] == facts[1] == facts[2]


def test_the_library_of_one_format_is_not_imported_for_another(tmp_path: Path) -> None:
    write_czi(tmp_path / "a.czi", [Tile(PIXELS[0, 0])])
    code = f"""
import sys, pyramid
pyramid.plan({str(tmp_path / "a.czi")!r})
print(sorted({{"nd2", "tifffile", "bioio", "dask", "zarr"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
