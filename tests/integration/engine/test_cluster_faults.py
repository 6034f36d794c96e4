"""Clusters that lack something, or go away: found before the first block, or a sentence within seconds."""

from __future__ import annotations

import _thread
import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

import pyramid
from pyramid.engine import preparation
from pyramid.engine.cluster import finding, waiting, workers
from pyramid.errors import OptionError, SourceError, StoppedError
from pyramid.planning.resources import LIMIT_SHARE
from pyramid.readers import open_source
from tests.support.odd_source import OddSource

WITHIN_S = 60
PIXELS = (np.arange(3 * 300 * 400) % 251).astype("u1").reshape(3, 300, 400)
OPTIONS: dict[str, Any] = {"axes": "zyx", "chunks": {"z": 1, "y": 128, "x": 128}, "shards": "none", "memory": "3MiB"}


@pytest.fixture(autouse=True)
def _without_half_made_clients() -> Iterator[None]:
    """Collect the clients that found no scheduler: they leave sockets open, of which another test would be told."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


HERE: dict[str, Any] = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
SLOW = OddSource(planes=200, delay_s=0.1)


@pytest.fixture
def odd_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_source
    monkeypatch.setattr(
        preparation,
        "open_source",
        lambda source, options: source if isinstance(source, OddSource) else opened(source, options),
    )


def unfinished(target: Path) -> bool:
    return "multiscales" not in (target / "zarr.json").read_text()


def pixels_of(target: Path) -> Any:
    return pyramid.open(target).levels[0].data.compute(scheduler="sync")


# The limit leaves room for all that earlier tests have made this process hold: its worker is a thread of it.
@pytest.mark.parametrize("limit", [0, None, "8GiB"])
def test_a_worker_without_a_limit_has_its_machines_memory(limit: object, tmp_path: Path) -> None:
    with LocalCluster(**HERE, memory_limit=limit) as cluster, Client(cluster):
        pyramid.convert(PIXELS, tmp_path / "a", axes="zyx")
    assert np.array_equal(pixels_of(tmp_path / "a"), PIXELS)


@pytest.mark.parametrize("limit", [0, None, float("inf"), float("nan"), -1])
def test_workers_without_a_limit_share_their_machine(limit: object) -> None:
    two = {f"tcp://a:{port}": {"host": "a", "nthreads": 2, "memory_limit": limit} for port in (1, 2)}
    idle = {"tcp://a:3": {"host": "a", "nthreads": 0, "memory_limit": limit}}
    resources = workers.cluster_resources({**two, **idle}, dict.fromkeys(two, 2**30))
    assert (resources.workers, resources.task_bytes) == (4, int(2**29 * LIMIT_SHARE) // 2)


def test_a_cluster_that_grows_from_none_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAY_AFTER_S", 0)
    with LocalCluster(**{**HERE, "n_workers": 0}) as cluster, Client(cluster):
        cluster.adapt(minimum=0, maximum=1, interval="100ms")
        with pytest.warns(pyramid.PyramidWarning, match="has no worker yet, and has been asked for one"):
            pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
    assert np.array_equal(pixels_of(tmp_path / "a"), PIXELS)


def test_a_cluster_without_workers_to_come_is_refused(tmp_path: Path) -> None:
    with (
        LocalCluster(**{**HERE, "n_workers": 0}) as cluster,
        Client(cluster),
        pytest.raises(OptionError, match="has no worker, and none was asked for; start some workers"),
    ):
        pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("what", ["client", "cluster", "workers"])
@pytest.mark.usefixtures("odd_sources")
def test_a_cluster_that_goes_away_is_told(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "COMING_S", 1)
    closing: list[threading.Thread] = []
    cluster = LocalCluster(**HERE)
    client = Client(cluster)
    calls: dict[str, Callable[[], object]] = {
        "client": client.close,
        "cluster": cluster.close,
        "workers": lambda: cluster.scale(0),
    }

    def progress(_: object) -> None:
        if not closing:
            closing.append(threading.Thread(target=calls[what]))
            closing[0].start()

    began_s = time.monotonic()
    text = "the cluster was lost" if what != "workers" else "no worker"
    try:
        with pytest.raises(StoppedError, match=text):
            pyramid.convert(SLOW, tmp_path / "a", progress=progress, **OPTIONS)
    finally:
        closing[0].join()
        client.close()
        cluster.close()
    assert time.monotonic() - began_s < WITHIN_S
    assert unfinished(tmp_path / "a")


@pytest.mark.usefixtures("odd_sources")
def test_an_interrupt_ends_blocks_on_workers(tmp_path: Path) -> None:
    with LocalCluster(**{**HERE, "processes": True}, host="127.0.0.1") as cluster, Client(cluster) as client:

        def progress(state: Any) -> None:
            if state.done_tasks == 1:
                threading.Timer(0.3, _thread.interrupt_main).start()

        with pytest.raises(KeyboardInterrupt):
            pyramid.convert(SLOW, tmp_path / "a", progress=progress, **OPTIONS)
        until_s = time.monotonic() + WITHIN_S
        while any(client.processing().values()) and time.monotonic() < until_s:
            time.sleep(0.05)
        assert not any(client.processing().values())
        written = len(list(tmp_path.rglob("*")))
        assert written < 200 * 12
        time.sleep(0.5)
        assert len(list(tmp_path.rglob("*"))) == written


@pytest.mark.usefixtures("odd_sources")
def test_runs_on_one_cluster_have_their_own_failures(tmp_path: Path) -> None:
    """Also failures that do not pickle, in the words of a local run."""
    kinds = ("odd", "cause", "panic", "deep", "system")
    found: dict[str, list[str]] = {kind: [] for kind in kinds}

    def run(kind: str, folder: str) -> None:
        with pytest.raises(SourceError) as caught:
            pyramid.convert(OddSource(kind, planes=1), tmp_path / folder / kind, **OPTIONS)
        found[kind].append(str(caught.value))

    with dask.config.set(scheduler="sync"):
        for kind in kinds:
            run(kind, "here")
    with LocalCluster(**{**HERE, "processes": True}, host="127.0.0.1") as cluster, Client(cluster):
        threads = [threading.Thread(target=run, args=(kind, "there")) for kind in kinds]
        for thread in threads:
            thread.start()
        pyramid.convert(PIXELS, tmp_path / "right", **OPTIONS)
        for thread in threads:
            thread.join()
    assert np.array_equal(pixels_of(tmp_path / "right"), PIXELS)
    assert all(len(texts) == 2 and len(set(texts)) == 1 for texts in found.values()), found


def test_tasks_of_the_only_thread_convert(tmp_path: Path) -> None:
    def task(number: int) -> tuple[int, ...]:
        image: pyramid.Image = pyramid.convert(PIXELS, tmp_path / str(number), **OPTIONS)
        return image.levels[0].shape

    with LocalCluster(**HERE) as cluster, Client(cluster) as client:
        futures = client.map(task, range(3), pure=False)
        assert [future.result(WITHIN_S) for future in futures] == [PIXELS.shape] * 3
        assert client.submit(sum, [1, 2]).result(WITHIN_S) == 3  # the thread is there again


@pytest.mark.parametrize("form", ["get", "client"])
def test_the_client_that_dask_is_configured_with_is_used(form: str, tmp_path: Path) -> None:
    with LocalCluster(**HERE) as cluster, Client(cluster, set_as_default=False) as client:
        with dask.config.set(scheduler=client.get if form == "get" else client):
            pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
        assert any(computation.groups for computation in cluster.scheduler.computations)
    assert np.array_equal(pixels_of(tmp_path / "a"), PIXELS)


def test_a_client_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with LocalCluster(**HERE) as cluster:
        client = Client(cluster, set_as_default=False)
        client.close()
        with dask.config.set(scheduler=client.get), pytest.raises(OptionError, match="the Dask client is closed"):
            pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "CONNECT_S", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("tcp://127.0.0.1:1", "does not answer"),
        ("127.0.0.1:1", "does not answer"),
        ("htp://127.0.0.1:1", "unknown address scheme 'htp'"),
        ("cluster", "is not an address"),
        ("tcp://127.0.0.1:port", "is not an address"),
        ("SILENT", "does not answer"),
    ],
)
def test_an_address_where_no_scheduler_is(address: str, text: str, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = address.replace("SILENT", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(OptionError, match=f"scheduler: {address} .*{text}"):
            pyramid.convert(PIXELS, tmp_path / "a", scheduler=address)
    assert not (tmp_path / "a").exists()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "holds no address"),
        (b"[" * 100_000, "holds no address"),
        (b"\xff", "holds no address"),
        (b'{"address": null}', "holds no address"),
        (json.dumps({"address": "tcp://127.0.0.1:1"}).encode(), r"\(tcp://127\.0\.0\.1:1\) does not answer"),
    ],
)
def test_a_file_that_names_no_scheduler(body: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "scheduler.json").write_bytes(body)
    with pytest.raises(OptionError, match=rf"scheduler(_file)?: .*scheduler\.json .*{text}"):
        pyramid.convert(PIXELS, tmp_path / "a", scheduler_file=str(tmp_path / "scheduler.json"))


STUBS = {
    "none": ("pyramid.py", "raise ModuleNotFoundError(\"No module named 'pyramid'\", name='pyramid')\n"),
    "tifffile": ("tifffile.py", "raise ModuleNotFoundError(\"No module named 'tifffile'\", name='tifffile')\n"),
    "version": (
        "sitecustomize.py",
        "import pyramid._version\npyramid._version.__version__ = '0.0.1'\n",
    ),
}


@pytest.fixture
def scheduler_file(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Start a scheduler, and a worker in whose environment something is another."""
    started: list[subprocess.Popen[bytes]] = []

    def start(stub: str) -> Path:
        name, body = STUBS[stub]
        (tmp_path / "stub").mkdir()
        (tmp_path / "stub" / name).write_text(body)
        file, root = tmp_path / "scheduler.json", str(Path(pyramid.__file__).parents[1])
        common = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        commands = {
            root: ["dask_scheduler", "--port", "0"],
            f"{tmp_path / 'stub'}{os.pathsep}{root}": ["dask_worker", "--nthreads", "1", "--no-nanny"],
        }
        for path, (module, *rest) in commands.items():
            command = [sys.executable, "-m", f"distributed.cli.{module}", *rest, *common]
            environment, quiet = {**os.environ, "PYTHONPATH": path}, subprocess.DEVNULL
            started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=quiet, stderr=quiet))
        until_s = time.monotonic() + WITHIN_S
        while not file.exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        return file

    yield start
    for process in reversed(started):
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("stub", "text"),
    [
        ("none", "cannot import the package, or what the source needs: ModuleNotFoundError: No module named 'pyramid'"),
        ("tifffile", "No module named 'tifffile'"),
        ("version", rf"has ome-pyramid 0\.0\.1, and this process has {pyramid.__version__}"),
    ],
)
def test_what_a_worker_lacks_is_found_before_the_first_block(
    stub: str, text: str, scheduler_file: Callable[[str], Path], tmp_path: Path
) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="minisblack", metadata=None)
    file = scheduler_file(stub)
    with pytest.raises(OptionError, match=rf"scheduler: the worker tcp://127\.0\.0\.1:\d+ .*{text}.*; install"):
        pyramid.convert(tmp_path / "a.tif", tmp_path / "a", scheduler_file=str(file))
    assert not (tmp_path / "a").exists()
