"""Conversions to object storage: what is asked, what goes wrong on the way, and that no secret is told."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from distributed import Client, LocalCluster

import pyramid
from pyramid.engine.local import LocalRunner
from pyramid.engine.wave import Wave
from pyramid.errors import OptionError, SourceError, StoppedError, TargetError
from tests.support.contracts.target import TargetContract, stored
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service
from tests.support.stores import digests

IMAGE = np.random.default_rng(5).integers(0, 4000, (300, 280), "uint16")
OPTIONS: dict[str, Any] = {"axes": "yx", "chunks": {"y": 128, "x": 128}, "shards": "none", "min_size": 150}
PLACES = {"first": "0/c/0/0", "middle": "0/c/2/1", "last": "1/c/1/1", "array": "1/zarr.json", "group": "zarr.json"}
READ_BACK = ("0/c/0/0", "0/c/1/1", "0/c/2/2", "1/zarr.json", "zarr.json")
MENDED = (Kind.UNAVAILABLE, Kind.RESET_BEFORE, Kind.RESET_WITHIN_UPLOAD, Kind.RESET_AFTER, Kind.STALL)


class TestS3(TargetContract):
    @pytest.fixture
    def service(self, s3: Service) -> Service:
        return s3


class TestGoogle(TargetContract):
    @pytest.fixture
    def service(self, google: Service) -> Service:
        return google


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    target = tmp_path_factory.mktemp("local") / "image.ome.zarr"
    pyramid.convert(IMAGE, target, **OPTIONS)
    return digests(target)


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    return fault_proxy(s3.endpoint)


@pytest.fixture
def storage(s3: Service, proxy: FaultProxy) -> dict[str, Any]:
    """Options that lead through the proxy, without much patience."""
    return {**s3.through(proxy.endpoint).storage_options, "retries": 1, "timeout": 0.1}


def at_each(kind: Kind, prefix: str) -> list[Fault]:
    """A fault at the first upload to each of the places, and where that is the group's at the last."""
    ats = {place: 3 if place == "zarr.json" else 1 for place in PLACES.values()}
    return [Fault(kind, "PUT", f"images/{prefix}/{place}", at=at) for place, at in ats.items()]


@pytest.mark.parametrize("kind", MENDED)
def test_a_fault_at_each_place_changes_nothing(
    kind: Kind,
    s3: Service,
    proxy: FaultProxy,
    prefix: str,
    local: dict[str, str],
    storage: dict[str, Any],
    tmp_path: Path,
) -> None:
    proxy.inject(*at_each(kind, prefix))
    report = tmp_path / "report.json"
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, report=str(report), **OPTIONS)
    assert stored(s3, prefix) == local
    assert {request.key for request, _ in proxy.befallen} == {f"images/{prefix}/{place}" for place in PLACES.values()}
    told = json.loads(report.read_text())
    assert told["requests_again"] == len(proxy.befallen) == len(PLACES)
    assert told["retries"] == 0


@pytest.mark.parametrize("name", ["s3", "google"])
@pytest.mark.parametrize(
    ("kind", "method", "asked"),
    [
        (Kind.CORRUPT_UP, "PUT", {place: 4 if place == "zarr.json" else 2 for place in PLACES.values()}),
        (Kind.CORRUPT_DOWN, "GET", {place: 4 if place == "zarr.json" else 2 for place in READ_BACK}),
    ],
    ids=["there", "back"],
)
def test_a_body_damaged_on_its_way_is_sent_again(
    kind: Kind,
    method: str,
    asked: dict[str, int],
    name: str,
    fault_proxy: Callable[[str], FaultProxy],
    prefix: str,
    local: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    service: Service = request.getfixturevalue(name)
    proxy = fault_proxy(service.endpoint)
    # The last request but one is damaged: the group is put three times, and read in between and after.
    proxy.inject(*(Fault(kind, method, f"images/{prefix}/{place}", at=count - 1) for place, count in asked.items()))
    storage = service.through(proxy.endpoint).storage_options
    image = pyramid.convert(IMAGE, service.url(prefix), storage_options=storage, **OPTIONS)
    assert [level.shape for level in image.levels] == [(300, 280), (150, 140)]
    assert stored(service, prefix) == local
    assert len(proxy.befallen) == len(asked)
    assert {place: proxy.count(method, f"images/{prefix}/{place}") for place in asked} == asked


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("place", ["first", "array", "group"])
def test_damage_for_ever_on_the_way_there_leaves_nothing_that_looks_whole(
    place: str, version: str, s3: Service, proxy: FaultProxy, prefix: str, storage: dict[str, Any]
) -> None:
    names = {"first": "0/0/0", "array": "1/.zarray", "group": ".zattrs"} if version == "0.4" else PLACES
    at = 3 if place == "group" else 1
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT", f"images/{prefix}/{names[place]}", at=at, times=math.inf))
    options = {**OPTIONS, "ome_zarr_version": version}
    error = StoppedError if place == "first" else TargetError  # a block, or what is not one
    with pytest.raises(error, match=f"{names[place]} failed after 2 attempts.*damaged on its way.*https"):
        pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **options)
    assert b"multiscales" not in b"".join(s3.objects(prefix).values())
    proxy.heal()
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, overwrite=True, **options)


