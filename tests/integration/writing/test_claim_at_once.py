"""Two runs that begin at the same moment on object storage: one goes on, also where conditions are ignored."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import numpy as np
import pytest

import pyramid
from pyramid.errors import PyramidError, PyramidWarning, StorageError, TakenError, TargetError
from pyramid.stores import open_objects
from pyramid.stores.objects import Version
from pyramid.writing import journal, lease
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.proxy import Headers, Proxy
from tests.support.servers.service import Service
from tests.support.stores import digests

RUNS = 4
SMALL: dict[str, Any] = {"chunks": "y=64,x=64", "shards": "none", "workers": 1, "memory": "4MiB"}


def without_conditions(headers: Headers) -> Headers:
    """A request as a gateway passes it on that does not know conditions."""
    return [(name, value) for name, value in headers if name.lower() not in ("if-match", "if-none-match")]


@pytest.fixture
def ignoring(s3: Service) -> Iterator[Service]:
    """S3 that answers 200 whatever the condition is."""
    with Proxy(s3.endpoint, rewrite=without_conditions) as proxy:
        yield s3.through(proxy.endpoint)


def run_together(url: str, **options: Any) -> list[int | PyramidError]:
    """Outcomes of runs that begin at once: the value of the pixels that one wrote, or why it did not."""
    together = threading.Barrier(RUNS)

    def run(value: int) -> int | PyramidError:
        together.wait(60)
        try:
            pyramid.convert(np.full((256, 256), value, "uint16"), url, **SMALL, **options)
        except PyramidError as error:
            return error
        return value

    with warnings.catch_warnings(), ThreadPoolExecutor(RUNS) as pool:
        warnings.simplefilter("ignore", PyramidWarning)
        return list(pool.map(run, range(1, RUNS + 1)))


def check_one_won(outcomes: list[int | PyramidError], url: str, storage: dict[str, Any]) -> None:
    won = [outcome for outcome in outcomes if isinstance(outcome, int)]
    lost = [outcome for outcome in outcomes if not isinstance(outcome, int)]
    assert len(won) == 1
    reasons = ("being written by another conversion", "exists; give another target")  # it saw the claim, or an object
    assert all(isinstance(error, TargetError) for error in lost)
    assert all(any(reason in str(error) for reason in reasons) for error in lost)
    assert not any("is unfinished" in note for error in lost for note in getattr(error, "__notes__", ()))
    pixels = np.asarray(pyramid.open(url, storage).levels[0].data)
    assert np.unique(pixels).tolist() == won


def test_of_runs_that_begin_at_once_one_goes_on(s3: Service, prefix: str) -> None:
    url = s3.url(prefix)
    check_one_won(run_together(url, storage_options=s3.storage_options), url, s3.storage_options)


def test_of_runs_that_begin_at_once_one_goes_on_though_conditions_are_ignored(ignoring: Service, prefix: str) -> None:
    url = ignoring.url(prefix)
    check_one_won(run_together(url, storage_options=ignoring.storage_options), url, ignoring.storage_options)


def test_of_runs_that_replace_at_once_one_goes_on(s3: Service, prefix: str) -> None:
    url = s3.url(prefix)
    pyramid.convert(np.zeros((300, 300), "uint16"), url, storage_options=s3.storage_options, ome_zarr_version="0.4")
    outcomes = run_together(url, storage_options=s3.storage_options, overwrite=True)
    won = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(won) >= 1  # a run that begins when another has ended may replace it
    pixels = np.asarray(pyramid.open(url, s3.storage_options).levels[0].data)
    assert np.unique(pixels).tolist() in [[value] for value in won]
    assert not [key for key in s3.objects(prefix) if key.endswith((".zarray", ".zattrs", ".zgroup"))]


def test_a_store_that_ignores_conditions_is_named(ignoring: Service, s3: Service, prefix: str) -> None:
    image = np.zeros((64, 64), "uint8")
    with pytest.warns(PyramidWarning, match="its store ignores the condition of a request: do not begin two"):
        pyramid.convert(image, ignoring.url(prefix), storage_options=ignoring.storage_options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PyramidWarning)
        pyramid.convert(image, s3.url(f"{prefix}-2"), storage_options=s3.storage_options)


def test_a_claim_whose_answer_is_lost_is_ours(
    s3: Service, fault_proxy: Callable[[str], FaultProxy], prefix: str
) -> None:
    proxy = fault_proxy(s3.endpoint)
    proxy.inject(Fault(Kind.RESET_AFTER, "PUT", f"images/{prefix}/zarr.json"))
    storage = s3.through(proxy.endpoint).storage_options
    image = pyramid.convert(np.ones((64, 64), "uint8"), s3.url(prefix), storage_options=storage)
    assert len(proxy.befallen) == 1
    assert image.levels[0].shape == (64, 64)


def test_a_run_whose_target_is_taken_stops_and_writes_nothing_more(
    s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.2)
    url, objects = s3.url(prefix), open_objects(s3.url(prefix), s3.storage_options)
    blocks: list[int] = []

    def take(state: Any) -> None:
        blocks.append(state.done_tasks)
        claim = {"state": "in progress", "run": "another", "host": "elsewhere", "process": "1 1.00", "beat": 0}
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"pyramid": claim}}
        objects.put("zarr.json", json.dumps(document).encode())
        time.sleep(0.6)

    with pytest.raises(TakenError, match="was taken by another conversion"):
        pyramid.convert(np.zeros((512, 512), "uint16"), url, progress=take, storage_options=s3.storage_options, **SMALL)
    assert blocks == [1]
    assert b'"another"' in (objects.get("zarr.json") or b"")
    assert not [key for key in s3.objects(prefix) if ".pyramid-run" in key]


def test_a_beat_does_not_replace_the_claim_that_came_just_before_it(
    s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = open_objects(s3.url(prefix), s3.storage_options)
    held, other = lease.Lease(objects, 3), b'{"attributes": {"pyramid": {"state": "in progress", "run": "another"}}}'
    monkeypatch.setattr(lease, "BEAT_S", 600.0)
    held.take()
    try:
        held.record()
        put_if = objects.put_if

        def after_another(key: str, body: bytes, version: Version | None) -> Version | None:
            objects.put(key, other)
            return put_if(key, body, version)

        monkeypatch.setattr(objects, "put_if", after_another)
        with pytest.raises(TakenError):
            held.record()
        assert objects.get("zarr.json") == other
    finally:
        held._ended.set()


def test_a_beat_is_one_request(
    s3: Service, fault_proxy: Callable[[str], FaultProxy], prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = fault_proxy(s3.endpoint)
    objects = open_objects(s3.url(prefix), s3.through(proxy.endpoint).storage_options)
    monkeypatch.setattr(lease, "BEAT_S", 600.0)
    held = lease.Lease(objects, 3)
    held.take()
    try:
        proxy.log.clear()
        for _ in range(5):
            held.record()
        assert [request.method for request in proxy.log.requests] == ["PUT"] * 5
    finally:
        held._ended.set()


def test_versions_are_those_of_the_object(s3: Service, prefix: str) -> None:
    objects = open_objects(s3.url(prefix), s3.storage_options)
    assert objects.version("a") is None
    first = objects.put_if("a", b"1", None)
    assert first == objects.version("a")
    assert objects.put_if("a", b"2", None) is None
    second = objects.put_if("a", b"2", first)
    assert second is not None
    assert objects.put_if("a", b"3", first) is None
    assert objects.put_if("b", b"3", first) is None
    assert objects.get("a") == b"2"
    local = open_objects("/")
    with pytest.raises(StorageError, match="no conditional requests"):
        local.put_if("a", b"", None)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_blocks_that_are_done_twice_change_no_byte(s3: Service, prefix: str, version: str, tmp_path: Any) -> None:
    """Every object of a finished target is written again, as by a run that lost its journal."""
    image = np.random.default_rng(0).integers(0, 999, (300, 280)).astype("uint16")
    options: dict[str, Any] = {**SMALL, "ome_zarr_version": version, "name": "twice"}
    pyramid.convert(image, tmp_path / "once", **options)
    url = s3.url(prefix)

    def stop(state: Any) -> None:
        if state.done_tasks == state.total_tasks:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(image, url, progress=stop, storage_options=s3.storage_options, **options)
    objects = open_objects(url, s3.storage_options)
    for key in list(objects.keys(".pyramid-run/")):
        objects.delete(key)
    done: list[int] = []
    pyramid.convert(
        image,
        url,
        resume=True,
        progress=lambda state: done.append(state.done_tasks),
        storage_options=s3.storage_options,
        **options,
    )
    assert len(done) == pyramid.plan(image, **options).tasks
    found = {key: hashlib.sha256(body).hexdigest() for key, body in s3.objects(prefix).items()}
    assert found == digests(tmp_path / "once")


def test_nothing_of_a_run_remains_in_a_bucket(s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its record and its journal nor an upload in parts, also of objects that are large."""
    monkeypatch.setattr(journal, "SEGMENT_S", 0.0)
    pixels = np.random.default_rng(0).integers(0, 2**16, (6, 2048, 2048), "uint16")
    seen: set[str] = set()

    def look(_: object) -> None:
        seen.update(s3.objects(prefix))

    url = s3.url(prefix)
    shards = {"z": 3, "y": 2048, "x": 2048}  # so that there are two blocks on any machine, one after the other
    cut: dict[str, Any] = {"chunks": "plane", "shards": shards, "workers": 1, "memory": "128MiB", "codec": "none"}
    pyramid.convert(pixels, url, axes="zyx", progress=look, storage_options=s3.storage_options, **cut)
    assert any(".pyramid-run/" in key for key in seen)
    left = s3.objects(prefix)
    assert max(map(len, left.values())) > 16 * 2**20
    assert all(key == "zarr.json" or key[0] in "0123" for key in left)
    assert b"in progress" not in left["zarr.json"]
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, aws_access_key_id="user", aws_secret_access_key="x", region_name="us-east-1"
    )
    assert client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", []) == []
