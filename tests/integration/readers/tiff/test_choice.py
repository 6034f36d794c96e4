"""The image of a file that is read, what its letters mean, and what is missing in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import pyramid
from pyramid.errors import OptionError, SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.support.tiff_kinds import microscopes, plain, slides


@pytest.mark.parametrize("series", ["second", "SECOND", 1, "1"])
def test_an_image_is_chosen_by_number_or_name(series: str | int, tmp_path: Path) -> None:
    plain.ome_images(tmp_path / "a.ome.tif")
    assert pyramid.plan(tmp_path / "a.ome.tif", series=series).spec.shape == (3, 20, 30)


@pytest.mark.parametrize(
    ("series", "told"),
    [
        ("secnd", "no image named 'secnd'; did you mean 'second'?"),
        ("other", "no image named 'other'; it has 2"),
        (2, "no image 2; it has 2"),
    ],
)
def test_an_image_that_is_not_there_is_refused_with_the_list(series: str | int, told: str, tmp_path: Path) -> None:
    plain.ome_images(tmp_path / "a.ome.tif")
    with pytest.raises(OptionError) as refused:
        pyramid.plan(tmp_path / "a.ome.tif", series=series)
    assert told in str(refused.value)
    assert "0: first" in str(refused.value)
    assert "1: second" in str(refused.value)


def test_a_name_that_several_images_have_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        for size in (20, 30):
            tif.write(microscopes.pixels(size, 40), metadata={"axes": "YX", "Name": "same"})
    with pytest.raises(OptionError, match="several images named 'same': give the number of one of 0, 1"):
        pyramid.plan(tmp_path / "a.ome.tif", series="same")


def test_the_largest_image_of_a_slide_is_read(tmp_path: Path) -> None:
    slides.scn(tmp_path / "a.scn")
    spec = pyramid.plan(tmp_path / "a.scn").spec
    assert spec.shape == (3, 256, 384)
    assert any("left out: 0 (macro)" in notice for notice in spec.notices)


@pytest.mark.parametrize(
    ("letters", "axes", "said"),
    [
        ("EYX", "cyx", "E (wavelength)"),
        ("AYX", "zyx", "A (angle)"),
        ("HYX", "zyx", "H (lifetime)"),
        ("PYX", "zyx", "P (phase or position)"),
        ("VYX", "zyx", "V (event or view)"),
        ("QYX", "zyx", "does not say what its dimension Q"),
    ],
)
def test_letters_are_mapped_with_a_notice(letters: str, axes: str, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", microscopes.pixels(5, 40, 50), metadata={"axes": letters})
    spec = pyramid.plan(tmp_path / "a.tif").spec
    assert spec.axes == axes
    assert any(said in notice for notice in spec.notices)


@pytest.mark.parametrize("letter", "RM")
def test_places_are_refused_by_name_unless_they_are_given_an_axis(letter: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", microscopes.pixels(5, 40, 50), metadata={"axes": f"{letter}YX"})
    with pytest.raises(SourceError, match="several places"):
        pyramid.plan(tmp_path / "a.tif")
    assert pyramid.plan(tmp_path / "a.tif", axes="tyx").spec.axes == "tyx"


@pytest.mark.parametrize(("name", "value"), [("a.svs", 255), ("a.tif", 0)])
def test_missing_tiles_of_a_slide_are_white(name: str, value: int, tmp_path: Path) -> None:
    image = slides.slide(128, 128)
    tiles = [image[:64, :64], None, image[64:, :64], image[64:, 64:]]
    said = "Aperio Image Library v12\r\n128x128|MPP = 0.25" if name.endswith("svs") else None
    with tifffile.TiffWriter(tmp_path / name) as tif:
        tif.write(iter(tiles), shape=image.shape, dtype=image.dtype, description=said, **slides.TILE)
    expected = np.moveaxis(image, -1, 0).copy()
    expected[:, :64, 64:] = value
    np.testing.assert_array_equal(read(open_source(tmp_path / name, Options())), expected)


def test_micro_managers_set_is_read_from_any_of_its_files(tmp_path: Path) -> None:
    _, image = microscopes.mmstack(tmp_path, times=4, files=2)
    for path in sorted(tmp_path.glob("*.tif")):
        found = read(open_source(path, Options()))
        np.testing.assert_array_equal(found, image.swapaxes(1, 2))


def test_a_file_of_micro_managers_set_that_is_missing_is_said(tmp_path: Path) -> None:
    path, _ = microscopes.mmstack(tmp_path, times=4, files=2)
    path.with_name("scan_MMStack_Pos0_1.ome.tif").unlink()
    with pytest.raises(SourceError, match="missing"):
        pyramid.plan(path)


def test_a_notice_of_smaller_copies_does_not_list_the_image_that_is_read(tmp_path: Path) -> None:
    plain.camera(tmp_path / "a.dng")
    notices = open_source(tmp_path / "a.dng", Options()).spec.notices
    assert "left out (0: no name, YXS 16x24x3 uint8): choose one" in notices[0]
