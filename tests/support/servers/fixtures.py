"""Servers that tests ask for by name. Those that are dear to start live as long as the session (of one worker)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.servers.azure import azurite
from tests.support.servers.ceph import radosgw
from tests.support.servers.faults import FaultProxy
from tests.support.servers.google import moto_google
from tests.support.servers.s3 import moto_s3
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer, ranged, rangeless


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bucket on moto."""
    with moto_s3(tmp_path_factory.mktemp("moto")) as service:
        yield service


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bucket on moto that speaks Google's XML API."""
    with moto_google(tmp_path_factory.mktemp("google")) as service:
        yield service


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A container on Azurite; for `tests/services` alone."""
    with azurite(tmp_path_factory.mktemp("azurite")) as service:
        yield service


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bucket on Ceph's radosgw; for `tests/services` alone."""
    with radosgw(tmp_path_factory.mktemp("ceph")) as service:
        yield service


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test has."""
    return uuid.uuid4().hex


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    """The test's `tmp_path` over HTTP, with ranges."""
    with ranged(tmp_path) as server:
        yield server


@pytest.fixture
def plain_web(tmp_path: Path) -> Iterator[WebServer]:
    """The test's `tmp_path` over HTTP, without ranges."""
    with rangeless(tmp_path) as server:
        yield server


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[str], FaultProxy]]:
    """Puts a fault proxy before an endpoint; it ends with the test."""
    with ExitStack() as stack:
        yield lambda endpoint: stack.enter_context(FaultProxy(endpoint))
