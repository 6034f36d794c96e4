"""Runs beside each other in one process, on each scheduler of Dask, and within tasks."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.multiprocessing
import numpy as np
import pytest
import tifffile
from dask.callbacks import Callback

import pyramid
from pyramid.engine import preparation
from pyramid.errors import OptionError, SourceError, StoppedError
from tests.support.odd_source import OddSource
from tests.support.stores import digests

PIXELS = (np.arange(3 * 300 * 400) % 251).astype("u1").reshape(3, 300, 400)
OPTIONS: dict[str, Any] = {"axes": "zyx", "chunks": {"z": 1, "y": 128, "x": 128}, "shards": "none", "memory": "8MiB"}


def window(target: Path) -> tuple[int, int]:
    found = json.loads((target / "zarr.json").read_text())["attributes"]["ome"]["omero"]["channels"][0]["window"]
    return found["min"], found["max"]


def damaged(path: Path) -> Path:
    tifffile.imwrite(path, PIXELS + 4, compression="zlib", photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[-1]
        assert isinstance(page, tifffile.TiffPage)
        start, size = page.dataoffsets[0], page.databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start + 40 : start + size - 40] = b"\xff" * (size - 80)
    path.write_bytes(data)
    return path


def test_runs_in_threads_have_the_outcome_of_their_own_blocks(tmp_path: Path) -> None:
    bad = damaged(tmp_path / "damaged.tif")
    seen: dict[int, list[int]] = {number: [] for number in range(24)}

    def run(number: int) -> str:
        right = PIXELS // max(1, number % 3)
        source = right if number % 3 else bad
        progress = seen[number].append
        try:
            image = pyramid.convert(
                source, tmp_path / f"{number}", progress=lambda state: progress(state.done_tasks), **OPTIONS
            )
        except SourceError as error:
            return "damaged" if "damaged.tif: page 2" in str(error) else str(error)
        assert np.array_equal(image.levels[0].data.compute(scheduler="sync"), right)
        assert window(tmp_path / f"{number}") == (0, 250 // (number % 3))
        return "right"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, range(24)))
    assert outcomes == ["right" if number % 3 else "damaged" for number in range(24)]
    for number, counts in seen.items():
        assert counts == list(range(1, len(counts) + 1))
        assert counts or number % 3 == 0


def test_a_run_neither_hears_nor_disturbs_other_computations(tmp_path: Path) -> None:
    heard: list[object] = []
    go_on = threading.Event()

    def wait_for_the_run(block: Any) -> Any:
        assert go_on.wait(60)
        return block

    other = da.ones(4, chunks=1).map_blocks(wait_for_the_run, dtype=float, meta=np.empty(0)).sum()
    with ThreadPoolExecutor(1) as pool, Callback(posttask=lambda key, *_: heard.append(key)):
        under_way = pool.submit(other.compute, scheduler="threads")
        pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
        go_on.set()
        assert under_way.result() == 4
    assert not any("pyramid" in str(key) for key in heard)


def test_callbacks_of_the_program_are_called_where_dask_is_configured(tmp_path: Path) -> None:
    heard: list[str] = []
    with dask.config.set(scheduler="threads"), Callback(posttask=lambda key, *_: heard.append(str(key))):
        pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
    assert sum("pyramid" in key for key in heard) == pyramid.plan(PIXELS, **OPTIONS).tasks


def of_another_library(graph: Any, keys: Any, **_: Any) -> Any:
    """Compute a graph without any of the keywords that Dask's own schedulers take."""
    return dask.get(graph, keys)


SCHEDULERS: dict[str, Callable[[], Any]] = {
    **{name: functools.partial(str, name) for name in ("sync", "threads", "single-threaded", "Processes")},
    "dask.get": lambda: dask.get,
    "dask.threaded.get": lambda: dask.threaded.get,
    "dask.multiprocessing.get": lambda: dask.multiprocessing.get,
    "partial": lambda: functools.partial(dask.threaded.get, num_workers=2),
    "another library's": lambda: of_another_library,
    "threads of an executor": lambda: ThreadPoolExecutor(1),
    "processes of an executor": lambda: ProcessPoolExecutor(1),
}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("kind", ["numpy", "dask"])
def test_any_scheduler_gives_the_bytes_of_threads(name: str, kind: str, tmp_path: Path) -> None:
    source = PIXELS if kind == "numpy" else da.from_array(PIXELS, chunks=(1, 200, 256))
    pyramid.convert(PIXELS, tmp_path / "threads", name="a", **OPTIONS)
    scheduler, states = SCHEDULERS[name](), list[Any]()
    with dask.config.set(scheduler=scheduler, num_workers=1):
        pyramid.convert(source, tmp_path / "a", name="a", progress=states.append, **OPTIONS)
    if isinstance(scheduler, Executor):
        scheduler.shutdown()
    assert digests(tmp_path / "a") == digests(tmp_path / "threads")
    assert window(tmp_path / "a") == (0, 250)
    assert [state.done_tasks for state in states] == list(range(1, states[-1].total_tasks + 1))


