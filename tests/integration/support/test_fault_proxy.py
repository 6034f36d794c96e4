"""Each fault is, seen from a client, what it claims to be."""

from __future__ import annotations

import http.client
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from tests.support.contracts.storage import DATA
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    """A fault proxy before moto."""
    return fault_proxy(s3.endpoint)


@pytest.fixture
def store(s3: Service, proxy: FaultProxy, prefix: str) -> ObjectStore:
    """A store behind the proxy that tries everything once."""
    return s3.through(proxy.endpoint).store(prefix)


def put(store: ObjectStore, key: str, data: bytes = DATA) -> None:
    obstore.put(store, key, data, use_multipart=False)


def ask(proxy: FaultProxy, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    """Ask without a library that tries again by itself."""
    with closing(http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=30)) as connection:
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_without_faults_everything_goes_through_and_is_counted(
    s3: Service, store: ObjectStore, proxy: FaultProxy, prefix: str
) -> None:
    put(store, "a/0")
    put(store, "b/0", b"")
    assert bytes(obstore.get_range(store, "a/0", start=1, end=3)) == DATA[1:3]
    assert obstore.head(store, "a/0")["size"] == len(DATA)
    assert s3.objects(prefix) == {"a/0": DATA, "b/0": b""}
    assert proxy.count() == 4
    assert proxy.count("PUT") == 2
    assert proxy.count("PUT", f"images/{prefix}/a/*") == 1
    assert [(request.byte_range, request.status) for request in proxy.requests] == [
        ("", 200),
        ("", 200),
        ("bytes=1-2", 206),
        ("", 200),
    ]
    assert [request.body_bytes for request in proxy.requests] == [len(DATA), 0, 0, 0]
    assert not any(request.is_listing for request in proxy.requests)


def test_a_connection_is_kept_for_many_requests(proxy: FaultProxy) -> None:
    with closing(http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=30)) as connection:
        ports = set()
        for _ in range(3):
            connection.request("GET", "/images/absent")
            with connection.getresponse() as answer:
                answer.read()
            ports.add(connection.sock.getsockname())
    assert len(ports) == 1
    assert proxy.count() == 3


def test_a_body_in_chunks_goes_through(s3: Service, proxy: FaultProxy, prefix: str) -> None:
    with closing(http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=30)) as connection:
        pieces: Iterator[bytes] = iter([DATA, b"end"])
        headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/s3/aws4_request"}
        connection.request("PUT", f"/images/{prefix}/chunked", pieces, headers, encode_chunked=True)
        assert connection.getresponse().status == 200
    assert s3.objects(prefix) == {"chunked": DATA + b"end"}


def test_503_befalls_the_requests_that_it_names(store: ObjectStore, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.UNAVAILABLE, "PUT", "*/c/*", at=2, times=2))
    put(store, "zarr.json")
    put(store, "c/0")
    for key in ("c/1", "c/1"):
        with pytest.raises(BaseError, match="503"):
            put(store, key)
    put(store, "c/1")
    assert [request.status for request in proxy.requests] == [200, 200, 503, 503, 200]
    assert [request.number for request, _ in proxy.befallen] == [2, 3]


def test_503_for_ever_ends_when_it_is_healed(s3: Service, store: ObjectStore, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.UNAVAILABLE, times=math.inf))
    for _ in range(5):
        with pytest.raises(BaseError, match="503"):
            put(store, "0")
    assert s3.objects(prefix) == {}
    proxy.heal()
    put(store, "0")
    assert s3.objects(prefix) == {"0": DATA}


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        (Kind.RESET_BEFORE, False),
        (Kind.RESET_WITHIN_UPLOAD, False),
        (Kind.RESET_WITHIN_ANSWER, True),
        (Kind.RESET_AFTER, True),
    ],
)
def test_a_reset_of_an_upload(
    kind: Kind, arrives: bool, s3: Service, store: ObjectStore, proxy: FaultProxy, prefix: str
) -> None:
    proxy.inject(Fault(kind, "PUT"))
    with pytest.raises(BaseError):
        put(store, "0")
    assert s3.objects(prefix) == ({"0": DATA} if arrives else {})
    assert [request.status for request in proxy.requests] == [None]


@pytest.mark.parametrize("kind", [Kind.RESET_BEFORE, Kind.RESET_AFTER])
def test_a_reset_is_one(kind: Kind, proxy: FaultProxy) -> None:
    proxy.inject(Fault(kind))
    with pytest.raises(ConnectionResetError):
        ask(proxy, "GET", "/images/0")


