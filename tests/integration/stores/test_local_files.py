"""On local disk only what is not there is background; all else that cannot be read is named."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.stores import open_objects

PIXELS = np.full((128, 128), 7, "uint16")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def file_for_folder(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()
    file.parent.write_bytes(b"")


def device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def empty(file: Path) -> None:
    file.write_bytes(b"")


SPOILS = [folder, pipe, dangling, loop, file_for_folder, device, empty]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pyramid.convert(PIXELS, tmp_path / "image.ome.zarr", chunks="y=64,x=64", shards="none")
    return tmp_path / "image.ome.zarr"


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_chunk_that_is_no_file(spoil: Callable[[Path], None], image: Path, tmp_path: Path) -> None:
    if spoil is file_for_folder:
        (image / "0/c/1/0").unlink()
    spoil(image / "0/c/1/1")
    pyramid.info(image)
    with pytest.raises(pyramid.SourceError, match=r"0/c/1|from \(0, 0\)"):
        pyramid.convert(image, tmp_path / "out")
    with pytest.raises(pyramid.SourceError, match="0/c/1"):
        pyramid.download(image, tmp_path / "copy")
    if spoil is not empty:
        with pytest.raises(OSError, match="0/c/1"):
            pyramid.open(image).levels[0].zarr[:]


@pytest.mark.parametrize("spoil", [folder, pipe, dangling, loop, device])
def test_metadata_that_is_no_file(spoil: Callable[[Path], None], image: Path, tmp_path: Path) -> None:
    spoil(image / "zarr.json")
    with pytest.raises(pyramid.SourceError, match=r"zarr\.json"):
        pyramid.info(image)
    with pytest.raises(pyramid.SourceError, match=r"zarr\.json"):
        pyramid.convert(image, tmp_path / "out")


def test_what_may_not_be_read(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("0/c/1/1"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr("pyramid.stores.local.os.open", refuse)
    with pytest.raises(pyramid.SourceError, match="0/c/1/1: Permission denied"):
        pyramid.convert(image, tmp_path / "out")


def test_what_is_not_there_is_background(image: Path, tmp_path: Path) -> None:
    (image / "0/c/1/1").unlink()
    made = pyramid.convert(image, tmp_path / "out", levels=1)
    expected = PIXELS.copy()
    expected[64:, 64:] = 0
    np.testing.assert_array_equal(made.levels[0].zarr[:], expected)


def test_a_pipe_as_a_source_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(pyramid.SourceError, match="pipe"):
        pyramid.info(tmp_path / "pipe")
    assert open_objects(str(tmp_path / "pipe")).get("zarr.json") is None
