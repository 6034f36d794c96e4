"""Workers and schedulers that are killed, stopped or started in mid-run: the same bytes, or an end that can go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.engine import preparation
from pyramid.engine.cluster import dispatch, ledger, waiting
from pyramid.errors import StoppedError
from pyramid.readers import open_source
from tests.support.dask_processes import DaskProcesses
from tests.support.paths import ROOT
from tests.support.slow_source import SlowSource
from tests.support.stores import digests

pytestmark = pytest.mark.once

PLANES = 40
OPTIONS: dict[str, Any] = {
    "axes": "zyx",
    "chunks": {"z": 1, "y": 64, "x": 64},
    "shards": "none",
    "memory": "200KiB",  # a block a plane, for one worker
    "scale_factors": "z=1,y=2,x=2",
    "levels": 2,
}


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    made = DaskProcesses(tmp_path)
    made.start_scheduler()
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlowSource:
    """An image of many blocks, each of which takes a tenth of a second."""
    monkeypatch.setattr(
        preparation,
        "open_source",
        lambda given, options: given if isinstance(given, SlowSource) else open_source(given, options),
    )
    return SlowSource(planes=PLANES, folder=str(tmp_path))


@pytest.fixture
def right(source: SlowSource, tmp_path: Path) -> dict[str, str]:
    pyramid.convert(SlowSource(PLANES, str(tmp_path), delay_s=0), tmp_path / "right", **{**OPTIONS, "memory": "1MiB"})
    return digests(tmp_path / "right")


def at_block(number: int, do: Callable[[], object]) -> Callable[[Any], None]:
    """A progress callback that does something once, when so many blocks are done."""
    done: list[bool] = []

    def progress(state: Any) -> None:
        if state.done_tasks >= number and not done:
            done.append(True)
            do()

    return progress


def convert(source: object, target: Path, dask: DaskProcesses, **more: Any) -> None:
    memory = f"{200 * max(1, dask.threads)}KiB"
    pyramid.convert(source, target, scheduler=dask.address, **{**OPTIONS, "memory": memory, **more})


def test_two_of_four_killed_and_one_stopped(
    source: SlowSource, right: dict[str, str], dask: DaskProcesses, tmp_path: Path
) -> None:
    four = [dask.start_worker() for _ in range(4)]
    wait_for_workers(dask, 4)

    def strike() -> None:
        four[0].kill()
        four[1].kill()
        four[2].send_signal(signal.SIGSTOP)

    convert(source, tmp_path / "out", dask, progress=at_block(10, strike), block_timeout=3)
    assert digests(tmp_path / "out") == right


def test_all_four_killed_and_two_started_later(
    source: SlowSource, right: dict[str, str], dask: DaskProcesses, tmp_path: Path
) -> None:
    four = [dask.start_worker() for _ in range(4)]
    wait_for_workers(dask, 4)

    def strike() -> None:
        for worker in four:
            worker.kill()
        threading.Timer(4, lambda: [dask.start_worker() for _ in range(2)]).start()

    with pytest.warns(pyramid.PyramidWarning, match="the cluster has no worker; waiting for"):
        convert(source, tmp_path / "out", dask, progress=at_block(10, strike))
    assert digests(tmp_path / "out") == right


def wait_for_workers(dask: DaskProcesses, count: int) -> None:
    from distributed import Client

    with Client(dask.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def test_the_command_line_ends_with_0_after_losses(right: dict[str, str], dask: DaskProcesses, tmp_path: Path) -> None:
    """The run of a user: one process of the command, workers killed from outside, exit status 0."""
    pixels = np.random.default_rng(1).integers(0, 4000, (30, 600, 600)).astype("u2")
    np.save(tmp_path / "a.npy", pixels)
    options = {**OPTIONS, "codec": "gzip", "codec_level": 9, "memory": "12MiB"}
    pyramid.convert(tmp_path / "a.npy", tmp_path / "plain", **options)
    three = [dask.start_worker() for _ in range(3)]
    wait_for_workers(dask, 3)
    (tmp_path / "c.yaml").write_text(json.dumps({**options, "scheduler": dask.address, "block_timeout": "5s"}))
    words = ["convert", str(tmp_path / "a.npy"), str(tmp_path / "out"), "--config", str(tmp_path / "c.yaml")]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyramid", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    until_s = time.monotonic() + 60
    while not list((tmp_path / "out").glob("0/c/*")) and time.monotonic() < until_s:
        time.sleep(0.02)
    three[0].kill()
    three[1].send_signal(signal.SIGSTOP)
    problem = process.communicate(timeout=120)[1]
    assert process.returncode == 0, problem
    assert digests(tmp_path / "out") == digests(tmp_path / "plain")


def test_from_no_worker_at_the_start(
    source: SlowSource, right: dict[str, str], dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SAY_AFTER_S", 0.2)
    threading.Timer(1, dask.start_worker).start()
    with pytest.warns(pyramid.PyramidWarning, match="the cluster has no worker; waiting for"):
        convert(source, tmp_path / "out", dask)
    assert digests(tmp_path / "out") == right


def test_no_worker_ever_is_told_in_time(
    source: SlowSource, dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "COMING_S", 1)
    with pytest.raises(pyramid.PyramidError, match="the cluster has no worker; start some workers"):
        convert(source, tmp_path / "out", dask)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_scheduler_that_dies_ends_a_run_that_can_go_on(
    restarted: bool, source: SlowSource, right: dict[str, str], dask: DaskProcesses, tmp_path: Path
) -> None:
    for _ in range(2):
        dask.start_worker()
    wait_for_workers(dask, 2)

    def strike() -> None:
        assert dask.scheduler is not None
        dask.scheduler.kill()
        dask.scheduler.wait()
        if restarted:
            dask.start_scheduler()
            dask.start_worker()

    with pytest.raises(StoppedError, match="the cluster") as caught:
        convert(source, tmp_path / "out", dask, progress=at_block(8, strike))
    assert caught.value.exit_status == 5
    assert "multiscales" not in (tmp_path / "out" / "zarr.json").read_text()
    done: list[Any] = []
    pyramid.convert(source, tmp_path / "out", resume=True, progress=done.append, **{**OPTIONS, "memory": "1MiB"})
    assert len(done) < done[-1].total_tasks
    assert digests(tmp_path / "out") == right


def test_a_block_that_hangs_is_given_to_another_worker(
    right: dict[str, str], source: SlowSource, dask: DaskProcesses, tmp_path: Path
) -> None:
    for _ in range(2):
        dask.start_worker(threads=2)
    wait_for_workers(dask, 2)
    hanging = SlowSource(PLANES, str(tmp_path), hangs_at=7)
    convert(hanging, tmp_path / "out", dask, block_timeout=2)
    assert (tmp_path / "hung").exists()
    assert digests(tmp_path / "out") == right


def test_a_block_that_hangs_everywhere_is_told(
    source: SlowSource, dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "COMING_S", 1)
    for _ in range(3):
        dask.start_worker()
    wait_for_workers(dask, 3)
    hanging = SlowSource(PLANES, str(tmp_path), hangs_at=7, always=True)
    with pytest.raises(StoppedError, match=r"more than 1 s at each .*worker.* block_timeout=\.\.\. more"):
        convert(hanging, tmp_path / "out", dask, block_timeout=1)


def test_the_only_worker_that_hangs_is_told(
    source: SlowSource, dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "COMING_S", 1)
    worker = dask.start_worker()
    wait_for_workers(dask, 1)
    with pytest.raises(StoppedError, match="no other worker came within"):
        convert(
            source,
            tmp_path / "out",
            dask,
            block_timeout=1,
            progress=at_block(5, lambda: worker.send_signal(signal.SIGSTOP)),
        )


def test_the_last_blocks_of_a_slow_worker_are_done_elsewhere(
    right: dict[str, str], source: SlowSource, dask: DaskProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEAST_STRAGGLER_S", 0.3)
    for _ in range(2):
        dask.start_worker()
    wait_for_workers(dask, 2)
    # Far below the time-out, which is a minute at least.
    slow = SlowSource(PLANES, str(tmp_path), hangs_at=PLANES - 1, hang_s=30)
    convert(slow, tmp_path / "out", dask)
    assert digests(tmp_path / "out") == right
    assert time.time() - (tmp_path / "hung").stat().st_mtime < 20


OTHER_CODECS = """
import importlib.metadata as metadata
version = metadata.version
metadata.version = lambda name: "1.2.3" if name == "imagecodecs" else version(name)
"""


def test_workers_that_come_later_are_checked_too(
    source: SlowSource, right: dict[str, str], dask: DaskProcesses, tmp_path: Path
) -> None:
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "sitecustomize.py").write_text(OTHER_CODECS)
    dask.start_worker()
    wait_for_workers(dask, 1)
    slow, memory, places = SlowSource(PLANES, str(tmp_path), delay_s=0.3), "200KiB", set()

    def come() -> None:
        dask.start_worker(path=f"{tmp_path / 'stub'}{os.pathsep}{ROOT}")
        dask.start_worker()

    strike = at_block(2, come)

    def progress(state: Any) -> None:
        places.add(state.place.partition(",")[0])
        strike(state)

    with pytest.warns(pyramid.PyramidWarning, match=r"the worker tcp://\S+ gets no blocks: it has imagecodecs 1\.2\.3"):
        convert(slow, tmp_path / "out", dask, memory=memory, progress=progress)
    assert places == {"1 worker", "2 workers"}
    assert digests(tmp_path / "out") == right
