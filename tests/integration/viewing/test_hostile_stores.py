"""Stores that were made to do harm: the server answers, and nothing of them is run or followed."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import pyramid
from pyramid.errors import PyramidError
from tests.support import trees
from tests.support.asking import Asking, viewing

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&javascript:alert(3)\u202e\x00"
NAMES = ("name", "path", "color", "label", "window", "start", "min", "axes", "unit", "scale")


def _attributes(store: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((store / "zarr.json").read_text())
    return found


def _spoiled(value: Any, chance: random.Random) -> Any:
    """A document with some of its parts replaced by hostile ones."""
    hostile: list[Any] = [
        MARKUP,
        None,
        -1,
        1e308,
        float("inf"),
        [],
        {},
        [[[[]]]],
        "../../secret",
        "/etc/passwd",
        2**70,
        True,
    ]
    if chance.random() < 0.06:
        return chance.choice(hostile)
    if isinstance(value, dict):
        return {key: _spoiled(inner, chance) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spoiled(inner, chance) for inner in value]
    return value


def _ask_all(asking: Asking) -> None:
    paths = ["api/image?source=0", "api/metadata?source=0", "tile/0/0/0.png", "tile/1/0/0.png", "thumbnail?source=0"]
    paths += ["api/histogram?channel=0", "api/values?level=0&y=1&x=1", "label/0/0/0.png?path=labels/nuclei"]
    for path in paths:
        reply = asking.get(path)
        assert reply.status in (200, 400, 404), (path, reply.body)
        kind = reply.headers["content-type"]
        assert kind in ("application/json", "image/png", "image/svg+xml")
        assert kind != "image/svg+xml" or (b"<script" not in reply.body and b"<img" not in reply.body)
        if kind == "application/json":
            assert isinstance(reply.json, dict)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with labels and channels, whose documents are right."""
    store = tmp_path_factory.mktemp("sound") / "a"
    trees.image(store, 3, labels=True)
    window = {"start": 0, "end": 9, "min": 0, "max": 9}
    document = _attributes(store)
    document["attributes"]["ome"]["omero"] = {"channels": [{"color": "FF0000", "label": MARKUP, "window": window}]}
    trees.write_json(store / "zarr.json", document)
    return store


@pytest.mark.parametrize("number", range(50))
def test_a_spoiled_store_is_refused_or_shown(number: int, sound: Path, tmp_path: Path) -> None:
    chance = random.Random(number)
    shutil.copytree(sound, tmp_path / "a")
    for path in ("zarr.json", "0/zarr.json", "labels/nuclei/zarr.json"):
        trees.write_json(tmp_path / "a" / path, _spoiled(json.loads((sound / path).read_text()), chance))
    try:
        viewer = pyramid.view(tmp_path / "a")
    except PyramidError as error:
        refusal = str(error)
    else:
        refusal = ""
        with viewer:
            _ask_all(Asking(viewer.url))
    assert "; " in refusal or not refusal


def test_a_name_with_markup_stays_text(tmp_path: Path) -> None:
    trees.image(tmp_path / "a", 3)
    document = _attributes(tmp_path / "a")
    document["attributes"]["ome"]["multiscales"][0]["name"] = MARKUP
    trees.write_json(tmp_path / "a/zarr.json", document)
    with viewing(tmp_path / "a") as asking:
        reply = asking.get("api/image?source=0")
        assert reply.json["name"] == MARKUP
        assert reply.headers["content-type"] == "application/json"
        assert MARKUP.encode() not in asking.get("").body


def test_a_chunk_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    trees.image(tmp_path / "a", 3, levels=1)
    document = _attributes(tmp_path / "a/0")
    document["shape"] = [2**40, 2**40]
    document["chunk_grid"]["configuration"]["chunk_shape"] = [2**35, 2**35]
    trees.write_json(tmp_path / "a/0/zarr.json", document)
    with viewing(tmp_path / "a") as asking:
        reply = asking.get("tile/0/0/0.png")
        assert reply.headers["content-type"] == "image/svg+xml"
        assert b"limit" in reply.body


def test_a_key_with_markup_is_text_in_a_hatched_tile(tmp_path: Path) -> None:
    odd = "<b>&\u202elevel"
    trees.image(tmp_path / "a", 3, levels=1)
    (tmp_path / "a/0").rename(tmp_path / "a" / odd)
    (tmp_path / "a" / odd / "c/0/0").write_bytes(b"x")
    document = _attributes(tmp_path / "a")
    document["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = odd
    trees.write_json(tmp_path / "a/zarr.json", document)
    with viewing(tmp_path / "a") as asking:
        reply = asking.get("tile/0/0/0.png")
    assert reply.headers["content-type"] == "image/svg+xml"
    assert b"&lt;b&gt;&amp;" in reply.body
    assert "\u202e".encode() not in reply.body
