"""What neuroglancer is given is OME-Zarr 0.4 with the image's pixels, in dtypes that it has."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
from numpy.typing import NDArray

import pyramid
from pyramid.feedback.notices import without_warnings
from tests.support import trees
from tests.support.asking import Asking, viewing


def _by_tensorstore(asking: Asking, path: str) -> NDArray[Any]:
    """Read an array over HTTP with another library."""
    store = {"driver": "http", "base_url": f"{asking.url}volume/{path}/"}
    array = tensorstore.open({"driver": "zarr", "kvstore": store}).result()
    return np.asarray(array.read().result())


@pytest.mark.parametrize(
    ("dtype", "given"),
    [("uint16", "uint16"), ("float64", "float32"), ("bool", "uint8"), ("int64", "float32"), (">i2", "int16")],
)
def test_volumes_have_the_pixels_of_the_image(dtype: str, given: str, tmp_path: Path) -> None:
    pixels = (
        np.arange(2 * 70 * 90 * 300).reshape(2, 70, 90, 300) % 101 % 2
        if dtype == "bool"
        else np.arange(2 * 70 * 90 * 300).reshape(2, 70, 90, 300) % 101
    ).astype(dtype)
    image = pyramid.convert(
        pixels, tmp_path / "a.ome.zarr", axes="czyx", units="micrometer", scale={"z": 2, "y": 1, "x": 1}
    )
    with viewing(tmp_path / "a.ome.zarr") as asking:
        found = _by_tensorstore(asking, "0/0")
        assert found.dtype == given
        assert np.array_equal(found, pixels.astype(given))
        smaller = _by_tensorstore(asking, "0/1")
        assert np.array_equal(smaller, image.levels[1].data.compute().astype(given))
        read = pyramid.open(f"{asking.url}volume/0")
    assert read.version == "0.4"
    assert [level.scale for level in read.levels] == [level.scale for level in image.levels]
    assert [level.translation for level in read.levels] == [level.translation for level in image.levels]
    assert read.units == image.units


def test_images_of_the_oldest_version_and_in_a_plate_are_given(tmp_path: Path) -> None:
    levels = trees.old_image(tmp_path / "old")
    trees.named_plate(tmp_path / "plate", 2)
    with viewing(tmp_path / "old", tmp_path / "plate") as asking:
        assert np.array_equal(_by_tensorstore(asking, "0/2"), levels[2])
        assert _by_tensorstore(asking, "1/A/1/0/0").shape == (40, 50)
        for path in ("0", "0/9/.zarray", "0/0/0.0", "0/0/9.9.9.9.9", "0/0/0.0.0.0.x", "1/.zattrs", "7/.zattrs", "x"):
            assert asking.get(f"volume/{path}").status == 404, path


def test_labels_of_any_name_are_asked_for_by_a_whole_address(tmp_path: Path) -> None:
    pixels = np.zeros((80, 80), "uint16")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="yx")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", labels="a b#é")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        (layer,) = [layer for layer in asking.get("api/state?source=0").json["layers"] if layer["name"] == "a b#é"]
        assert asking.get(f"{layer['source']}/.zattrs").status == 200


def test_pixels_that_cannot_be_read_are_named_once(tmp_path: Path) -> None:
    chunks = {"z": 64, "y": 32, "x": 64}
    pyramid.convert(np.full((64, 128, 64), 9, "uint8"), tmp_path / "a.ome.zarr", chunks=chunks, shards="none", levels=1)
    for row in (1, 2, 3):
        (tmp_path / f"a.ome.zarr/0/c/0/{row}/0").write_bytes(b"damaged")
    notices: list[str] = []
    with without_warnings(notices.append), viewing(tmp_path / "a.ome.zarr") as asking:
        for _ in range(2):
            half = np.frombuffer(asking.get("volume/0/0/0.0.0").body, np.uint8).reshape(64, 64, 64)
            none = asking.get("volume/0/0/0.1.0")
    assert (half[:, :32] == 9).all()
    assert (half[:, 32:] == 0).all()
    assert none.status == 500
    assert "0/c/0/2/0" in none.json["error"]
    assert len(notices) == 3
    assert all(f"0/c/0/{row}/0" in notice for row, notice in enumerate(notices, 1))


def test_the_state_has_a_layer_for_each_channel_and_label(tmp_path: Path) -> None:
    pixels = np.zeros((2, 80, 80), "uint16")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="cyx", channel_names=["DAPI", "GFP"])
    pyramid.convert(pixels[0], tmp_path / "a.ome.zarr", labels="cells")
    with viewing(tmp_path / "a.ome.zarr") as asking:
        state = asking.get("api/state?source=0").json
        assert json.loads(asking.get("volume/0/labels/cells/.zattrs").body)["multiscales"][0]["version"] == "0.4"
        view = {"source": 0, "path": "", "base": asking.url}
        name = base64.urlsafe_b64encode(json.dumps(view).encode()).decode().rstrip("=")
        assert b"<script" in asking.get(f"3d/v/{name}/").body
        stream = asking.send(
            f"GET /3d/events/{name}?gc=1&gs=0 HTTP/1.1\r\nHost: localhost:{asking.address[1]}\r\n\r\n".encode(), 3
        )
        for wrong in ("3d/v/x/", "3d/", "3d/events/e30", "3d/v/e30/main.js", f"3d/v/{name}/none.js", "3d/state/x"):
            assert asking.get(wrong).status == 404, wrong
        sent = asking.get(f"3d/state/{name}", "POST", json.dumps({"c": "a", "g": 4, "pg": "1", "s": {}}).encode())
        assert sent.json == {"g": "a/4"}
        assert asking.get("api/sources", "POST", b"{}").status == 405
        assert b"space.js" in asking.get("3d").body
    (event,) = [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: ")]
    assert event["k"] == "s"
    assert event["s"]["layers"][0]["source"] == f"zarr2://{asking.url}volume/0/"
    assert [(layer["type"], layer["name"]) for layer in state["layers"]] == [
        ("image", "0 DAPI"),
        ("image", "1 GFP"),
        ("segmentation", "cells"),
    ]
    assert state["layers"][1]["localPosition"] == [1]
    assert state["layout"] == "xy"
