"""A run that is stopped, or whose block fails, waits for no request that is made again."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

import pyramid
from pyramid.block import Buffers
from pyramid.concurrency.cancelling import cancel_when
from pyramid.errors import PyramidError, SourceError, StoppedError, StorageError, TargetError
from pyramid.model import Box
from pyramid.stores import open_objects
from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.writing.target import Target
from pyramid.writing.write_queue import WriteQueue
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service

INTERRUPTED = 130
WITHIN_S = 60  # and a request is made again for four minutes
FEW = 6
DATA = bytes(1000)


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    return fault_proxy(s3.endpoint)


@pytest.fixture
def through(s3: Service, proxy: FaultProxy) -> Service:
    return s3.through(proxy.endpoint)


def wait_for_a_hit(proxy: FaultProxy) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not proxy.befallen and time.monotonic() < until_s:
        time.sleep(0.01)


@pytest.mark.parametrize("kind", [Kind.OUTAGE, Kind.OUTAGE_RESET])
def test_writes_end_when_the_run_is_stopped(kind: Kind, through: Service, proxy: FaultProxy, prefix: str) -> None:
    objects, buffers = open_objects(through.url(prefix), through.storage_options), Buffers()
    proxy.inject(Fault(kind, "PUT"))

    def put(body: memoryview | None) -> None:
        if body is not None:
            objects.put("a", body)

    def write() -> None:
        with WriteQueue(through.url(prefix), buffers, 1000, 4) as queue:
            queue.reserve(1000)
            queue.send(1000, put, "a")
            wait_for_a_hit(proxy)
            buffers.stop()

    with pytest.raises(StoppedError, match=f"PUT .*{prefix}/a is not made again, since the run was stopped"):
        write()
    assert 1 <= len(proxy.befallen) <= FEW


def test_what_failed_first_ends_the_other_writes_and_is_told(through: Service, proxy: FaultProxy, prefix: str) -> None:
    objects = open_objects(through.url(prefix), through.storage_options)
    proxy.inject(Fault(Kind.OUTAGE, "PUT"))

    def fail(_: memoryview | None) -> None:
        wait_for_a_hit(proxy)
        raise ZeroDivisionError

    def write() -> None:
        with WriteQueue(through.url(prefix), Buffers(), 2**16, 4) as queue:
            for job in (lambda _: objects.put("a", DATA), fail):
                queue.reserve(1000)
                queue.send(1000, job, "a")

    with pytest.raises(TargetError, match="object a cannot be written: ZeroDivisionError"):
        write()
    assert len(proxy.befallen) <= FEW


def test_reads_end_when_the_run_is_stopped(
    through: Service, proxy: FaultProxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinks: list[Target] = []
    monkeypatch.setattr(Target, "commit", lambda sink, *_: sinks.append(sink))
    url, pixels = through.url(prefix), np.ones((300, 300), "u1")
    with pytest.raises(SourceError, match="is not finished"):  # since it is not committed
        pyramid.convert(pixels, url, storage_options=through.storage_options, shards="none", chunks={"y": 50, "x": 50})
    proxy.inject(Fault(Kind.OUTAGE, "GET"))
    with cancel_when(lambda: bool(proxy.befallen)), pytest.raises(StoppedError):
        sinks[0].read(0, Box((0, 0), (300, 300)), pixels)
    assert len(proxy.befallen) <= 36 * FEW


def test_a_block_that_fails_ends_the_requests_of_the_others(through: Service, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.UNAVAILABLE, "PUT", "*/c/0/0", times=math.inf))

    def fail(block: NDArray[Any], block_info: Any) -> NDArray[Any]:
        if block_info[0]["chunk-location"] != (0, 0):
            wait_for_a_hit(proxy)
            raise ZeroDivisionError("of my own")
        return block

    array = da.ones((512, 256), chunks=256, dtype="u1").map_blocks(fail, dtype="u1", meta=np.empty((0, 0), "u1"))
    options: dict[str, Any] = {"chunks": {"y": 256, "x": 256}, "shards": "none", "levels": 1, "workers": 2}
    with pytest.raises(PyramidError, match="of my own"):
        pyramid.convert(array, through.url(prefix), storage_options=through.storage_options, memory="2.5MiB", **options)
    assert 1 <= len(proxy.befallen) <= FEW


def test_an_array_whose_metadata_is_refused_ends_the_requests_of_the_others(
    through: Service, proxy: FaultProxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.inject(Fault(Kind.UNAVAILABLE, "PUT", "*/0/zarr.json", times=math.inf))
    put = RemoteObjects.put

    def refuse(objects: RemoteObjects, key: str, body: bytes) -> None:
        if key == "1/zarr.json":
            wait_for_a_hit(proxy)
            raise StorageError(f"PUT {key}: 403", permanent=True)
        put(objects, key, body)

    monkeypatch.setattr(RemoteObjects, "put", refuse)
    with pytest.raises(TargetError, match=r"metadata cannot be written: PUT 1/zarr\.json: 403"):
        pyramid.convert(np.zeros((600, 600), "u1"), through.url(prefix), storage_options=through.storage_options)
    assert 1 <= len(proxy.befallen) <= FEW
    # A request that has not begun, or is under way, may end with the others.
    assert {"zarr.json"} <= set(through.objects(prefix)) <= {"zarr.json", "2/zarr.json"}


def test_ctrl_c_ends_a_run_in_an_outage(through: Service, proxy: FaultProxy, prefix: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((600, 600), "u2"))
    proxy.inject(Fault(Kind.OUTAGE, "PUT", "*/c/*"))
    words = ["convert", str(tmp_path / "a.npy"), through.url(prefix), "--shards", "none", "--chunks", "y=64,x=64"]
    words += ["--endpoint-url", through.endpoint, "--region", through.options["region"]]
    secrets = {"AWS_ACCESS_KEY_ID": through.options["key"], "AWS_SECRET_ACCESS_KEY": SECRET}
    command = [sys.executable, "-m", "pyramid", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **secrets}) as process:
        wait_for_a_hit(proxy)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=WITHIN_S)
    assert process.returncode == INTERRUPTED, told
    assert told.splitlines()[0] == "pyramid: interrupted"
    assert SECRET not in told


def test_the_threads_of_a_run_leave_ctrl_c_to_the_one_that_waits(
    s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked: dict[str, set[int]] = {}

    def note(place: str) -> None:
        blocked[place] = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def compute(block: NDArray[Any]) -> NDArray[Any]:
        note("compute")
        return block

    def put(objects: RemoteObjects, key: str, body: memoryview) -> None:
        note("main" if threading.current_thread() is threading.main_thread() else "write")
        before(objects, key, body)

    before = RemoteObjects.put
    monkeypatch.setattr(RemoteObjects, "put", put)
    array = da.ones((64, 64), chunks=32, dtype="u1").map_blocks(compute, dtype="u1", meta=np.empty((0, 0), "u1"))
    pyramid.convert(array, s3.url(prefix), storage_options=s3.storage_options)
    assert blocked["main"].isdisjoint({signal.SIGINT, signal.SIGTERM})
    assert blocked["compute"] & blocked["write"] >= {signal.SIGINT, signal.SIGTERM}
