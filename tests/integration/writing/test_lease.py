"""Two runs to one target: the second is refused while the first is alive, and a run that has ended keeps nobody out."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.errors import PyramidError, SourceError, TargetError
from pyramid.stores import open_objects
from pyramid.writing import claims, folder_lock, lease
from tests.support.servers.service import Service
from tests.support.stores import digests

FIRST, SECOND = np.full((256, 256), 7, "uint16"), np.full((128, 128), 9, "uint16")
MANY_BLOCKS: dict[str, Any] = {"chunks": "y=64,x=64", "shards": "none", "memory": "1MB", "workers": 1}
CHILD = """
import sys, numpy as np, pyramid
def progress(state):
    print("begun", flush=True)
    sys.stdin.read()
image = np.full((256, 256), 7, "uint16")
pyramid.convert(image, sys.argv[1], progress=progress, chunks="y=64,x=64", shards="none", workers=1)
"""


class Waiting:
    """A conversion in another thread that waits after its first block."""

    def __init__(self, target: str, **options: Any) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        self.outcome: object = None
        self._thread = threading.Thread(target=self._run, args=(target, options))

    def _run(self, target: str, options: dict[str, Any]) -> None:
        try:
            self.outcome = pyramid.convert(FIRST, target, progress=self._wait, **MANY_BLOCKS, **options)
        except PyramidError as error:
            self.outcome = error

    def _wait(self, _state: object) -> None:
        self._begun.set()
        assert self._go.wait(60)

    def __enter__(self) -> Waiting:
        self._thread.start()
        assert self._begun.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join(60)


@pytest.fixture(params=["disk", "memory", "s3"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Any]]:
    """A place for an image, and what its store is opened with."""
    monkeypatch.setattr(lease, "BEAT_S", 0.5)
    monkeypatch.setattr(claims, "WATCH_S", 3.0)
    if request.param == "s3":
        return s3.url(prefix), {"storage_options": s3.storage_options}
    return (str(tmp_path / "image") if request.param == "disk" else f"memory://lease/{prefix}"), {}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_second_run_is_refused_while_the_first_is_alive(target: tuple[str, dict[str, Any]], version: str) -> None:
    url, options = target
    with Waiting(url, ome_zarr_version=version, **options) as first:
        for act in (pyramid.convert, pyramid.plan):
            refused: Callable[..., object] = act
            with pytest.raises(TargetError, match="being written by another conversion; wait"):
                refused(SECOND, url, overwrite=True, **options)
        with pytest.raises(TargetError, match="exists"):
            pyramid.convert(SECOND, url, **options)
    assert isinstance(first.outcome, pyramid.image.Image)
    np.testing.assert_array_equal(pyramid.open(url, options.get("storage_options")).levels[0].data, FIRST)


def test_nothing_else_writes_into_the_target_of_a_run(tmp_path: Path) -> None:
    pyramid.convert(SECOND, tmp_path / "other")
    url = tmp_path / "image"
    with Waiting(str(url)) as first:
        said = "image is being written by another conversion"
        with pytest.raises(TargetError, match=said):
            pyramid.download(tmp_path / "other", url, overwrite=True)
        for below in ("0", "labels/cells"):
            with pytest.raises(TargetError, match=said):
                pyramid.convert(SECOND, url / below, overwrite=True)
            with pytest.raises(TargetError, match=said):
                pyramid.download(tmp_path / "other", url / below, overwrite=True)
        for read in (pyramid.open, pyramid.plan, lambda path: pyramid.download(path, tmp_path / "copy")):
            with pytest.raises(SourceError, match="its conversion is not finished"):
                read(url)
    assert not isinstance(first.outcome, BaseException)
    np.testing.assert_array_equal(np.asarray(pyramid.open(url).levels[0].data), FIRST)
    assert not (url / "labels").exists()


def test_a_folder_that_a_download_fills_is_no_target(tmp_path: Path) -> None:
    pyramid.convert(SECOND, tmp_path / "image")
    refused: list[str] = []

    def convert_there(_: object) -> None:
        with pytest.raises(TargetError) as error:
            pyramid.convert(FIRST, tmp_path / "copy", overwrite=True)
        refused.append(str(error.value))

    pyramid.download(tmp_path / "image", tmp_path / "copy", progress=convert_there)
    assert refused
    assert all("is being filled by a download" in reason or "is no Zarr" in reason for reason in refused)
    assert digests(tmp_path / "copy") == digests(tmp_path / "image")


def test_a_run_that_failed_keeps_nobody_out(target: tuple[str, dict[str, Any]]) -> None:
    url, options = target

    def fail(_state: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough") as failed:
        pyramid.convert(FIRST, url, progress=fail, **MANY_BLOCKS, **options)
    assert any("is unfinished" in note for note in failed.value.__notes__)
    image = pyramid.convert(SECOND, url, overwrite=True, **options)
    assert image.levels[0].shape == SECOND.shape


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_was_killed_keeps_nobody_out(tmp_path: Path, number: signal.Signals) -> None:
    url = str(tmp_path / "image")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        with pytest.raises(TargetError, match="being written by another conversion"):
            pyramid.convert(SECOND, url, overwrite=True)
        child.send_signal(number)
        child.wait(60)
    assert pyramid.convert(SECOND, url, overwrite=True).levels[0].shape == SECOND.shape


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_many_that_begin_at_once_one_goes_well(tmp_path: Path, overwrite: bool) -> None:
    url = str(tmp_path / "image")
    if overwrite:
        pyramid.convert(SECOND, url)
    together = threading.Barrier(6)

    def run(value: int) -> int | str:
        together.wait(60)
        try:
            pyramid.convert(np.full((512, 512), value, "uint16"), url, overwrite=overwrite, **MANY_BLOCKS)
        except TargetError as error:
            return str(error)
        except SourceError as error:
            # The next run may remove what this one would read back.
            if not overwrite or "the run is done and its target complete" not in str(error):
                raise
        return value

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(run, range(1, 7)))
    won = [outcome for outcome in outcomes if isinstance(outcome, int)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all("being written by another" in reason or "exists" in reason for reason in refused)
    assert len(won) >= 1
    assert len(won) == 1 or overwrite  # one that begins when another has ended may replace it
    pixels = np.asarray(pyramid.open(url).levels[0].data)
    assert (pixels == pixels[0, 0]).all()
    assert pixels[0, 0] in won


def test_a_run_whose_target_was_taken_does_not_commit(tmp_path: Path) -> None:
    url = tmp_path / "image"
    with Waiting(str(url)) as first:
        (url / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    assert isinstance(first.outcome, TargetError)
    assert "was taken by another conversion" in str(first.outcome)
    assert "multiscales" not in (url / "zarr.json").read_text()


def test_a_folder_that_another_program_locks_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "WATCH_S", 0.3)
    folder = tmp_path / "image"
    folder.mkdir()
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TargetError, match="is locked by another program"):
            pyramid.convert(FIRST, folder)
        assert list(folder.iterdir()) == []
    finally:
        os.close(held)
    assert pyramid.convert(FIRST, folder).levels[0].shape == FIRST.shape


def test_a_run_of_another_machine_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "WATCH_S", 1.5)
    url, beats = tmp_path / "image", threading.Event()
    pyramid.convert(SECOND, url)
    claim = {"state": "in progress", "run": "r", "host": "elsewhere", "process": "1 1.00", "beat": 0}

    def beat() -> None:
        while not beats.wait(0.3):
            claim["beat"] = int(str(claim["beat"])) + 1
            put()

    def put() -> None:
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"pyramid": claim}}
        open_objects(str(url)).put("zarr.json", json.dumps(document).encode())

    put()
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(TargetError, match="being written by another conversion"):
            pyramid.convert(FIRST, url, overwrite=True)
    finally:
        beats.set()
        thread.join()
    assert pyramid.convert(FIRST, url, overwrite=True).levels[0].shape == FIRST.shape
