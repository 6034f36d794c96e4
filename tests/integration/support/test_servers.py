"""The servers that other tests rely on answer as what they are said to be."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import NotFoundError
from obstore.store import HTTPStore

from tests.support.contracts.storage import DATA, StorageContract
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer


class TestStorage(StorageContract):
    """Each object storage that needs nothing but Python."""

    @pytest.fixture(params=["s3", "google"])
    def service(self, request: pytest.FixtureRequest) -> Service:
        found: Service = request.getfixturevalue(request.param)
        return found


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
        ("file", "bytes=1048576-", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
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
