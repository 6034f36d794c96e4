"""Kinds of failures of stores: errors that come with 200, removal by lists, and requests that are given up."""

from __future__ import annotations

import gzip
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import obstore
import pytest

import pyramid
from pyramid.concurrency.cancelling import cancel_when
from pyramid.errors import OptionError, SourceError, StoppedError, StorageError
from pyramid.stores import open_objects, retry
from tests.integration.stores.test_objects import Elsewhere
from tests.support.contracts.objects import DATA, Pieces
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.loopback import self_signed
from tests.support.servers.service import Service
from tests.support.stores import digests

IMAGE = np.full((128, 128), 7, "uint16")
OPTIONS: dict[str, Any] = {"chunks": "y=64,x=64", "shards": "none"}
WITHIN_S = 10


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    return fault_proxy(s3.endpoint)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "HEAD"])
def test_an_error_with_200_is_made_again(method: str, s3: Service, proxy: FaultProxy, prefix: str) -> None:
    objects = open_objects(s3.url(prefix), s3.through(proxy.endpoint).storage_options)
    objects.put("a", DATA)
    proxy.inject(Fault(Kind.ERROR_WITH_200, method, times=2))
    assert objects.size("a") == len(DATA)
    assert objects.get("a") == DATA
    assert list(objects.keys()) == ["a"]
    objects.put("b", b"more")
    objects.delete_all(["a", "b"])
    assert s3.objects(prefix) == {}
    assert len(proxy.befallen) == (1 if method == "HEAD" else 2)  # what a HEAD leaves open, a GET says


@pytest.mark.parametrize("at", [1, 2])
def test_a_listing_that_is_an_error_is_never_empty(at: int, s3: Service, proxy: FaultProxy, prefix: str) -> None:
    options = {**s3.through(proxy.endpoint).storage_options, "retries": 1, "retry_seconds": 1}
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=s3.storage_options, **OPTIONS)
    before = s3.objects(prefix)
    proxy.inject(Fault(Kind.ERROR_WITH_200, "GET", "images", times=math.inf, at=at))
    if at == 1:
        with pytest.raises(pyramid.TargetError, match="SlowDown"):
            pyramid.convert(IMAGE, s3.url(prefix), storage_options=options, **OPTIONS)
    with pytest.raises(pyramid.TargetError, match="SlowDown"):
        pyramid.convert(IMAGE[:64], s3.url(prefix), storage_options=options, overwrite=True, **OPTIONS)
    assert {key: body for key, body in before.items() if "/c/" in key}.items() <= s3.objects(prefix).items()


def test_what_is_replaced_is_removed_by_lists(s3: Service, proxy: FaultProxy, prefix: str) -> None:
    options = s3.through(proxy.endpoint).storage_options
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=options, chunks="y=8,x=8", shards="none")
    assert len(s3.objects(prefix)) > 256
    proxy.log.clear()
    pyramid.convert(IMAGE[:64], s3.url(prefix), storage_options=options, overwrite=True, **OPTIONS)
    assert sum("delete" in request.query for request in proxy.requests) <= 6  # root keys, and the rest at once
    assert len([key for key in s3.objects(prefix) if key.startswith("0/c/")]) == 2


def test_a_bucket_that_is_not_there_is_named_at_once(s3: Service, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGE)
    for command in (
        lambda: pyramid.convert(tmp_path / "a.npy", "s3://no-such-bucket/a", storage_options=s3.storage_options),
        lambda: pyramid.info("s3://no-such-bucket/a", s3.storage_options),
        lambda: pyramid.download("s3://no-such-bucket/a", tmp_path / "came", storage_options=s3.storage_options),
    ):
        with pytest.raises((pyramid.TargetError, pyramid.SourceError), match=r"first attempt: 404.*NoSuchBucket"):
            command()


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_request_that_stalls_is_given_up(method: str, s3: Service, proxy: FaultProxy, prefix: str) -> None:
    objects = open_objects(s3.url(prefix), s3.through(proxy.endpoint).storage_options)
    proxy.inject(Fault(Kind.STALL, method, times=math.inf))
    over = threading.Event()
    timer = threading.Timer(0.3, over.set)
    timer.start()
    began_s = time.monotonic()
    with cancel_when(over.is_set), pytest.raises(StoppedError):
        objects.get("a") if method == "GET" else objects.put("a", DATA)
    assert time.monotonic() - began_s < WITHIN_S  # where a request may take 30 s
    timer.join()