@pytest.mark.parametrize("value", ["bogus", 5, "distributed", object()])
def test_a_scheduler_that_dask_does_not_know_is_named(value: object, tmp_path: Path) -> None:
    with dask.config.set(scheduler=value), pytest.raises(OptionError, match=r"scheduler: dask\.config names"):
        pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
    assert not (tmp_path / "a").exists()


def test_a_scheduler_that_gives_nothing_is_no_success(tmp_path: Path) -> None:
    def nothing(_graph: Any, keys: Any, **_: Any) -> Any:
        return [None for _ in keys]

    with dask.config.set(scheduler=nothing), pytest.raises(StoppedError, match=r"gave no result for \d+ of"):
        pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)
    assert "multiscales" not in (tmp_path / "a" / "zarr.json").read_text()


@pytest.mark.parametrize("scheduler", ["threads", "sync", "processes"])
def test_a_task_of_one_thread_converts(scheduler: str, tmp_path: Path) -> None:
    @dask.delayed  # type: ignore[untyped-decorator]  # dask is not typed
    def task(target: str) -> Any:
        return pyramid.convert(PIXELS, target, **OPTIONS).levels[0].shape

    with dask.config.set(scheduler=scheduler, num_workers=1):
        assert dask.compute(task(str(tmp_path / "a"))) == (PIXELS.shape,)


@pytest.mark.parametrize("setting", ["scheduler", "pool"])
def test_the_only_thread_of_the_configured_executor_converts(setting: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, dask.config.set({setting: pool}):
        image = pool.submit(lambda: pyramid.convert(PIXELS, tmp_path / "a", **OPTIONS)).result(60)
    assert image.levels[0].shape == PIXELS.shape


@pytest.mark.parametrize("kind", ["odd", "cause", "panic", "deep", "memory", "system"])
def test_processes_raise_what_threads_raise(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "open_source", lambda source, _: source)
    errors = []
    with ProcessPoolExecutor(1) as pool:
        for number, scheduler in enumerate((None, "sync", pool)):
            with dask.config.set(scheduler=scheduler), pytest.raises(pyramid.PyramidError) as caught:
                pyramid.convert(OddSource(kind, planes=1), tmp_path / str(number), axes="zyx")  # one block
            errors.append((type(caught.value), str(caught.value)))
    assert len(set(errors)) == 1
    assert errors[0][0] is (StoppedError if kind == "memory" else SourceError)
    assert "the source cannot be read at (0, 0, 0): " in errors[0][1]


@pytest.mark.parametrize("error", [KeyError("of mine"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("scheduler", [None, "threads", of_another_library])
def test_a_callback_that_raises_ends_its_own_run_as_itself(
    error: BaseException, scheduler: object, tmp_path: Path
) -> None:
    def progress(_: object) -> None:
        raise error

    with dask.config.set(scheduler=scheduler), pytest.raises(type(error)) as caught:
        pyramid.convert(PIXELS, tmp_path / "a", progress=progress, **OPTIONS)
    assert caught.value is error


def test_dask_is_not_imported_where_nothing_configures_it(tmp_path: Path) -> None:
    program = (
        "import sys, numpy, pyramid.api\n"
        "from pyramid.options.convert import make_options\n"
        f"pyramid.api.run(numpy.zeros((300, 400), 'u1'), {str(tmp_path / 'a')!r}, make_options({{}}))\n"
        "print('dask' in sys.modules)"
    )
    environment = {"PATH": "", "PYTHONPATH": str(Path(pyramid.__file__).parents[1]), "HOME": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
