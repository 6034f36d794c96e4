"""The servers that other tests rely on answer as what they are said to be."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import HTTPStore

from tests.servers.service import Service
from tests.servers.web import WebServer

DATA = bytes(range(256)) * 64


@pytest.fixture(params=["s3", "google"])
def service(request: pytest.FixtureRequest) -> Service:
    """Each object storage that needs nothing but Python."""
    found: Service = request.getfixturevalue(request.param)
    return found


def test_an_object_storage_keeps_what_it_is_given(service: Service, prefix: str) -> None:
    store = service.store(prefix)
    obstore.put(store, "a/0.0", DATA, use_multipart=False)
    obstore.put(store, "a b/ü", b"", use_multipart=False)
    assert bytes(obstore.get_range(store, "a/0.0", start=100, end=300)) == DATA[100:300]
    assert service.objects(prefix) == {"a/0.0": DATA, "a b/ü": b""}
    obstore.delete(store, "a/0.0")
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "a/0.0")


def test_an_object_storage_makes_only_what_is_not_there_where_asked(service: Service, prefix: str) -> None:
    store = service.store(prefix)
    obstore.put(store, "once", b"first", mode="create", use_multipart=False)
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "once", b"second", mode="create", use_multipart=False)
    assert service.objects(prefix) == {"once": b"first"}


def test_a_web_server_with_ranges(web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "image.zarr").mkdir()
    (tmp_path / "image.zarr/0.0").write_bytes(DATA)
    store = HTTPStore(web.url("image.zarr"), client_options={"allow_http": True})
    assert obstore.head(store, "0.0")["size"] == len(DATA)
    assert bytes(obstore.get_range(store, "0.0", start=5, length=20)) == DATA[5:25]
    assert bytes(obstore.get(store, "0.0", options={"range": {"suffix": 7}}).bytes()) == DATA[-7:]
    assert bytes(obstore.get(store, "0.0").bytes()) == DATA
    told = [(request.method, request.key, request.byte_range, request.status) for request in web.requests]
    name = "image.zarr/0.0"
    assert told == [
        ("HEAD", name, "", 200),
        ("GET", name, "bytes=5-24", 206),
        ("GET", name, "bytes=-7", 206),
        ("GET", name, "", 200),
    ]


def test_a_web_server_without_ranges_gives_the_whole(plain_web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "image.tif").write_bytes(DATA)
    request = urllib.request.Request(plain_web.url("image.tif"), headers={"Range": "bytes=0-9"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert (answer.status, answer.version, answer.read()) == (200, 10, DATA)
        assert {"ETag", "Accept-Ranges"}.isdisjoint(answer.headers)
    assert [request.byte_range for request in plain_web.requests] == ["bytes=0-9"]


@pytest.mark.parametrize(
    ("key", "byte_range", "status"),
    [
        ("file", "bytes=16384-", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
        ("absent", "", HTTPStatus.NOT_FOUND),
        ("folder/", "", HTTPStatus.NOT_FOUND),
        ("../outside", "", HTTPStatus.NOT_FOUND),
        ("%2e%2e/outside", "", HTTPStatus.NOT_FOUND),
        ("link", "", HTTPStatus.NOT_FOUND),
    ],
)
def test_what_a_web_server_refuses(
    key: str, byte_range: str, status: HTTPStatus, web: WebServer, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "link").symlink_to("/etc/hostname")
    (tmp_path.parent / "outside").write_bytes(DATA)
    request = urllib.request.Request(web.url(key), headers={"Range": byte_range} if byte_range else {})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    refused.value.close()
    assert refused.value.code == status
    assert web.requests[-1].status == status


def test_http_store_knows_what_is_not_there(web: WebServer) -> None:
    with pytest.raises((FileNotFoundError, NotFoundError)):
        obstore.get(HTTPStore(web.endpoint, client_options={"allow_http": True}), "zarr.json")
    assert web.count("GET", "zarr.json") == 1
