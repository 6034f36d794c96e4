"""The picture next to an image: written, named by the convention, and kept by every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import pyramid
from pyramid.image import picture
from pyramid.ngff.thumbnails import THUMBNAIL_KEY, make_thumbnails, thumbnail_keys
from tests.support.archives import read_tree, write_group
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer
from tests.support.trees import attributes_path, write_json

IMAGE = np.random.default_rng(9).integers(0, 4000, (2, 700, 500), "uint16")


def attributes(target: Path) -> dict[str, Any]:
    held = json.loads(attributes_path(target).read_text())
    found: dict[str, Any] = held.get("attributes", held)
    return found


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_the_picture_is_that_of_a_notebook_and_named_by_the_convention(version: Any, tmp_path: Path) -> None:
    target, plain = tmp_path / "a.ome.zarr", tmp_path / "plain.ome.zarr"
    image = pyramid.convert(IMAGE, target, axes="cyx", ome_zarr_version=version, thumbnail=True, name="a")
    body = (target / THUMBNAIL_KEY).read_bytes()
    assert body == picture.as_png(image)
    held = attributes(target)
    (item,) = held["thumbnails"]
    height, width, _ = imagecodecs.png_decode(body).shape
    assert item == {"width": width, "height": height, "media_type": "image/png", "uri": "thumbnails/thumbnail.png"}
    assert 128 <= max(width, height) <= 512
    assert len(body) < 200_000
    assert [one["uuid"] for one in held["zarr_conventions"]] == ["49326c01-1180-4743-b15f-f7157038a6ab"]
    pyramid.convert(IMAGE, plain, axes="cyx", ome_zarr_version=version, name="a")
    same = {name for name in read_tree(plain) if "/" in name}
    assert {name: read_tree(target)[name] for name in same} == {name: read_tree(plain)[name] for name in same}
    assert "thumbnails" not in attributes(plain)
    assert set(read_tree(target)) - set(read_tree(plain)) == {THUMBNAIL_KEY}


def test_every_command_keeps_it(tmp_path: Path, web: WebServer) -> None:
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(IMAGE, target, axes="cyx", thumbnail=True, manifest=str(tmp_path / "m.sha256"))
    assert (tmp_path / "m.sha256").read_text() == str(pyramid.manifest(target))
    assert str(pyramid.manifest(web.url("a.ome.zarr"))) == str(pyramid.manifest(target))
    found = pyramid.verify(target)
    assert found.ok
    assert not list(found.findings)
    pyramid.download(web.url("a.ome.zarr"), tmp_path / "b.ome.zarr")
    assert read_tree(tmp_path / "b.ome.zarr") == read_tree(target)


def test_an_archive_and_a_bucket_have_it(tmp_path: Path, s3: Service, prefix: str) -> None:
    pyramid.convert(IMAGE, tmp_path / "a.ozx", axes="cyx", thumbnail=True)
    url, options = s3.url(f"{prefix}/a.ome.zarr"), s3.storage_options
    pyramid.convert(IMAGE, url, axes="cyx", thumbnail=True, storage_options=options)
    pyramid.unpack(tmp_path / "a.ozx", tmp_path / "b.ome.zarr")
    body = s3.objects(prefix)[f"a.ome.zarr/{THUMBNAIL_KEY}"]
    assert body == (tmp_path / "b.ome.zarr" / THUMBNAIL_KEY).read_bytes()


def test_an_image_too_large_for_a_picture_is_converted_with_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MAX_READ_BYTES", 10)
    with pytest.warns(pyramid.PyramidWarning, match="no thumbnail is written"):
        pyramid.convert(IMAGE, tmp_path / "a.ome.zarr", axes="cyx", thumbnail=True)
    assert "thumbnails" not in attributes(tmp_path / "a.ome.zarr")
    assert not (tmp_path / "a.ome.zarr/thumbnails").exists()


def test_a_picture_outside_of_the_image_is_not_downloaded(tmp_path: Path) -> None:
    uris = [
        "../secret",
        "/etc/passwd",
        "https://host/a.png",
        "data:image/png;base64,x",
        "a\\b",
        "a//b",
        5,
        "",
        "t/a.png",
    ]
    assert thumbnail_keys({"thumbnails": [{"uri": uri} for uri in uris]}) == ("t/a.png",)
    assert thumbnail_keys({"thumbnails": "a"}) == ()
    assert thumbnail_keys(make_thumbnails(1, 1)) == (THUMBNAIL_KEY,)
    pyramid.convert(IMAGE, tmp_path / "a.ome.zarr", axes="cyx")
    document = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())
    document["attributes"]["thumbnails"] = [{"uri": uri} for uri in uris]
    write_json(tmp_path / "a.ome.zarr/zarr.json", document)
    write_group(tmp_path / "secret")
    pyramid.download(tmp_path / "a.ome.zarr", tmp_path / "b/c.ome.zarr")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["c.ome.zarr"]
    assert read_tree(tmp_path / "b/c.ome.zarr") == read_tree(tmp_path / "a.ome.zarr")