def test_a_reset_within_a_download_comes_after_half_of_it(
    web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.RESET_WITHIN_ANSWER))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        ask(proxy, "GET", "/file")
    assert proxy.requests[0].status == 200
    assert ask(proxy, "GET", "/file") == (200, DATA)


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.STALL_BEFORE])
def test_a_stall_ends_after_its_time(kind: Kind, store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.inject(Fault(kind, lasts_s=0.2))
    start_s = time.monotonic()
    put(store, "0")
    assert time.monotonic() - start_s >= 0.2


@pytest.mark.parametrize(("kind", "arrives"), [(Kind.STALL, True), (Kind.STALL_BEFORE, False)])
def test_what_a_stall_for_ever_lets_through(kind: Kind, arrives: bool, s3: Service, prefix: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        with FaultProxy(s3.endpoint) as proxy:
            proxy.inject(Fault(kind))
            upload = pool.submit(put, s3.through(proxy.endpoint).store(prefix), "0")
            until_s = time.monotonic() + 30
            while time.monotonic() < until_s and not (s3.objects(prefix) if arrives else proxy.befallen):
                time.sleep(0.01)
        with pytest.raises(BaseError):
            upload.result(60)
    assert s3.objects(prefix) == ({"0": DATA} if arrives else {})


def test_a_stall_for_ever_ends_with_the_client_or_the_proxy(s3: Service, prefix: str) -> None:
    with FaultProxy(s3.endpoint) as proxy:
        proxy.inject(Fault(Kind.STALL, times=math.inf))
        with closing(http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=0.2)) as impatient:
            impatient.request("GET", "/images/0")
            with pytest.raises(TimeoutError):
                impatient.getresponse()
        patient = socket.create_connection((urlsplit(proxy.endpoint).hostname, proxy.server_address[1]), 30)
        patient.sendall(b"GET /images/0 HTTP/1.1\r\nHost: a\r\n\r\n")
    with closing(patient), suppress(ConnectionResetError):
        assert patient.recv(1) == b""


def test_a_body_is_corrupted_on_its_way_up(s3: Service, store: ObjectStore, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT"))
    put(store, "0")  # moto does not look
    stored = s3.objects(prefix)["0"]
    assert [at for at in range(len(DATA)) if stored[at] != DATA[at]] == [len(DATA) // 2]
    assert len(stored) == len(DATA)


def test_a_body_is_corrupted_on_its_way_down(store: ObjectStore, proxy: FaultProxy) -> None:
    put(store, "0")
    proxy.inject(Fault(Kind.CORRUPT_DOWN, "GET"))
    got = bytes(obstore.get(store, "0").bytes())
    assert [at for at in range(len(DATA)) if got[at] != DATA[at]] == [len(DATA) // 2]
    assert bytes(obstore.get(store, "0").bytes()) == DATA


@pytest.mark.parametrize(("kind", "status"), [(Kind.OUTAGE, 503), (Kind.OUTAGE_RESET, None)])
def test_an_outage_befalls_all_requests(kind: Kind, status: int | None, store: ObjectStore, proxy: FaultProxy) -> None:
    proxy.inject(Fault(kind, "PUT", "*/1"))
    put(store, "0")
    for key in ("1", "0", "2"):
        with pytest.raises(BaseError):
            put(store, key)
    proxy.heal()
    put(store, "1")
    assert [request.status for request in proxy.requests] == [200, status, status, status, 200]


def test_a_client_that_tries_again_rides_out_an_outage(s3: Service, proxy: FaultProxy, prefix: str) -> None:
    backoff = {"init_backoff": timedelta(seconds=0.05), "max_backoff": timedelta(seconds=0.1), "base": 2}
    retries = {"max_retries": 100, "retry_timeout": timedelta(seconds=60), "backoff": backoff}
    proxy.inject(Fault(Kind.OUTAGE, lasts_s=0.5))
    put(s3.through(proxy.endpoint).store(prefix, retry_config=retries), "0")
    assert proxy.count("PUT") == len(proxy.befallen) + 1 > 2
    assert s3.objects(prefix) == {"0": DATA}


def test_latency_is_waited_for_map_concurrently(proxy: FaultProxy) -> None:
    proxy.latency_s = 0.5
    together = threading.Barrier(8)

    def asked(_: int) -> tuple[float, float]:
        together.wait(30)
        start_s = time.monotonic()
        ask(proxy, "GET", "/images/absent")
        return start_s, time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        spans = list(pool.map(asked, range(8)))
    assert all(stop_s - start_s >= 0.5 for start_s, stop_s in spans)
    assert max(start_s for start_s, _ in spans) < min(stop_s for _, stop_s in spans)  # all were waiting at one time
