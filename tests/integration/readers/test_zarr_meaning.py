"""OME-Zarr images as sources: which level is read, what of their metadata is kept, and groups that hold images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import pyramid
from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read


def image_of_levels(path: Path, levels: list[Any], scales: list[Any], **content: Any) -> Path:
    """Write an OME-Zarr 0.5 of cyx; `content` goes beside its multiscales."""
    axes = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    datasets = [
        {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for i, scale in enumerate(scales)
    ]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}], **content}
    group = zarr.create_group(path, attributes={"ome": ome})
    for i, pixels in enumerate(levels):
        group.create_array(str(i), data=pixels)
    return path


def test_the_largest_level_is_read_wherever_it_is_listed(tmp_path: Path) -> None:
    large = np.arange(2400, dtype="u2").reshape(2, 30, 40)
    levels = [large[:, ::2, ::2], large]
    path = image_of_levels(tmp_path / "a.zarr", levels, [[1, 0.8, 0.8], [1, 0.4, 0.4]])
    for opened in (path, zarr.open_group(path, mode="r")):
        source = open_source(opened, Options())
        np.testing.assert_array_equal(read(source), large)
        assert source.spec.scale == (None, 0.4, 0.4)
        assert any("'1' is taken as the largest" in notice for notice in source.spec.notices)
    path = image_of_levels(tmp_path / "b.zarr", levels, [[1, 1, 1], [1, 1, 1]])
    for opened in (path, zarr.open_group(path, mode="r")):
        with pytest.raises(SourceError, match=r"its last level, '1' of shape .* is larger than its first"):
            open_source(opened, Options())


def test_how_a_source_shows_its_channels_is_kept_or_named(tmp_path: Path) -> None:
    window = {"min": 0, "max": 4095, "start": 100, "end": 500}
    channels = [{"window": window, "active": False, "family": "exponential"}, {"lut": "fire.lut", "window": None}]
    scale = [2.5, 0.5, 0.5]
    path = image_of_levels(tmp_path / "a.zarr", [np.ones((2, 8, 9), "u2")], [scale], omero={"channels": channels})
    pyramid.convert(path, tmp_path / "b.zarr")
    ome: Any = zarr.open_group(tmp_path / "b.zarr", mode="r").attrs["ome"]
    omero = ome["omero"]["channels"]
    assert [channel["active"] for channel in omero] == [False, True]
    assert [(channel["window"]["start"], channel["window"]["end"]) for channel in omero] == [(100, 500), (1, 2)]
    size, lost = open_source(path, Options()).spec.notices
    assert "a scale of 2.5 and a translation of 0 along its channels" in size
    assert lost.endswith("ome.omero.channels[].lut, ome.omero.channels[].family")


@pytest.mark.parametrize(
    ("ome", "instead"),
    [
        ({"bioformats2raw.layout": 3}, "a row of images .*a.zarr/0$"),
        ({"bioformats2raw.layout": 3, "series": ["left", "right"]}, "a row of images .*a.zarr/left$"),
        ({"labels": ["nuclei"]}, "a list of labels.*a.zarr/nuclei$"),
        ({"well": {"images": [{"path": "3"}]}}, "a well.*a.zarr/3$"),
        (
            {
                "plate": {
                    "rows": [{"name": "B"}],
                    "columns": [{"name": "2"}],
                    "wells": [{"path": "B/2", "rowIndex": 0, "columnIndex": 0}],
                }
            },
            "a plate.*a.zarr/B/2/0$",
        ),
    ],
)
def test_what_to_name_instead_of_a_group_of_images_is_said(ome: Any, instead: str, tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr", attributes={"ome": {"version": "0.5", **ome}})
    with pytest.raises(SourceError, match=instead):
        open_source(tmp_path / "a.zarr", Options())


@pytest.mark.parametrize(
    ("axes", "names", "scale"),
    [
        (None, ("DAPI", "GFP"), (None, 0.5, 0.25)),
        ("cyx", ("DAPI", "GFP"), (None, 0.5, 0.25)),
        ("cxy", ("DAPI", "GFP"), (None, 0.25, 0.5)),
        ("zyx", (), (None, 0.5, 0.25)),
        ("ycx", (), (None, None, 0.25)),
    ],
)
def test_what_is_said_of_an_axis_does_not_go_to_another(
    axes: str | None, names: tuple[str, ...], scale: Any, tmp_path: Path
) -> None:
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    path = image_of_levels(tmp_path / "a.zarr", [np.ones((2, 8, 9), "u2")], [[1, 0.5, 0.25]], omero=omero)
    spec = open_source(path, Options(axes=axes)).spec
    assert (tuple(channel.name for channel in spec.channels), spec.scale) == (names, scale)
    said = " ".join(spec.notices)
    assert ("names and colours of its channels are not taken" in said) != bool(names)
    assert ("the size of y is not taken, as axes=... makes it c" in said) == (axes == "ycx")
