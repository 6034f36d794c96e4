"""What a run on a cluster holds to: checked workers, their memory, no pixel on the way, and every kind of caller."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import pytest
import tifffile
from distributed import Client, LocalCluster, worker_client

import pyramid
from pyramid.concurrency.memory_gate import MemoryGate
from pyramid.engine.cluster import versions
from pyramid.errors import OptionError, StoppedError
from pyramid.planning import passes
from pyramid.planning.resources import LIMIT_SHARE
from tests.support.dask_processes import WITHIN_S, DaskProcesses
from tests.support.paths import ROOT
from tests.support.stores import digests

PIXELS = np.random.default_rng(5).integers(0, 4000, (24, 400, 400), "uint16")
OPTIONS: dict[str, Any] = {"chunks": {"z": 1, "y": 128, "x": 128}, "shards": "none", "levels": 2}
HERE: dict[str, Any] = {"processes": False, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, metadata={"axes": "ZYX"})
    return tmp_path / "a.ome.tif"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[DaskProcesses]:
    made = DaskProcesses(tmp_path)
    made.start_scheduler()
    yield made
    made.close()


def wait_for_workers(processes: DaskProcesses, count: int) -> None:
    with Client(processes.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=WITHIN_S)


def stubbed(tmp_path: Path, name: str, body: str) -> str:
    (tmp_path / name).mkdir()
    (tmp_path / name / "sitecustomize.py").write_text(body)
    return f"{tmp_path / name}{os.pathsep}{ROOT}"


def hiding(path: Path) -> str:
    """Code of a process for which there is nothing at a path."""
    return f"""
import builtins, io, os
def seeing(call):
    def see(path, *rest, **more):
        if isinstance(path, (str, os.PathLike)) and str(path).startswith({str(path)!r}):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return call(path, *rest, **more)
    return see
for name in ("open", "stat", "lstat", "mkdir", "scandir", "listdir"):
    setattr(os, name, seeing(getattr(os, name)))
builtins.open = io.open = seeing(io.open)
class FileIO(io.FileIO):
    def __init__(self, path, *rest, **more):
        seeing(lambda path: None)(path)
        super().__init__(path, *rest, **more)
