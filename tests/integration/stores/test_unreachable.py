"""A server that is not reached: each command says which host, why, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.errors import PyramidError
from pyramid.stores import open_objects, retry
from tests.support.servers.loopback import HOST, free_port, self_signed
from tests.support.servers.odd import odd
from tests.support.servers.scripted import mute, scripted

pytestmark = pytest.mark.once

IMAGE = np.ones((8, 8), "uint8")
KEYS: dict[str, dict[str, Any]] = {
    "s3": {"key": "user", "secret": "a-long-secret"},
    "gs": {"anon": True},
    "az": {"account_name": "account", "account_key": "aHVzaGh1c2g="},
}


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "NEVER_CONNECTED_S", 0.3)
    monkeypatch.setenv("NO_PROXY", "*")


def commands(scheme: str, endpoint: str, folder: Path, **more: Any) -> Iterator[Callable[[], object]]:
    np.save(folder / "a.npy", IMAGE)
    url, options = f"{endpoint}/a", more
    if scheme in KEYS:
        url, options = f"{scheme}://bucket/a", {**KEYS[scheme], **more, "endpoint_url": endpoint}
        yield lambda: pyramid.convert(folder / "a.npy", url, storage_options=options)
    yield lambda: pyramid.info(url, options)
    yield lambda: pyramid.open(url, options)
    yield lambda: pyramid.download(url, folder / "came", storage_options=options)
    yield lambda: pyramid.convert(f"{url}.tif", folder / "out", source_storage_options=options)
    yield lambda: pyramid.convert(url, folder / "out", source_storage_options=options)


SCHEMES = ["s3", "gs", "az", "http", "https"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_host_that_does_not_exist_is_named_at_once(scheme: str, tmp_path: Path) -> None:
    endpoint = f"{scheme if scheme.startswith('http') else 'https'}://no-such-host.invalid"
    told = r"at the first attempt: the host no-such-host\.invalid does not exist .*; check its spelling"
    for command in commands(scheme, endpoint, tmp_path):
        with pytest.raises(PyramidError, match=told):
            command()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_port_at_which_nobody_listens_is_named(scheme: str, tmp_path: Path) -> None:
    port = free_port()
    endpoint = f"{scheme if scheme.startswith('http') else 'http'}://{HOST}:{port}"
    for command in commands(scheme, endpoint, tmp_path):
        with pytest.raises(
            PyramidError, match=rf"nobody listens at {HOST}:{port} .connection refused.; check the host"
        ):
            command()


@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "http"])
def test_a_silent_server_is_named_with_the_time_that_was_waited(scheme: str, tmp_path: Path) -> None:
    with mute() as endpoint:
        for command in commands(scheme, endpoint, tmp_path, timeout=0.5):
            began_s = time.monotonic()
            told = rf"at the first attempt: {HOST}:\d+ did not answer within [12] s .timed out.; check"
            with pytest.raises(PyramidError, match=told):
                command()
            assert time.monotonic() - began_s < 2.9  # one time-out, not two


@pytest.mark.parametrize("scheme", ["s3", "az", "https"])
def test_a_certificate_that_is_not_accepted_is_named_with_its_host(scheme: str, tmp_path: Path) -> None:
    with self_signed(tmp_path) as endpoint:
        for command in commands(scheme, endpoint, tmp_path):
            with pytest.raises(PyramidError, match=rf"first attempt: the certificate of {HOST}:\d+ is not .*; check"):
                command()


@pytest.mark.parametrize("scheme", ["s3", "az", "https"])
def test_a_server_without_tls_is_named(scheme: str, tmp_path: Path) -> None:
    with scripted({}) as server:
        for command in commands(scheme, server.endpoint.replace("http:", "https:"), tmp_path):
            with pytest.raises(PyramidError, match=rf"first attempt: {HOST}:\d+ does not speak TLS .*; check"):
                command()


def test_an_overloaded_server_is_not_blamed_on_credentials(tmp_path: Path) -> None:
    with scripted({"/": (503, b"")}) as server:
        for command in commands("http", server.endpoint, tmp_path, retries=0):
            with pytest.raises(PyramidError, match=r"503 .*; the server is overloaded or out of order") as failed:
                command()
            assert "credentials" not in str(failed.value)


def test_a_host_that_vanishes_half_way_is_waited_for() -> None:
    with scripted({"/a": (200, b"pixels")}) as server:
        objects = open_objects(server.endpoint, {"retry_seconds": 1})
        assert objects.get("a") == b"pixels"
    with pytest.raises(PyramidError, match=r"after \d attempts in .*: nobody listens"):
        objects.get("a")


def test_a_file_is_found_where_only_head_has_no_answer(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGE)
    with odd(tmp_path, "HEAD silent") as server:
        image = pyramid.convert(server.url("a.npy"), tmp_path / "out", source_storage_options={"timeout": 2}, levels=1)
    np.testing.assert_array_equal(image.levels[0].zarr[:], IMAGE)
