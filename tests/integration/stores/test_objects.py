"""Objects of each scheme: what they keep, what they make again, and what they tell of failures."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from pyramid.errors import OptionError, StorageError
from pyramid.stores import Objects, counting_retries, open_objects
from tests.support.contracts.objects import DATA, ObjectsContract
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer


class TestS3(ObjectsContract):
    @pytest.fixture
    def objects(self, s3: Service, prefix: str) -> Objects:
        return open_objects(s3.url(prefix), s3.storage_options)


class TestGoogle(ObjectsContract):
    @pytest.fixture
    def objects(self, google: Service, prefix: str) -> Objects:
        return open_objects(google.url(prefix), google.storage_options)


class TestLocal(ObjectsContract):
    has_conditions = False  # a lock on the folder takes their place

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        return open_objects(f"file://{tmp_path}/place")


class TestMemory(ObjectsContract):
    travels = False

    @pytest.fixture
    def objects(self, prefix: str) -> Objects:
        return open_objects(f"memory://tests/{prefix}")


class Elsewhere(MemoryFileSystem):  # type: ignore[misc]  # fsspec is not typed
    """A file system of a package that is installed."""

    protocol = "elsewhere"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]


class TestOther(ObjectsContract):
    has_conditions = False

    @pytest.fixture
    def objects(self, prefix: str) -> Objects:
        fsspec.register_implementation("elsewhere", Elsewhere, clobber=True)
        return open_objects(f"elsewhere://place/{prefix}")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"class": "nowhere_fs.Nowhere", "err": "Install nowhere_fs to reach nowhere"}
    monkeypatch.setitem(known_implementations, "nowhere", entry)
    with pytest.raises(OptionError, match="needs a package: Install nowhere_fs"):
        open_objects("nowhere://place/key")


@pytest.mark.parametrize("query", ["", "?X-Amz-Signature=hush"])
@pytest.mark.parametrize("kind", ["web", "plain_web"])
def test_the_web_is_read(kind: str, query: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: WebServer = request.getfixturevalue(kind)
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "file.tif").write_bytes(DATA)
    objects = open_objects(server.url("a%20b/file.tif") + query)
    assert objects.get("") == DATA
    assert objects.size("") == len(DATA)
    assert objects.get_range("", 5, 9) == DATA[5:9]
    assert objects.get_range("", len(DATA) - 3, len(DATA) + 9) == DATA[-3:]
    assert objects.get_range("", len(DATA) + 1, len(DATA) + 9) == b""
    assert objects.get_tail("", 7) == DATA[-7:]
    assert not any(one.is_listing for one in server.requests)
    assert all(one.method == "GET" for one in server.requests) or not query
    server.log.clear()
    assert open_objects(server.endpoint).get("a b/file.tif") == DATA
    assert open_objects(server.url("a%20b/")).get("none") is None
    with pytest.raises(StorageError, match="can only be read and cannot be written to"):
        objects.put("a", b"")
    with pytest.raises(StorageError, match="cannot be listed"):
        next(objects.keys())
    assert "hush" not in str(objects.location) + repr(objects.location) + str(pickle.dumps(objects))


def test_a_server_without_ranges_is_asked_once_a_call(plain_web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    objects = open_objects(plain_web.endpoint)
    for _ in range(3):
        assert objects.get_range("a", 2, 4) == DATA[2:4]
    assert plain_web.count("GET") == 4  # the first was told that there are no ranges


OTHERS = (Kind.CORRUPT_UP, Kind.CORRUPT_DOWN, Kind.OUTAGE, Kind.OUTAGE_RESET, Kind.EXPIRED)
MENDED = [kind for kind in Kind if kind not in OTHERS]


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    return fault_proxy(s3.endpoint)


@pytest.fixture
def objects(s3: Service, proxy: FaultProxy, prefix: str) -> Objects:
    """Objects behind the proxy, which are not patient."""
    options = {**s3.through(proxy.endpoint).storage_options, "retries": 3, "timeout": 0.2}
    return open_objects(s3.url(prefix), options)


@pytest.mark.parametrize("kind", MENDED)
def test_what_goes_wrong_is_made_again_and_counted(kind: Kind, objects: Objects, proxy: FaultProxy) -> None:
    proxy.inject(Fault(kind, "PUT"), Fault(kind, "GET"))
    with counting_retries() as again, counting_retries() as within:
        objects.put("a", DATA)
        assert objects.get("a") == DATA
    assert (again.count, within.count) == (0, 2)


def test_a_listing_goes_on(objects: Objects, proxy: FaultProxy) -> None:
    for name in "abc":
        objects.put(name, b"")
    proxy.inject(Fault(Kind.UNAVAILABLE, "GET"))
    assert list(objects.keys()) == ["a", "b", "c"]


def test_an_outage_is_ridden_out(s3: Service, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.OUTAGE, "PUT", lasts_s=2), Fault(Kind.OUTAGE_RESET, "GET", lasts_s=1))
    objects = open_objects(s3.url(prefix), s3.through(proxy.endpoint).storage_options)
    objects.put("a", DATA)
    assert objects.get("a") == DATA
    assert proxy.count("PUT") > 3


def test_a_failure_names_key_answer_and_attempts(objects: Objects, proxy: FaultProxy, prefix: str) -> None:
    proxy.inject(Fault(Kind.UNAVAILABLE, "PUT", times=math.inf))
    with pytest.raises(StorageError) as caught:
        objects.put("0/c/0", DATA)
    told = str(caught.value)
    assert f"s3://images/{prefix}/0/c/0 failed after 4 attempts" in told
    assert "503 Service Unavailable" in told
    assert not caught.value.permanent
    assert proxy.count("PUT") == 4


def test_a_bucket_that_is_not_there_fails_at_once(s3: Service, proxy: FaultProxy) -> None:
    objects = open_objects("s3://nobodys/a", s3.through(proxy.endpoint).storage_options)
    for ask in (lambda: objects.put("k", b"x"), lambda: objects.get("k"), lambda: list(objects.keys())):
        with pytest.raises(StorageError, match="at the first attempt: 404 Not Found: NoSuchBucket") as caught:
            ask()
        assert caught.value.permanent


def test_an_address_where_nobody_is_fails_soon(s3: Service, proxy: FaultProxy) -> None:
    options = {**s3.storage_options, "endpoint_url": "http://127.0.0.1:9", "retries": 2}
    with pytest.raises(StorageError, match=r"nobody listens at .* [(]connection refused[)]; check the host"):
        open_objects("s3://images/a", options).put("k", b"x")


def test_time_for_a_body_grows_with_it(objects: Objects, proxy: FaultProxy) -> None:
    proxy.inject(Fault(Kind.STALL_BEFORE, "PUT", lasts_s=2))
    with counting_retries() as again:
        objects.put("large", bytes(4 * 2**20))
    assert again.count == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"acess_key": "x"}, "unknown storage option for s3:// 'acess_key'"),
        ({"endpoint_ulr": "x"}, "did you mean 'endpoint_url'"),
        ({"retries": "many"}, "'many' is not a number"),
        ({"timeout": 0}, "out of range"),
        ({"endpoint_url": "http://ann:hush@host"}, "holds a user or a password"),
        ({"key": ["a"]}, "has a value that is not text"),
    ],
)
def test_options_that_cannot_be_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told) as caught:
        open_objects("s3://bucket/a", options)
    assert "hush" not in str(caught.value)


def test_a_connection_string_is_taken_apart() -> None:
    with pytest.raises(OptionError, match="has no AccountName"):
        open_objects("az://container/a", {"connection_string": "hush"})
    text = "DefaultEndpointsProtocol=https;AccountName=ann;AccountKey=aHVzaA==;EndpointSuffix=core.windows.net"
    assert "aHVzaA" not in repr(open_objects("az://container/a", {"connection_string": text}).location)
    assert open_objects("abfss://container@ann.dfs.core.windows.net/a").location.path == "a"


@pytest.fixture
def profile(s3: Service, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A profile of ``~/.aws`` that names the server."""
    (tmp_path / "credentials").write_text(
        f"[lab]\naws_access_key_id = {s3.options['key']}\naws_secret_access_key = {SECRET}\n"
    )
    (tmp_path / "config").write_text(f"[profile lab]\nregion = us-east-1\nendpoint_url = {proxy.endpoint}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return "lab"


def test_a_profile_gives_credentials_and_endpoint(profile: str, s3: Service, proxy: FaultProxy, prefix: str) -> None:
    open_objects(s3.url(prefix), {"profile": profile}).put("a", DATA)
    assert s3.objects(prefix) == {"a": DATA}
    assert proxy.count("PUT") == 1


def test_a_profile_may_be_named_by_the_environment(
    profile: str, s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", profile)
    open_objects(s3.url(prefix)).put("a", DATA)
    assert s3.objects(prefix) == {"a": DATA}


def test_a_profile_that_is_not_there_is_told(profile: str) -> None:
    with pytest.raises(OptionError, match=r"profile 'field' of ~/.aws cannot be used"):
        open_objects("s3://bucket/a", {"profile": "field"})


def test_profiles_want_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(OptionError, match=r"pip install 'ome-pyramid\[profiles\]'"):
        open_objects("s3://bucket/b", {"profile": "lab"})