io.FileIO = FileIO
"""


OTHER = """
import importlib.metadata as metadata
version = metadata.version
metadata.version = lambda name: "1.2.3" if name == {name!r} else version(name)
"""


@pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning")
@pytest.mark.parametrize("name", ["dask", "distributed", "imagecodecs", "numpy"])
def test_a_worker_with_another_version_is_refused_by_name(
    name: str, processes: DaskProcesses, tiff: Path, tmp_path: Path
) -> None:
    processes.start_worker(path=stubbed(tmp_path, "stub", OTHER.format(name=name)))
    wait_for_workers(processes, 1)
    with pytest.raises(OptionError, match=rf"the worker tcp://127\.0\.0\.1:\d+ has {name} 1\.2.*this process has "):
        pyramid.convert(tiff, tmp_path / "out", scheduler=processes.address, **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_all_that_differs_is_named() -> None:
    there = {**versions.own_versions(), "python": "3.2", "numpy": "1.0"}
    assert str(versions.difference(there, encodes=True)).startswith("has python 3.2, numpy 1.0, and this process has")
    assert str(versions.difference(there, encodes=False)).startswith("has python 3.2, and this process has")
    assert versions.difference(versions.own_versions(), encodes=True) is None


def test_a_worker_that_does_not_see_the_source_is_refused_by_name(
    processes: DaskProcesses, tiff: Path, tmp_path: Path
) -> None:
    processes.start_worker(path=stubbed(tmp_path, "stub", hiding(tiff)))
    wait_for_workers(processes, 1)
    with pytest.raises(
        OptionError, match=r"worker tcp://\S+ cannot see the source .*a\.ome\.tif: .*; give a path that"
    ):
        pyramid.convert(tiff, tmp_path / "out", scheduler=processes.address, **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_worker_that_does_not_see_the_target_is_found_before_the_first_block(
    processes: DaskProcesses, tiff: Path, tmp_path: Path
) -> None:
    (tmp_path / "local").mkdir()
    processes.start_worker(path=stubbed(tmp_path, "stub", hiding(tmp_path / "local")))
    wait_for_workers(processes, 1)
    with pytest.raises(StoppedError, match=r"worker tcp://\S+ does not see the target .*; give a target that all"):
        pyramid.convert(tiff, tmp_path / "local" / "out", scheduler=processes.address, **OPTIONS)
    assert not list((tmp_path / "local" / "out").glob("0/c/*"))
    pyramid.convert(tiff, tmp_path / "local" / "out", resume=True, **OPTIONS)


def test_a_worker_that_does_not_answer_is_named(
    processes: DaskProcesses, tiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from pyramid.engine.cluster import probing

    monkeypatch.setattr(probing, "PROBE_S", 3)
    monkeypatch.setattr(probing, "AGAIN_S", 3)
    first, _ = processes.start_worker(), processes.start_worker()
    wait_for_workers(processes, 2)
    first.send_signal(signal.SIGSTOP)
    with pytest.raises(OptionError, match=r"the worker tcp://127\.0\.0\.1:\d+ does not answer; end it, or see"):
        pyramid.convert(tiff, tmp_path / "out", scheduler=processes.address, **OPTIONS)


def test_workers_with_less_memory_than_a_block_are_refused_by_name(
    processes: DaskProcesses, tiff: Path, tmp_path: Path
) -> None:
    processes.start_worker("--memory-limit", "500kB")
    wait_for_workers(processes, 1)
    with pytest.raises(OptionError, match=r"one block takes .*B, and the memory limit of worker tcp://\S+ is 500 kB"):
        pyramid.convert(tiff, tmp_path / "out", scheduler=processes.address, memory="64MiB", **OPTIONS)
    assert not (tmp_path / "out").exists()


def _watch_memory() -> None:
    """Note in this worker the most memory that blocks hold at once, and how many these are."""
    import pyramid.engine.cluster.remote as remote
    import pyramid.engine.task as task

    lock, now, seen = threading.Lock(), [0, 0], [0, 0]
    do_block = task.do_block

    def watching(index: int, work: Any, pixels: Any = None) -> Any:
        with lock:
            now[0] += work.plan.peak_bytes
            now[1] += 1
            seen[:] = [max(seen[0], now[0]), max(seen[1], now[1])]
        time.sleep(0.05)
        try:
            return do_block(index, work, pixels)
        finally:
            with lock:
                now[0] -= work.plan.peak_bytes
                now[1] -= 1

    remote.do_block = watching  # type: ignore[attr-defined,assignment]  # where the worker calls it
    remote.seen_by_test = seen  # type: ignore[attr-defined]  # for the question below


def _most() -> list[int]:
    import pyramid.engine.cluster.remote as remote

    return list(remote.seen_by_test)  # type: ignore[attr-defined]  # set above


@pytest.mark.parametrize("limit", [40_000_000, 0])
def test_the_threads_of_a_worker_stay_within_its_memory(limit: int, tiff: Path, tmp_path: Path) -> None:
    """Two runs at once on a worker of four threads, each planned for the whole of it."""
    # A worker itself takes more memory than this limit, which is there for the blocks alone.
    never: dict[str, Any] = {
        f"distributed.worker.memory.{what}": False for what in ("target", "spill", "pause", "terminate")
    }
    with (
        dask.config.set(never),
        LocalCluster(
            n_workers=1, threads_per_worker=4, memory_limit=limit, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as cluster,
    ):
        client = Client(cluster)
        client.run(_watch_memory)
        # The user allows more than the worker has: a block takes 6 MB, and two of them what its blocks may hold.
        options = {**OPTIONS, "memory": "28MB"}
        runs = [
            threading.Thread(target=pyramid.convert, args=(tiff, tmp_path / str(number)), kwargs=options)
            for number in range(2)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        most_bytes, most = next(iter(client.run(_most).values()))
        client.close()
    if limit:
        assert most_bytes <= limit * LIMIT_SHARE
        assert most >= 2
    else:
        assert most == 4
    assert digests(tmp_path / "0") == digests(tmp_path / "1")


def test_a_block_larger_than_the_bound_is_let_in_when_no_other_is_there() -> None:
    gate, entered = MemoryGate(), list[object]()
    with gate.holding(100, 10, lambda: False):
        second = threading.Thread(target=lambda: entered.append(gate.holding(1, 10, lambda: False).__enter__()))
        second.start()
        time.sleep(0.3)
        assert not entered
    second.join()
    assert entered
    with gate.holding(100, 10, lambda: True):  # a run that was stopped does not wait
        pass


def test_no_pixel_travels(tiff: Path, tmp_path: Path) -> None:
    """Workers fetch nothing of each other, and all results together are small beside the pixels."""

    def fetched(dask_worker: Any) -> int:
        return sum(each["total"] for each in dask_worker.transfer_incoming_log)

    def handed_out(dask_worker: Any) -> int:
        return sum(each["total"] for each in dask_worker.transfer_outgoing_log)

    def results(dask_worker: Any) -> int:
        return int(dask_worker.data_total_seen)

    def count_results(dask_worker: Any) -> None:
        """Count the bytes of all results that this worker ever holds, as pickles."""
        handle, dask_worker.data_total_seen = dask_worker.data.__class__.__setitem__, 0

        class Counting(type(dask_worker.data)):  # type: ignore[misc]  # the class of this worker's data
            def __setitem__(self, key: Any, value: Any) -> None:
                dask_worker.data_total_seen += len(pickle.dumps(value))
                handle(self, key, value)

        dask_worker.data.__class__ = Counting

    made = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1")
    with made as cluster, Client(cluster) as client:
        client.run(count_results)
        pyramid.convert(tiff, tmp_path / "out", memory="4MiB", **OPTIONS)
        assert sum(client.run(fetched).values()) == 0  # of other workers
        assert sum(client.run(handed_out).values()) < PIXELS.nbytes / 50  # receipts, to the client
        total = sum(client.run(results).values())
        blocks = pyramid.plan(tiff, memory="4MiB", **OPTIONS).tasks
    assert 0 < total < 10_000 * blocks
    assert total < PIXELS.nbytes / 50


def test_a_run_within_a_worker_client(tiff: Path, tmp_path: Path) -> None:
    """The only thread of the only worker is taken by the run itself."""

    def task(target: str) -> int:
        with worker_client():
            return len(pyramid.convert(tiff, target, **OPTIONS).levels)

    with LocalCluster(**HERE, n_workers=1) as cluster, Client(cluster) as client:
        assert client.submit(task, str(tmp_path / "out")).result(WITHIN_S) == 2
        assert client.submit(sum, [1, 2]).result(WITHIN_S) == 3


NOTEBOOK = """
from distributed import Client, LocalCluster
import pyramid
cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1")
client = Client(cluster)
"""


def test_a_notebook_runs_on_its_active_client(tiff: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = [
        NOTEBOOK,
        f"image = pyramid.convert({str(tiff)!r}, {str(tmp_path / 'out')!r}, levels=2)",
        "print(len(image.levels), sum(len(each.groups) for each in cluster.scheduler.computations) > 0)",
        "client.close(); cluster.close()",
    ]
    notebook: Any = nbformat.from_dict(  # type: ignore[no-untyped-call]  # nbformat has no types
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"{n}",
                    "source": cell,
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                }
                for n, cell in enumerate(cells)
            ],
        }
    )
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    assert notebook.cells[2].outputs[0].text.strip() == "2 True"
    shown = "".join(str(output) for output in notebook.cells[1].outputs)
    assert "2 workers, http://127.0.0.1" in shown


def test_all_workers_are_lost_under_adaptive_scaling(
    tiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "BLOCK_BYTES_AIM", 0)
    pyramid.convert(tiff, tmp_path / "right", **OPTIONS)
    with LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster:
        cluster.adapt(minimum=0, maximum=2, interval="200ms")
        killed: list[int] = []

        def progress(state: Any) -> None:
            if state.done_tasks == 4 and not killed:
                for worker in list(cluster.workers.values()):
                    killed.append(worker.pid)
                    os.kill(worker.pid, 9)

        with Client(cluster):
            pyramid.convert(tiff, tmp_path / "out", progress=progress, **OPTIONS)
    assert killed
    assert digests(tmp_path / "out") == digests(tmp_path / "right")
