"""All images of a file as one collection, and the OME-XML of a source next to its images."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr
from click.testing import CliRunner
from ome_types import validate_xml
from ome_zarr_models import open_ome_zarr

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, SourceError, TargetError
from tests.support.paths import DATA
from tests.support.stores import digests, read_level
from tests.support.validators import validate_everything

SHAPES = ((3, 40, 50), (2, 64, 64), (30, 31))
NAMESPACE = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


def write(path: Path) -> list[Any]:
    """Write an OME-TIFF of three images, and return their pixels."""
    images = []
    with tifffile.TiffWriter(path) as file:
        for number, shape in enumerate(SHAPES):
            images.append(np.random.default_rng(number).integers(0, 2000, shape).astype("uint16"))
            axes = "CYX"[-len(shape) :]
            file.write(images[-1], metadata={"axes": axes, "Name": f"scene {number}", "PhysicalSizeX": 0.5})
    return images


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "scenes.ome.tif")
    return tmp_path / "scenes.ome.tif"


def tree(path: Path) -> ET.Element:
    xml = (path / "OME" / "METADATA.ome.xml").read_text(encoding="utf-8")
    validate_xml(xml)
    return ET.fromstring(xml)


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_all_images_of_a_file_become_a_collection(tmp_path: Path, version: str) -> None:
    images, target = write(tmp_path / "scenes.ome.tif"), tmp_path / "scenes.ome.zarr"
    report: Any = pyramid.convert(tmp_path / "scenes.ome.tif", target, series="all", ome_zarr_version=version)
    assert [outcome.name for outcome in report.done] == ["0", "1", "2"]
    for number, pixels in enumerate(images):
        np.testing.assert_array_equal(np.squeeze(read_level(target / str(number), 0, version)), pixels)
        validate_everything(target / str(number), version)
        assert pyramid.open(target / str(number)).name == f"scene {number}"
    group = zarr.open_group(target, mode="r", use_consolidated=False)
    content: Any = group.attrs.asdict()
    assert content.get("ome", content)["bioformats2raw.layout"] == 3
    listed: Any = group["OME"].attrs.asdict()
    assert listed.get("ome", listed)["series"] == ["0", "1", "2"]
    assert [image.get("Name") for image in tree(target).iter(f"{NAMESPACE}Image")] == ["scene 0", "scene 1", "scene 2"]
    if version != "0.6":
        yaozarrs.validate_zarr_store(target)
    if version == "0.4":  # the only one of which it knows collections
        open_ome_zarr(group)
    found: Any = pyramid.info(target, all=True)
    assert [each.name for each in found.images] == ["scene 0", "scene 1", "scene 2"]
    assert pyramid.validate(target).valid


def test_a_collection_becomes_an_archive_and_has_a_manifest(source: Path, tmp_path: Path) -> None:
    listed = tmp_path / "scenes.sha256"
    pyramid.convert(source, tmp_path / "scenes.ozx", series="all", manifest=listed)
    pyramid.unpack(tmp_path / "scenes.ozx", tmp_path / "unpacked")
    pyramid.convert(source, tmp_path / "scenes.ome.zarr", series="all")
    assert digests(tmp_path / "unpacked") == digests(tmp_path / "scenes.ome.zarr")
    assert listed.read_text() == str(pyramid.manifest(tmp_path / "scenes.ome.zarr"))
    for name, value, said in (
        ("ome_zarr_version", "0.4", "a zipped OME-Zarr is 0.5 or newer"),
        ("manifest", tmp_path / "b.ozx.unfinished" / "a", "is in the store that it describes"),
        ("manifest", tmp_path / "nowhere" / "a.sha256", "cannot be written"),
    ):
        for call in (pyramid.convert, pyramid.plan):
            with pytest.raises((OptionError, TargetError), match=said):
                call(source, tmp_path / "b.ozx", series="all", **{name: value})  # type: ignore[call-overload]
    assert not list(tmp_path.glob("b.*"))


def test_a_file_with_several_images_is_a_collection_unless_one_is_chosen(source: Path, tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match="holds 3 images: all are converted"):
        report: Any = pyramid.convert(source, tmp_path / "all.ome.zarr")
    assert len(report.done) == 3
    image = pyramid.convert(source, tmp_path / "one.ome.zarr", series=1)
    assert image.name == "scene 1"
    assert digests(tmp_path / "one.ome.zarr" / "0") == digests(tmp_path / "all.ome.zarr" / "1" / "0")
    assert [each.get("Name") for each in tree(tmp_path / "one.ome.zarr").iter(f"{NAMESPACE}Image")] == ["scene 1"]
    planned: Any = pyramid.plan(source, tmp_path / "planned.ome.zarr")
    assert [each.shape for each in planned.images] == list(SHAPES)
    assert not (tmp_path / "planned.ome.zarr").exists()


@pytest.mark.parametrize("options", [{"name": "one"}, {"format": "n5"}, {"labels": "nuclei"}])
def test_what_is_for_one_image_asks_for_a_choice(source: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises((SourceError, TargetError), match=r"choose one with series=N|TARGET is none"):
        pyramid.convert(source, tmp_path / "a", **options)
    with pytest.raises(OptionError):
        pyramid.convert(source, tmp_path / "a", series="all", **options)
    assert not (tmp_path / "a").exists()


def test_a_collection_that_stopped_goes_on_to_the_same_bytes(source: Path, tmp_path: Path) -> None:
    target, whole = tmp_path / "a.ome.zarr", tmp_path / "whole.ome.zarr"
    pyramid.convert(source, whole, series="all")
    program = (
        "import os, signal, pyramid\n"
        "from pyramid.batch import running\n"
        "take = running.BatchRun._take\n"
        "def stop(self, item, outcome):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "running.BatchRun._take = stop\n"
        f"pyramid.convert({str(source)!r}, {str(target)!r}, series='all', workers=1)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    with pytest.raises(SourceError, match="not finished"):
        pyramid.info(target)
    with pytest.raises(TargetError, match="exists"):
        pyramid.convert(source, target, series="all")
    pyramid.convert(source, target, series="all", resume=True)
    assert digests(target) == digests(whole)
    again: Any = pyramid.convert(source, target, series="all", resume=True)
    assert [outcome.state for outcome in again.done] == ["whole"] * 3
    pyramid.convert(source, target, series="all", overwrite=True)
    assert digests(target) == digests(whole)


def test_an_image_that_fails_leaves_a_collection_that_is_not_finished(tmp_path: Path, source: Path) -> None:
    with tifffile.TiffFile(source) as file:
        page = file.series[1].pages[0]
        offset, size = page.dataoffsets[0], page.databytecounts[0]  # type: ignore[union-attr]
    pixels = source.read_bytes()
    source.write_bytes(pixels[: offset + size // 2])
    target = tmp_path / "a.ome.zarr"
    with pytest.raises((pyramid.BatchError, SourceError)):
        pyramid.convert(source, target, series="all")
    assert not (target / "OME").exists()


def test_the_xml_of_one_image_is_kept_downloaded_and_left_out(tmp_path: Path) -> None:
    source = DATA / "tiff/ome-sample/multi-channel-z-series.ome.tif"
    pyramid.convert(source, tmp_path / "a.ome.zarr")
    root = tree(tmp_path / "a.ome.zarr")
    pixels = root.find(f".//{NAMESPACE}Pixels")
    assert pixels is not None
    assert [child.tag.removeprefix(NAMESPACE) for child in pixels] == ["Channel"] * 3 + ["MetadataOnly"]
    pyramid.download(str(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr")
    assert digests(tmp_path / "b.ome.zarr") == digests(tmp_path / "a.ome.zarr")
    assert pyramid.verify(tmp_path / "a.ome.zarr").ok
    for options in ({"ome_xml": False}, {"select": "c=0"}, {"dtype": "uint8", "rescale": "0,100"}):
        pyramid.convert(source, tmp_path / "c.ome.zarr", overwrite=True, **options)
        assert not (tmp_path / "c.ome.zarr" / "OME").exists()


def test_the_command_line_has_them(source: Path, tmp_path: Path) -> None:
    words = ["convert", str(source), str(tmp_path / "a.ome.zarr"), "--series", "all", "--json"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["counts"]["done"] == 3
    result = CliRunner().invoke(main, ["plan", str(source), "--series", "all"], catch_exceptions=False)
    assert "3 images" in result.stdout
