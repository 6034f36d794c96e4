"""The levels that a TIFF has of its own, copied with ``level_source="reuse"``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import pyramid
from pyramid.errors import OptionError
from tests.support.servers.web import ranged
from tests.support.stores import read_level
from tests.support.tiff_kinds import slides
from tests.support.tiff_kinds.microscopes import pixels

Levels = list[NDArray[Any]]


def subifds(path: Path) -> Levels:
    """An OME-TIFF whose planes have their levels in SubIFDs, one rounded up and one down."""
    image = pixels(2, 3, 261, 300)
    levels = [image, image[..., ::2, ::2], image[..., :260:4, ::4]]
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(image, subifds=2, tile=(64, 64), compression="zlib", metadata={"axes": "CZYX", "PhysicalSizeX": 0.5})
        for level in levels[1:]:
            tif.write(level, subfiletype=1, tile=(64, 64), compression="zlib")
    return levels


def copied_shape(path: Path) -> Levels:
    """Levels that repeat tifffile's description of the image, as libvips writes them."""
    image = pixels(261, 300)
    levels = [image, image[:260:2, ::2]]
    with tifffile.TiffWriter(path) as tif:
        for number, level in enumerate(levels):
            said = json.dumps({"shape": list(image.shape)})
            tif.write(level, tile=(64, 64), description=said, subfiletype=int(number > 0), metadata=None)
    return levels


WRITERS: dict[str, Callable[[Path], Levels]] = {
    "a.ome.tif": subifds,
    "a.tif": copied_shape,
    "a.svs": slides.svs,
    "a.ndpi": slides.ndpi,
    "b.tif": slides.philips,
    "a.scn": slides.scn,
    "a.bif": slides.bif,
    "a.qptiff": slides.qptiff,
}


def in_order(level: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(level, -1, 0) if level.shape[-1] == 3 else level


def metadata(target: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((target / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
    return found


@pytest.mark.parametrize("name", WRITERS)
def test_levels_are_copied(name: str, tmp_path: Path) -> None:
    levels = WRITERS[name](tmp_path / name)
    image = pyramid.convert(tmp_path / name, tmp_path / "t.zarr", level_source="reuse", min_size=4096)
    assert len(image.levels) == len(levels)
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", number), in_order(level))
    found = metadata(tmp_path / "t.zarr")
    assert "type" not in found
    assert "not known" in found["metadata"]["description"]
    assert "method" not in json.loads((tmp_path / "t.zarr" / "zarr.json").read_text())["attributes"]["ome"]["_creator"]


@pytest.mark.parametrize("name", WRITERS)
def test_they_are_made_by_the_method_unless_they_are_asked_for(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    pyramid.convert(tmp_path / name, tmp_path / "t.zarr", method="nearest")
    base = read_level(tmp_path / "t.zarr", 0)
    np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", 1), base[..., ::2, ::2])
    assert metadata(tmp_path / "t.zarr")["type"] == "nearest"


def test_the_rest_is_made_from_the_last_of_them(tmp_path: Path) -> None:
    levels = subifds(tmp_path / "a.ome.tif")
    image = pyramid.convert(
        tmp_path / "a.ome.tif", tmp_path / "t.zarr", level_source="reuse", min_size=20, method="nearest"
    )
    assert [level.shape[-2:] for level in image.levels] == [(261, 300), (131, 150), (65, 75), (33, 38), (17, 19)]
    np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", 3), levels[2][..., ::2, ::2])
    np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", 4), levels[2][..., ::4, ::4])
    assert "by the method nearest" in metadata(tmp_path / "t.zarr")["metadata"]["description"]
    scales = [dict(zip("czyx", level.scale or (), strict=True))["x"] for level in image.levels]
    assert scales == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_sizes_follow_from_extents_and_all_levels_cover_one_region(tmp_path: Path) -> None:
    subifds(tmp_path / "a.ome.tif")
    plan = pyramid.plan(tmp_path / "a.ome.tif", level_source="reuse", scale={"y": 0.5, "x": 0.5}, min_size=4096)
    for level in plan.levels:
        for axis in (2, 3):
            assert level.scale[axis] * level.shape[axis] == pytest.approx(plan.levels[0].shape[axis] * 0.5)
            assert level.translation[axis] - level.scale[axis] / 2 == pytest.approx(-0.25)


def test_fewer_levels_are_copied_where_fewer_are_asked_for(tmp_path: Path) -> None:
    subifds(tmp_path / "a.ome.tif")
    assert len(pyramid.plan(tmp_path / "a.ome.tif", level_source="reuse", levels=2).levels) == 2


def test_a_level_that_does_not_fit_is_named_and_made(tmp_path: Path) -> None:
    image = pixels(300, 300)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        tif.write(image, subifds=2, tile=(64, 64), metadata={"axes": "YX"})
        tif.write(image[:200, :200], subfiletype=1, tile=(64, 64))
        tif.write(image[::4, ::4], subfiletype=1, tile=(64, 64))
    plan = pyramid.plan(tmp_path / "a.ome.tif", level_source="reuse", min_size=40)
    assert [level.shape for level in plan.levels] == [(300, 300), (75, 75), (38, 38)]
    assert any("1 (200 x 200 uint16) cannot be copied" in notice for notice in plan.spec.notices)


def test_a_file_without_levels_says_so(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(300, 300))
    plan = pyramid.plan(tmp_path / "a.tif", level_source="reuse")
    assert len(plan.levels) == 2
    assert any("no levels of its own" in notice for notice in plan.spec.notices)


def test_a_list_of_factors_contradicts_them(tmp_path: Path) -> None:
    subifds(tmp_path / "a.ome.tif")
    with pytest.raises(OptionError, match="factors of the source"):
        pyramid.plan(tmp_path / "a.ome.tif", level_source="reuse", scale_factors=["y=2,x=2", "y=2,x=2"])


def test_a_run_that_copies_them_goes_on(tmp_path: Path) -> None:
    levels = subifds(tmp_path / "a.ome.tif")
    options: dict[str, Any] = {
        "level_source": "reuse",
        "min_size": 4096,
        "chunks": {"y": 64, "x": 64},
        "shards": "none",
    }
    seen = 0

    def stop(_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(tmp_path / "a.ome.tif", tmp_path / "t.zarr", progress=stop, workers=1, **options)
    with pytest.raises(OptionError, match="begun with another plan"):
        pyramid.convert(
            tmp_path / "a.ome.tif",
            tmp_path / "t.zarr",
            resume=True,
            workers=1,
            **{**options, "levels": 3, "level_source": "rebuild"},
        )
    pyramid.convert(tmp_path / "a.ome.tif", tmp_path / "t.zarr", resume=True, workers=1, **options)
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", number), level)


@pytest.mark.parametrize("name", ["a.ome.tif", "a.svs"])
def test_levels_are_copied_from_the_web(name: str, tmp_path: Path) -> None:
    levels = WRITERS[name](tmp_path / name)
    with ranged(tmp_path) as web:
        pyramid.convert(web.url(name), tmp_path / "t.zarr", level_source="reuse", min_size=4096)
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", number), in_order(level))


def test_levels_are_copied_by_other_processes(tmp_path: Path) -> None:
    levels = subifds(tmp_path / "a.ome.tif")
    with dask.config.set(scheduler="processes", num_workers=2):
        pyramid.convert(tmp_path / "a.ome.tif", tmp_path / "t.zarr", level_source="reuse", min_size=4096)
    for number, level in enumerate(levels):
        np.testing.assert_array_equal(read_level(tmp_path / "t.zarr", number), level)
