"""Credentials that are missing, wrong or expired are named, and those of the machine are used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.errors import PyramidError, StorageError
from pyramid.stores import open_objects
from tests.support.servers.loopback import HOST, free_port
from tests.support.servers.scripted import MACHINE, mute, refusal, scripted

WITHIN_S = 10
NOT_KNOWN = [*("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL")]
KEYS = {"key": "user", "secret": "a-long-secret"}
FIND = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, .* profile=.*, or anon=True",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS .* anon=True",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY .* anon=True",
}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """No credentials in the environment; what it returns sets the address of the machine's own service."""
    for name in NOT_KNOWN:
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")

    def at(endpoint: str) -> None:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", endpoint)
        monkeypatch.setenv("GCE_METADATA_HOST", endpoint.removeprefix("http://"))
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/metadata/identity/oauth2/token")

    at(f"http://{HOST}:{free_port()}")
    return at


def commands(url: str, folder: Path, options: dict[str, Any]) -> Iterator[Callable[[], object]]:
    np.save(folder / "a.npy", np.ones((8, 8), "uint8"))
    yield lambda: pyramid.info(url, options)
    yield lambda: pyramid.download(url, folder / "came", storage_options=options)
    yield lambda: pyramid.convert(f"{url}/a.tif", folder / "out", source_storage_options=options)
    yield lambda: pyramid.convert(url, folder / "out", source_storage_options=options)
    yield lambda: pyramid.convert(folder / "a.npy", url, storage_options=options)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@pytest.mark.parametrize("status", [None, 403, 404, 500])
def test_a_machine_without_credentials_says_so_at_once(
    status: int | None, scheme: str, tmp_path: Path, nothing_known: Callable[[str], None]
) -> None:
    with scripted({"/": (status or 0, b"denied by a proxy")}) as machine:
        if status is not None:
            nothing_known(machine.endpoint)
        began_s = time.monotonic()
        for command in commands(f"{scheme}://bucket/a.zarr", tmp_path, {}):
            with pytest.raises(PyramidError, match=f"no credentials were found for {scheme}://bucket; {FIND[scheme]}"):
                command()
        assert time.monotonic() - began_s < WITHIN_S


def test_a_silent_machine_counts_as_one_without_credentials(nothing_known: Callable[[str], None]) -> None:
    began_s = time.monotonic()
    with mute() as endpoint:
        nothing_known(endpoint)
        with pytest.raises(PyramidError, match="first attempt: no credentials were found for s3://bucket; set"):
            pyramid.info("s3://bucket/a.zarr")
    assert time.monotonic() - began_s < WITHIN_S


def test_the_credentials_of_a_machine_are_used(nothing_known: Callable[[str], None]) -> None:
    with scripted(MACHINE) as machine, scripted({"/bucket/a": (200, b"pixels")}) as service:
        nothing_known(machine.endpoint)
        options = {"endpoint_url": service.endpoint, "retries": 0}
        objects = open_objects("s3://bucket/a", options)
        assert objects.get("b") == b"pixels"
        assert machine.count("PUT") > 0
        service.answers = {"/": (403, refusal("AccessDenied"))}
        with pytest.raises(StorageError, match="403 Forbidden: AccessDenied") as refused:
            objects.get("c")
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("InvalidAccessKeyId", 403, "does not know the access key; check AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", 403, "secret key is not that of the access key; check AWS_SECRET_ACCESS_KEY"),
        ("ExpiredToken", 400, "credentials have expired; get new ones"),
        ("RequestTimeTooSkewed", 403, "the clock of this machine"),
    ],
)
def test_credentials_that_are_refused_are_named(code: str, status: int, told: str, tmp_path: Path) -> None:
    with scripted({"/": (status, refusal(code))}) as service:
        options = {**KEYS, "endpoint_url": service.endpoint}
        for command in commands("s3://bucket/a.zarr", tmp_path, options):
            with pytest.raises(PyramidError, match=f"{told}.*{code}") as failed:
                command()
            assert KEYS["secret"] not in str(failed.value)


def test_credentials_that_are_not_given_are_not_refused_by_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("token")
    with scripted({"/": (403, b"no role")}) as giver:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{giver.endpoint}/role")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        told = rf"credentials for s3://bucket cannot be fetched from {HOST}:\d+: 403 Forbidden: no role"
        with pytest.raises(PyramidError, match=told):
            pyramid.info("s3://bucket/a.zarr", {"retries": 0})
