"""Copies held against a manifest while they arrive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, PyramidWarning
from tests.support.manifests import dandi_of
from tests.support.servers.web import WebServer

IMAGE = np.random.default_rng(0).integers(0, 999, (200, 180)).astype("uint16")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.ome.zarr"
    pyramid.convert(IMAGE, path, chunks="y=64,x=64", shards="none")
    pyramid.manifest(path, output=tmp_path / "m")
    return path


def test_a_right_copy_is_as_its_manifest(image: Path, web: WebServer, tmp_path: Path) -> None:
    done = pyramid.download(web.url(image.name), tmp_path / "copy", manifest=tmp_path / "m")
    assert done.differences == 0
    assert done.manifest == str(tmp_path / "m")
    assert f"it is as {tmp_path / 'm'} says" in str(done)
    assert str(pyramid.manifest(tmp_path / "copy")) == (tmp_path / "m").read_text()
    (tmp_path / "dandi").write_text(f"{dandi_of(image)}\n")
    assert pyramid.download(image, tmp_path / "copy-2", manifest=tmp_path / "dandi").differences == 0


def test_a_copy_that_differs_is_named(image: Path, tmp_path: Path) -> None:
    (image / "0/c/0/0").write_bytes((image / "0/c/0/0").read_bytes()[::-1])
    (image / "0/c/0/1").unlink()
    command = ["download", str(image), str(tmp_path / "copy"), "--manifest", str(tmp_path / "m"), "--json"]
    run = CliRunner().invoke(main, command)
    assert run.exit_code == 1
    told = json.loads(run.stdout)
    assert [(one["key"], one["kind"]) for one in told["findings"]] == [("0/c/0/0", "digest"), ("0/c/0/1", "missing")]
    assert told["differences"] == 2
    with pytest.warns(PyramidWarning, match="the copy differs from .*: '0/c/0/0' has another digest"):
        done = pyramid.download(image, tmp_path / "copy-2", manifest=tmp_path / "m")
    assert "it differs from" in str(done)


def test_what_an_earlier_run_fetched_is_held_too(image: Path, tmp_path: Path) -> None:
    def stop(state: pyramid.downloading.DownloadProgress) -> None:
        if state.done_objects >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.download(image, tmp_path / "copy", progress=stop, workers=1)
    kept = next(path for path in (tmp_path / "copy").rglob("c/*/*") if path.is_file())
    kept.write_bytes(b"damaged")
    with pytest.warns(PyramidWarning, match="the copy differs"):
        done = pyramid.download(image, tmp_path / "copy", manifest=tmp_path / "m")
    assert done.kept
    assert [finding.key for finding in done.findings] == [kept.relative_to(tmp_path / "copy").as_posix()]


def test_some_levels_are_not_held_against_all(image: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="manifest: it lists all levels"):
        pyramid.download(image, tmp_path / "copy", manifest=tmp_path / "m", levels="1:")
