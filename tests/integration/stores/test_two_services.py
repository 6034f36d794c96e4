"""SOURCE on one service and TARGET on another, each with its own address and credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from tests.support.servers.proxy import Headers, Proxy
from tests.support.servers.s3 import moto_s3
from tests.support.servers.service import Service

IMAGE = np.random.default_rng(4).integers(0, 4000, (5, 200, 180), "uint16")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A second server, with a bucket that the first one does not have."""
    with moto_s3(tmp_path_factory.mktemp("other"), "results") as service:
        yield service.with_options(key="another", secret="another-secret")


class Listener(Proxy):
    """A proxy that notes which access keys requests are signed with in their headers."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.endpoint, self._note)
        self.keys: set[str] = set()

    def _note(self, headers: Headers) -> Headers:
        signature = next((value for name, value in headers if name.lower() == "authorization"), "")
        found = re.search("Credential=([^/]*)/", signature)
        self.keys |= {found[1]} if found else set()
        return headers

    def __enter__(self) -> Listener:
        self.start()
        return self


@pytest.fixture
def first(s3: Service) -> Iterator[Listener]:
    with Listener(s3) as listener:
        yield listener


@pytest.fixture
def second(other: Service) -> Iterator[Listener]:
    with Listener(other) as listener:
        yield listener


@pytest.fixture
def url(s3: Service, prefix: str) -> str:
    """An image on the first server."""
    pyramid.convert(IMAGE, s3.url(f"{prefix}/source.ome.zarr"), target_storage_options=s3.storage_options)
    return s3.url(f"{prefix}/source.ome.zarr")


def run(*words: str) -> str:
    result = CliRunner().invoke(main, ["convert", *words, "--no-progress"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stderr


def test_each_side_has_its_own_address_and_credentials(
    s3: Service, other: Service, first: Listener, second: Listener, url: str, prefix: str
) -> None:
    options: dict[str, Any] = {
        "source_storage_options": s3.through(first.endpoint).storage_options,
        "target_storage_options": other.through(second.endpoint).storage_options,
    }
    image = pyramid.convert(url, other.url(prefix), **options)
    np.testing.assert_array_equal(image.levels[0].data.compute(), IMAGE)
    assert (first.keys, second.keys) == ({"user"}, {"another"})


def test_flags_set_the_two_apart(
    other: Service, first: Listener, second: Listener, url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "general")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    words = [url, other.url(prefix), "--region", "us-east-1"]
    words += ["--source-endpoint-url", first.endpoint, "--target-endpoint-url", second.endpoint]
    run(*words)
    assert (first.keys, second.keys) == ({"general"}, {"general"})
    run(*words, "--overwrite", "--source-storage-options", '{"key": "special", "secret": "hush"}')
    assert (first.keys, second.keys) == ({"general", "special"}, {"general"})


def test_general_flags_go_to_both(s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret"])
    np.save(tmp_path / "a.npy", IMAGE)
    flags = ["--endpoint-url", s3.endpoint, "--region", "us-east-1"]
    run(str(tmp_path / "a.npy"), s3.url(f"{prefix}/a.zarr"), *flags)  # to TARGET
    run(s3.url(f"{prefix}/a.zarr"), s3.url(f"{prefix}/b.zarr"), *flags)  # to both
    run(s3.url(f"{prefix}/b.zarr"), str(tmp_path / "c.zarr"), *flags)  # to SOURCE
    np.testing.assert_array_equal(pyramid.open(tmp_path / "c.zarr").levels[0].data.compute(), IMAGE)


def test_a_configuration_sets_them_apart_too(
    s3: Service, other: Service, url: str, prefix: str, tmp_path: Path
) -> None:
    config = tmp_path / "two.yaml"
    values = {
        "storage_options": {**s3.storage_options, "endpoint_url": "http://127.0.0.1:9"},
        "source_storage_options": {"endpoint_url": s3.endpoint},
        "target_storage_options": other.storage_options,
    }
    config.write_text(json.dumps(values))
    run(url, other.url(f"{prefix}/config"), "--config", str(config))
    assert b"multiscales" in other.objects(f"{prefix}/config")["zarr.json"]