def test_damage_for_ever_on_the_way_back_ends_the_run_or_says_that_it_is_done(
    s3: Service, proxy: FaultProxy, prefix: str, local: dict[str, str], storage: dict[str, Any]
) -> None:
    proxy.inject(Fault(Kind.CORRUPT_DOWN, "GET", f"images/{prefix}/0/c/*", times=math.inf))
    with pytest.raises(TargetError, match=r"cannot be read back.*damaged on its way"):
        pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    assert b"multiscales" not in b"".join(s3.objects(prefix).values())
    proxy.heal()
    proxy.inject(Fault(Kind.CORRUPT_DOWN, "GET", f"images/{prefix}/1/zarr.json", times=math.inf))
    with pytest.raises(SourceError, match=r"the run is done and its target complete.*damaged on its way"):
        pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, overwrite=True, **OPTIONS)
    assert stored(s3, prefix) == local


def test_shards_that_are_read_in_part_are_checked_as_wholes(
    s3: Service, proxy: FaultProxy, prefix: str, storage: dict[str, Any], tmp_path: Path
) -> None:
    image = np.stack([IMAGE, IMAGE[::-1]])
    chunks = {"c": 1, "y": 64, "x": 64}
    options: dict[str, Any] = {"axes": "cyx", "chunks": chunks, "shards": {"c": 2, "y": 128, "x": 128}}
    pyramid.convert(image, tmp_path / "local", **options)
    proxy.inject(*(Fault(Kind.CORRUPT_DOWN, "GET", "*/c/*", at=at) for at in (1, 5)))
    pyramid.convert(image, s3.url(prefix), storage_options=storage, **options)
    assert stored(s3, prefix) == digests(tmp_path / "local")
    asked = [one for one in proxy.requests if one.method == "GET" and one.matches(key="*/c/*")]
    assert not any(one.byte_range for one in asked)
    assert len(asked) == len({one.key for one in asked}) + 2


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.RESET_WITHIN_UPLOAD])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_fault_for_ever_ends_the_run_without_multiscales(
    kind: Kind, place: str, s3: Service, proxy: FaultProxy, prefix: str, storage: dict[str, Any]
) -> None:
    at = 2 if place == "zarr.json" else 1
    proxy.inject(Fault(kind, "PUT", f"images/{prefix}/{place}", at=at, times=math.inf))
    with pytest.raises(StoppedError if "/c/" in place else TargetError) as caught:
        pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    assert f"{prefix}/{place} failed after 2 attempts" in str(caught.value)
    assert ("503" if kind is Kind.UNAVAILABLE else "reset") in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "overwrite=True" in "".join(caught.value.__notes__)
    assert len(proxy.befallen) == 2  # a block is not done again when its requests were
    assert b"multiscales" not in b"".join(s3.objects(prefix).values())


