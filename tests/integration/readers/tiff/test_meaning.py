"""What the pixels of a TIFF mean reaches the pyramid: sizes, colours, inverted values, channels of slides."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import pyramid
from pyramid.model import Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read


def pixels(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(0).integers(1, 200, shape).astype("uint8")


def open_path(path: Path, **options: Any) -> Any:
    return open_source(path, Options(**options))


@pytest.mark.parametrize(
    ("resolution", "unit", "scale"),
    [
        ((40_000, 20_000), 3, (0.5, 0.25)),
        ((101_600, 50_800), 2, (0.5, 0.25)),
        ((10, 10), 3, (1000, 1000)),
        ((72, 20_000), 2, (1.27, 25_400 / 72)),
    ],
)
def test_resolution_is_the_size_of_a_pixel(
    resolution: Any, unit: int, scale: tuple[float, ...], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), resolution=resolution, resolutionunit=unit, metadata=None)
    spec = open_path(tmp_path / "a.tif").spec
    assert spec.scale == pytest.approx(scale)
    assert spec.units == ("micrometer", "micrometer")
    assert spec.notices == ()


@pytest.mark.parametrize(
    ("resolution", "unit", "notice"),
    [
        ((72, 72), 2, "72 dpi"),
        ((96, 96), 2, "96 dpi"),
        ((300, 300), 2, "300 dpi"),
        ((28.35, 28.35), 3, "72.01 dpi"),
        ((37.8, 37.8), 3, "96.01 dpi"),
        ((118, 118), 3, "299.7 dpi"),
        ((1, 1), 2, "1/1 and 1/1 pixels an inch"),
        ((4e9, 4e9), 2, "cannot be a microscope's"),
        ((1, 1), 1, ""),
        ((4000, 4000), 1, ""),
    ],
)
def test_resolution_that_is_not_a_microscopes_is_not_taken(
    resolution: Any, unit: int, notice: str, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), resolution=resolution, resolutionunit=unit, metadata=None)
    spec = open_path(tmp_path / "a.tif").spec
    assert (spec.scale, spec.units) == ((None, None), (None, None))
    assert [notice in found for found in spec.notices] == [True] * bool(notice)


@pytest.mark.parametrize("fraction", [(0, 0), (5, 0), (0, 5)])
def test_a_fraction_that_is_not_a_resolution_is_not_taken(fraction: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(20, 30), resolution=(7000, 9000), resolutionunit=2, metadata=None)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.tags[282].valueoffset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack("<2I", *fraction))
    spec = open_path(path).spec
    assert spec.scale == (None, None)
    assert "cannot be a microscope's" in spec.notices[0]


def test_what_ome_says_of_sizes_is_better_than_resolution(tmp_path: Path) -> None:
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels(20, 30), resolution=(72, 72), resolutionunit=2, metadata=metadata)
    spec = open_path(tmp_path / "a.ome.tif").spec
    assert (spec.scale, spec.notices) == ((0.5, 0.5), ())


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_values_that_are_inverted_stay_so(version: str, tmp_path: Path) -> None:
    array = pixels(3, 40, 50)
    tifffile.imwrite(tmp_path / "gel.tif", array, photometric="miniswhite", metadata=None)
    image = pyramid.convert(tmp_path / "gel.tif", tmp_path / "a.zarr", ome_zarr_version=version)
    np.testing.assert_array_equal(np.asarray(image.levels[0].data), array)
    assert [channel.inverted for channel in image.channels] == [True]
    document = json.loads((tmp_path / "a.zarr" / (".zattrs" if version == "0.4" else "zarr.json")).read_text())
    attributes = document if version == "0.4" else document["attributes"]["ome"]
    assert [channel["inverted"] for channel in attributes["omero"]["channels"]] == [True]


def test_a_tiff_that_does_not_say_what_0_is_is_not_inverted(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels(20, 30), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.tags[262].offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack("<H", 261))  # a tag that says nothing
    assert open_path(path).spec.channels == ()


def test_an_inverted_table_is_a_color_and_inverted(tmp_path: Path) -> None:
    tables = [np.zeros((3, 256), np.uint8) for _ in range(3)]
    tables[0][1] = np.arange(256)[::-1]
    tables[1][0] = np.arange(256)
    tables[2][:] = np.arange(256) ** 2 // 255
    options: dict[str, Any] = {"imagej": True, "metadata": {"axes": "CYX", "LUTs": tables}}
    tifffile.imwrite(tmp_path / "a.tif", pixels(3, 20, 30).astype("uint16"), **options)
    spec = open_path(tmp_path / "a.tif").spec
    assert spec.channels == (Channel(None, "00FF00", True), Channel(None, "FF0000"), Channel(None, "FFFFFF"))
    assert any("colour tables of channels 2 " in notice for notice in spec.notices)


RED = np.stack([np.arange(256), np.zeros(256), np.zeros(256)]).astype(np.uint8)
TWO = np.stack([np.arange(256), np.arange(256)[::-1], np.zeros(256)]).astype(np.uint8)


@pytest.mark.parametrize(
    ("table", "channel", "said"),
    [(RED, Channel(None, "FF0000"), 0), (RED[:, ::-1], Channel(None, "FF0000", True), 0), (TWO, None, 1)],
)
@pytest.mark.parametrize("as_palette", [False, True])
def test_imagejs_one_table_is_a_color(table: Any, channel: Any, said: int, as_palette: bool, tmp_path: Path) -> None:
    array = pixels(20, 30).astype("uint8")
    if as_palette:  # as ImageJ saves it of 8-bit images
        options = {"photometric": "palette", "colormap": table.astype("uint16") * 257, "metadata": None}
        tifffile.imwrite(tmp_path / "a.tif", array, description="ImageJ=1.54f\nunit=nm\n", **options)
    else:
        tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata={"LUTs": [table]})
    source = open_path(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(source), array)
    assert channel is None or source.spec.channels == (channel,)
    assert [notice for notice in source.spec.notices if "more than one colour" not in notice] == []
    assert len(source.spec.notices) == said


@pytest.mark.parametrize(
    ("photometric", "samples", "names", "notice"),
    [
        ("rgb", 3, ("red", "green", "blue"), ""),
        ("separated", 4, ("cyan", "magenta", "yellow", "black"), "CMYK"),
        ("cielab", 3, ("L*", "a*", "b*"), "CIELAB"),
        ("icclab", 3, ("L*", "a*", "b*"), "ICCLab"),
        ("ycbcr", 3, ("Y", "Cb", "Cr"), "YCbCr"),
        ("logluv", 3, (), "LogLuv"),
        ("cfa", 1, (), "colour filter array"),
        ("mask", 1, (), "transparency mask"),
    ],
)
def test_only_red_green_and_blue_are_called_so(
    photometric: Any, samples: int, names: tuple[str, ...], notice: str, tmp_path: Path
) -> None:
    array = pixels(20, 30, samples) if samples > 1 else pixels(20, 30)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, metadata=None)
    source = open_path(tmp_path / "a.tif")
    assert tuple(channel.name for channel in source.spec.channels) == names
    assert [notice in found for found in source.spec.notices] == [True] * bool(notice)
    np.testing.assert_array_equal(read(source), array.transpose(2, 0, 1) if samples > 1 else array)


def test_a_palette_is_said_to_be_indices(tmp_path: Path) -> None:
    table = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), photometric="palette", colormap=table, metadata=None)
    source = open_path(tmp_path / "a.tif")
    assert "palette" in source.spec.notices[0]
    np.testing.assert_array_equal(read(source), pixels(20, 30))


@pytest.mark.parametrize(
    ("extras", "names", "said"),
    [
        (["unassalpha"], ("red", "green", "blue", "alpha"), 0),
        (["assocalpha"], ("red", "green", "blue", "alpha"), 1),
        ([0], ("red", "green", "blue", None), 0),
    ],
)
def test_extra_samples_are_named(extras: Any, names: tuple[str | None, ...], said: int, tmp_path: Path) -> None:
    array = pixels(20, 30, 3 + len(extras))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=extras, metadata=None)
    spec = open_path(tmp_path / "a.tif").spec
    assert tuple(channel.name for channel in spec.channels) == names
    assert len(spec.notices) == said


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_jpeg_decodes_to_rgb(photometric: Any, tmp_path: Path) -> None:
    array = pixels(64, 64, 3)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, compression="jpeg", metadata=None)
    assert [channel.name for channel in open_path(tmp_path / "a.tif").spec.channels] == ["red", "green", "blue"]


STAINS = (("DAPI", "0,0,255", "0000FF"), ("Opal 520", "0,255,0", "00FF00"), ("Opal 690", "255,128,0", "FF8000"))


def slide_xml(kind: str, name: str = "", color: str = "") -> str:
    stain = f"<Name>{name}</Name><Color>{color}</Color>" if name else ""
    return (
        f"<PerkinElmer-QPI-ImageDescription><ImageType>{kind}</ImageType>{stain}"
        "<ScanProfile><Name>a profile</Name></ScanProfile></PerkinElmer-QPI-ImageDescription>"
    )


@pytest.mark.parametrize("thumbnail", [(24, 32, 3), (128, 192)])  # the second has the shape of a full page
def test_a_slide_of_several_stains_has_their_names(thumbnail: tuple[int, ...], tmp_path: Path) -> None:
    array = pixels(3, 128, 192)
    options: dict[str, Any] = {"metadata": None, "software": "PerkinElmer-QPI"}
    tiled: dict[str, Any] = {
        "tile": (64, 64),
        "photometric": "minisblack",
        "resolution": (20_000, 20_000),
        "resolutionunit": 3,
    }
    with tifffile.TiffWriter(tmp_path / "a.qptiff") as writer:
        for plane, (name, color, _) in zip(array, STAINS, strict=True):
            writer.write(plane, description=slide_xml("FullResolution", name, color), **tiled, **options)
        color = "rgb" if len(thumbnail) == 3 else "minisblack"
        writer.write(pixels(*thumbnail), description=slide_xml("Thumbnail"), photometric=color, **options)
        for plane, (name, color, _) in zip(array[:, ::2, ::2], STAINS, strict=True):
            writer.write(plane, description=slide_xml("ReducedResolution", name, color), **tiled, **options)
    source = open_path(tmp_path / "a.qptiff")
    np.testing.assert_array_equal(read(source), array)
    assert (source.spec.axes, source.spec.scale) == ("cyx", (None, 0.5, 0.5))
    assert source.spec.channels == tuple(Channel(name, digits) for name, _, digits in STAINS)
    assert any(notice.endswith("are left out: 1 'Thumbnail'") for notice in source.spec.notices)


def test_what_is_not_carried_over_is_named(tmp_path: Path) -> None:
    tags = [(34675, 7, 4, b"\0\0\0\0", True), (274, 3, 1, 6, True), (286, 5, 1, (7, 2), True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), metadata=None, extratags=tags)
    lost, turned = open_path(tmp_path / "a.tif").spec.notices
    assert lost == "not carried over: an ICC colour profile, a stage position"
    assert "Orientation tag, 6" in turned


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({"metadata": None}, ()),
        ({"metadata": {"axes": "YX"}}, ()),
        ({"metadata": {"axes": "YX", "sample": "mouse 7"}}, ("its description, '{",)),
        ({"metadata": None, "description": "exposure=3 ms"}, ("its description, 'exposure=3 ms'",)),
        ({"metadata": None, "description": "[" * 9000}, ("its description, '[[",)),
        ({"metadata": None, "extratags": [(700, 1, 5, b"<xmp>", True)]}, ("XMP metadata",)),
    ],
)
def test_metadata_of_other_tools_is_named(options: Any, lost: tuple[str, ...], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(20, 30), **options)
    notices = open_path(tmp_path / "a.tif").spec.notices
    assert len(notices) == len(lost)
    assert all(notice.startswith(f"not carried over: {words}") for notice, words in zip(notices, lost, strict=True))