@pytest.mark.parametrize("command", ["info", "download", "convert"])
def test_ctrl_c_ends_while_a_server_says_nothing(
    command: str, s3: Service, proxy: FaultProxy, prefix: str, tmp_path: Path
) -> None:
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=s3.storage_options, **OPTIONS)
    proxy.inject(Fault(Kind.STALL, "GET", "*zarr.json" if command == "info" else "*/c/*", times=math.inf))
    words = [sys.executable, "-m", "pyramid", command, s3.url(prefix), *([] if command == "info" else ["out"])]
    words += ["--endpoint-url", proxy.endpoint] if command != "convert" else []
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": proxy.endpoint,
    }
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        until_s = time.monotonic() + 60
        while not proxy.befallen and time.monotonic() < until_s:
            time.sleep(0.05)
        time.sleep(0.5)
        began_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert time.monotonic() - began_s < WITHIN_S
    assert process.returncode == 130
    assert said.startswith("pyramid: interrupted")
    assert "Traceback" not in said
    assert "Task" not in said


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://b/k", "AWS_ENDPOINT_URL"),
        ("s3://b/k", "AWS_ENDPOINT_URL_S3"),
        ("gs://b/k", "GOOGLE_BASE_URL"),
        ("az://b/k", "AZURE_STORAGE_ENDPOINT"),
    ],
)
def test_an_endpoint_of_the_environment_is_checked(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "127.0.0.1:9000")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    with pytest.raises(OptionError, match=r"the endpoint '127\.0\.0\.1:9000' is not an address"):
        pyramid.info(url)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("gs://bucket/a", {"token": '{"private_key": "hush"'}),
        ("gs://bucket/a", {"token": "/no/such/file.json"}),
        ("az://container/a", {"account_name": "ann", "account_key": "hush!"}),
    ],
)
def test_credentials_that_cannot_be_read_are_named_at_once(url: str, options: dict[str, str]) -> None:
    began_s = time.monotonic()
    with pytest.raises(StorageError, match="at the first attempt: it cannot be reached with these options") as failed:
        open_objects(url, options).get("zarr.json")
    assert failed.value.permanent
    assert "hush" not in str(failed.value)
    assert time.monotonic() - began_s < WITHIN_S


def test_other_file_systems_that_connect_when_they_are_opened_fail_as_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    objects = open_objects(f"ftp://ann:hush@127.0.0.1:{port}/a", {"retries": 1})
    with pytest.raises(StorageError, match="ConnectionRefusedError") as failed:
        objects.get("zarr.json")
    assert "hush" not in str(failed.value)


def test_credentials_that_change_are_honoured(s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "one")
    first = open_objects(s3.url(prefix))
    assert open_objects(s3.url(prefix)) is first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "two")
    assert open_objects(s3.url(prefix)) is not first


class Whole(Elsewhere):
    """A file system that gives no object in one piece."""

    protocol = "pieces"

    def cat_file(self, *_: Any, **__: Any) -> bytes:
        raise AssertionError("an object is fetched in one piece")


def test_other_file_systems_are_read_in_blocks(prefix: str) -> None:
    fsspec.register_implementation("pieces", Whole, clobber=True)
    objects = open_objects(f"pieces://place/{prefix}")
    objects.put("a", memoryview(DATA * 1000))
    came: list[int] = []

    class Counted(Pieces):
        def write(self, piece: bytes, /) -> None:
            came.append(len(piece))
            super().write(piece)

    into = Counted()
    assert objects.fetch("a", into) == len(DATA) * 1000
    assert into.body == DATA * 1000
    assert max(came) <= 4 * 2**20
    objects.delete_all(["a", "b"])
    assert objects.size("a") is None


def test_a_certificate_that_nobody_signed_is_named_at_once(tmp_path: Path) -> None:
    with self_signed(tmp_path) as endpoint, pytest.raises(pyramid.SourceError, match=r"first attempt: .* certificate"):
        pyramid.info(f"{endpoint}/image.ome.zarr")


def test_objects_that_are_stored_encoded_are_read_as_they_are(s3: Service, prefix: str, tmp_path: Path) -> None:
    pyramid.convert(IMAGE, tmp_path / "made", chunks="y=64,x=64", shards="none")
    store = s3.store(prefix)
    for key in digests(tmp_path / "made"):
        body = gzip.compress((tmp_path / "made" / key).read_bytes())
        obstore.put(store, key, body, attributes={"Content-Encoding": "gzip"}, use_multipart=False)
    pyramid.download(s3.url(prefix), tmp_path / "came", storage_options=s3.storage_options)
    assert digests(tmp_path / "came") == digests(tmp_path / "made")
    objects = open_objects(s3.url(prefix), s3.storage_options)
    whole = (tmp_path / "made/zarr.json").read_bytes()
    assert objects.size("zarr.json") == len(whole)
    assert objects.get_range("zarr.json", 5, 50) == whole[5:50]
    assert objects.get_tail("zarr.json", 7) == whole[-7:]


def test_a_server_that_never_answers_is_given_up_at_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "NEVER_CONNECTED_S", 0.5)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(16)
        with pytest.raises(SourceError, match="failed at the first attempt"):
            pyramid.open(f"http://127.0.0.1:{mute.getsockname()[1]}/image.zarr", {"timeout": 1})