def test_a_last_put_that_is_never_answered_is_seen(
    s3: Service, proxy: FaultProxy, prefix: str, local: dict[str, str], storage: dict[str, Any]
) -> None:
    proxy.inject(Fault(Kind.RESET_AFTER, "PUT", f"images/{prefix}/zarr.json", at=3, times=math.inf))
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    assert stored(s3, prefix) == local


def test_an_outage_is_ridden_out(
    s3: Service, proxy: FaultProxy, prefix: str, local: dict[str, str], storage: dict[str, Any]
) -> None:
    proxy.inject(Fault(Kind.OUTAGE, "PUT", f"images/{prefix}/0/c/1/1", lasts_s=1))
    pyramid.convert(IMAGE, s3.url(prefix), storage_options={**storage, "retries": 100}, **OPTIONS)
    assert stored(s3, prefix) == local


def test_levels_are_read_back_though_requests_fail(
    s3: Service, proxy: FaultProxy, prefix: str, storage: dict[str, Any], tmp_path: Path
) -> None:
    options: dict[str, Any] = {**OPTIONS, "chunks": {"y": 32, "x": 32}, "min_size": 32, "memory": "64KiB", "workers": 1}
    image = IMAGE[:200, :150]
    assert len(pyramid.plan(image, **options).passes) > 1
    pyramid.convert(image, tmp_path / "local", **options)
    for kind in (Kind.UNAVAILABLE, Kind.RESET_WITHIN_ANSWER, Kind.RESET_BEFORE):
        proxy.inject(Fault(kind, "GET", "*/c/*", at=2))
    pyramid.convert(image, s3.url(prefix), storage_options=storage, **options)
    assert stored(s3, prefix) == digests(tmp_path / "local")
    assert not any(request.method == "HEAD" for request in proxy.requests)


def test_a_bucket_that_is_not_there_and_the_web_are_refused(s3: Service) -> None:
    with pytest.raises(TargetError, match=r"NoSuchBucket.*; correct its name, or make it first$"):
        pyramid.convert(IMAGE, "s3://nobodys/image.zarr", storage_options=s3.storage_options, **OPTIONS)
    with pytest.raises(TargetError, match=r"cannot write to http\(s\) URLs"):
        pyramid.convert(IMAGE, f"{s3.endpoint}/image.zarr", **OPTIONS)


def test_memory_is_a_target(prefix: str) -> None:
    image = pyramid.convert(IMAGE, f"memory://tests/{prefix}", **OPTIONS)
    np.testing.assert_array_equal(np.asarray(image.levels[0].zarr[...]), IMAGE)


def test_no_secret_is_in_what_pickles(
    s3: Service, prefix: str, storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waves: list[bytes] = []
    run = LocalRunner.run

    def recording(self: LocalRunner, wave: Wave, *rest: Any) -> None:
        waves.append(cloudpickle.dumps(wave))
        run(self, wave, *rest)

    monkeypatch.setattr(LocalRunner, "run", recording)
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    pyramid.convert(
        s3.url(prefix),
        s3.url(f"{prefix}-copy"),
        storage_options=storage,
        source_storage_options=storage,
        **{**OPTIONS, "axes": None},
    )
    assert len(waves) == 2
    assert not any(SECRET.encode() in wave for wave in waves)
    assert all(prefix.encode() in wave for wave in waves)


def test_a_secret_given_by_hand_does_not_go_to_a_cluster(s3: Service, prefix: str) -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
    ):
        with pytest.raises(OptionError, match="'key' is a secret, which is not sent to the workers") as caught:
            pyramid.convert(IMAGE, s3.url(prefix), storage_options=s3.storage_options, **OPTIONS)
        with pytest.raises(OptionError, match="memory:// exists in one process only"):
            pyramid.convert(IMAGE, f"memory://tests/{prefix}", **OPTIONS)
    assert SECRET not in str(caught.value)
    assert s3.objects(prefix) == {}


def test_workers_take_credentials_from_their_environment(
    s3: Service, prefix: str, local: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert "AWS_ENDPOINT_URL" not in os.environ
    storage = {"endpoint_url": s3.endpoint, "region": s3.options["region"]}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster,
        Client(cluster),
    ):
        pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    assert stored(s3, prefix) == local
