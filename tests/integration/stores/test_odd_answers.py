"""Servers that answer oddly: the right bytes, or an error that says what is odd; never a hole and never other bytes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import pyramid
from tests.support.servers.log import Log
from tests.support.servers.odd import odd
from tests.support.stores import digests

PIXELS = np.random.default_rng(0).integers(1, 60000, (200, 200)).astype("uint16")
ONCE: dict[str, Any] = {"retries": 1, "retry_seconds": 2, "timeout": 5}
# Ways of servers that keep to HTTP, or whose answers show what they are.
READABLE = ["", "chunked", "until it hangs up", "gzip", "deflate", "whole", "no place", "no size", "other place"]
CHUNK = r"0/c/1/1$"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    pyramid.convert(PIXELS, folder / "image.ome.zarr", chunks="y=64,x=64", shards="none")
    pyramid.convert(PIXELS, folder / "shards.ome.zarr", chunks="y=64,x=64", shards="y=128,x=128")
    tifffile.imwrite(folder / "image.tif", PIXELS, tile=(64, 64))
    return folder


@pytest.mark.parametrize("way", [*READABLE, "gzip and ranges"])
@pytest.mark.parametrize("name", ["image.ome.zarr", "shards.ome.zarr"])
def test_a_zarr_is_read_and_copied(way: str, name: str, made: Path, tmp_path: Path) -> None:
    with odd(made, way) as server:
        image = pyramid.open(server.url(name), ONCE)
        np.testing.assert_array_equal(image.levels[0].zarr[:], PIXELS)
        np.testing.assert_array_equal(image.levels[0].zarr[70:90, 5:130], PIXELS[70:90, 5:130])
        pyramid.download(server.url(name), tmp_path / "came", storage_options=ONCE)
    assert digests(tmp_path / "came") == digests(made / name)


# What servers make of HEAD: refused, broken, not known, an empty body's length, no length.
HEADS = ["HEAD 403", "HEAD 404", "HEAD 500", "HEAD 501", "HEAD 200", "HEAD none"]


@pytest.mark.parametrize("way", [*READABLE, "gzip and ranges", *HEADS])
def test_a_tiff_is_read(way: str, made: Path, tmp_path: Path) -> None:
    with odd(made, way) as server:
        url = server.url("image.tif")
        image = pyramid.convert(url, tmp_path / "out", levels=1, source_storage_options=ONCE)
        np.testing.assert_array_equal(image.levels[0].zarr[:], PIXELS)
        assert server.count() < 200


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("403", "403"),
        ("401", "401"),
        ("405", "405"),
        ("451", "451"),
        ("503", "503"),
        ("error", "ExpiredToken: It has expired"),
        ("page", "web page"),
        ("br", "'br'"),
        ("short", "c/1/1"),
        ("empty", "c/1/1|region"),
    ],
)
def test_a_chunk_that_does_not_come_is_no_hole(way: str, told: str, made: Path, tmp_path: Path) -> None:
    with odd(made, way, CHUNK) as server:
        url = server.url("image.ome.zarr")
        with pytest.raises(pyramid.SourceError, match=told):
            pyramid.convert(url, tmp_path / "out", source_storage_options=ONCE)
        assert not any(b"multiscales" in file.read_bytes() for file in (tmp_path / "out").glob("zarr.json"))
        with pytest.raises((pyramid.SourceError, pyramid.StoppedError), match=told):
            pyramid.download(url, tmp_path / "came", storage_options=ONCE)
        assert not (tmp_path / "came/0/c/1/1").exists()


def test_a_body_that_is_always_short_is_not_asked_for_for_minutes(made: Path) -> None:
    with odd(made, "short", "zarr.json") as server:
        with pytest.raises(pyramid.SourceError, match="after 6 attempts"):
            pyramid.info(server.url("image.ome.zarr"))
        assert server.count() == 6


@pytest.mark.parametrize(("way", "told"), [("page", "web page"), ("error", "ExpiredToken"), ("empty", "not JSON")])
def test_metadata_that_is_something_else_is_named(way: str, told: str, made: Path) -> None:
    with odd(made, way, "zarr.json") as server, pytest.raises(pyramid.SourceError, match=told):
        pyramid.info(server.url("image.ome.zarr"), ONCE)


def test_where_everything_is_refused_that_is_said(made: Path, tmp_path: Path) -> None:
    with odd(made, "403") as server:
        url = server.url("image.ome.zarr")
        for command in (
            lambda: pyramid.info(url),
            lambda: pyramid.convert(url, tmp_path / "out"),
            lambda: pyramid.download(url, tmp_path / "came"),
        ):
            with pytest.raises(pyramid.SourceError, match="403"):
                command()


def test_a_right_that_expires_leaves_no_hole(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd(made, "403", "^$") as server:
        monkeypatch.setattr(server, "where", Expired(server.log, 12))
        with pytest.raises(pyramid.SourceError, match="403"):
            pyramid.convert(server.url("image.ome.zarr"), tmp_path / "out")


class Expired:
    """Matches every request after some."""

    def __init__(self, log: Log, after: int) -> None:
        self._log = log
        self._after = after

    def search(self, key: str) -> bool:
        return len(self._log.requests) > self._after


def test_what_is_refused_where_nothing_else_is_missing_is_not_missing(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "image.ome.zarr", tmp_path / "served")
    (tmp_path / "served/0/c/0/0").unlink()
    # Whatever is not there is refused, and that is said.
    with odd(tmp_path, "403", r"no-such-key|0/c/0/0$|labels|tables") as server:
        came = pyramid.download(server.url("served"), tmp_path / "came")
        assert (came.missing, came.forbidden) == (1, 3)
        assert "refuses (403) whatever it does not have" in came.notices[0]
        planned = pyramid.plan(server.url("served"))
        assert any("refuses (403)" in notice for notice in planned.spec.notices)
    assert digests(tmp_path / "came") == digests(tmp_path / "served")
