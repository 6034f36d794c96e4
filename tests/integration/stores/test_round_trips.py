"""Requests that need not wait for each other do not: each would cost a round trip."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from tests.support.contracts.target import stored
from tests.support.servers.faults import FaultHandler, FaultProxy
from tests.support.servers.log import Log, Request
from tests.support.servers.service import Service
from tests.support.stores import digests

IMAGE = np.random.default_rng(7).integers(0, 4000, (3, 300, 280), "uint16")
OPTIONS: dict[str, Any] = {"axes": "cyx", "chunks": {"y": 128, "x": 128}, "shards": "none", "min_size": 150}
WITHIN_S = 60


@pytest.fixture
def proxy(s3: Service, fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    return fault_proxy(s3.endpoint)


class Gate:
    """Lets requests that match pass when so many are there, and notes what was asked by then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str, key: str, parties: int) -> None:
        self.asked: tuple[Request, ...] = ()
        self._log: Log | None = None
        there, handle = threading.Barrier(parties, self._note, WITHIN_S), FaultHandler.handle_request

        def gated(handler: FaultHandler, request: Request) -> None:
            if request.matches(method, key):
                self._log = handler.server.log
                there.wait()
            handle(handler, request)

        monkeypatch.setattr(FaultHandler, "handle_request", gated)

    def _note(self) -> None:
        """Note what was asked before any of the requests passes."""
        assert self._log is not None
        self.asked = self._log.requests


@pytest.mark.parametrize(("version", "group", "array"), [("0.5", 1, ["zarr.json"]), ("0.4", 2, [".zarray", ".zattrs"])])
def test_metadata_of_all_arrays_is_put_at_once_when_that_of_the_group_is_there(
    version: str,
    group: int,
    array: list[str],
    s3: Service,
    proxy: FaultProxy,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate(monkeypatch, "PUT", f"images/{prefix}/[01]/*z[ag]*", 2 * len(array))
    options = {**OPTIONS, "ome_zarr_version": version}
    storage = {**s3.through(proxy.endpoint).storage_options, "retries": 0}
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **options)
    pyramid.convert(IMAGE, tmp_path / "local", **options)
    assert stored(s3, prefix) == digests(tmp_path / "local")
    puts = [request for request in gate.asked if request.method == "PUT"]
    # The claim is put once more, which is refused.
    assert [request.status for request in puts] == [200, 412, *[200] * (group - 1)] + [None] * 2 * len(array)
    assert {request.key for request in puts[group + 1 :]} == {
        f"images/{prefix}/{n}/{name}" for n in "01" for name in array
    }


def test_pixels_that_are_looked_at_come_map_concurrently(
    s3: Service, proxy: FaultProxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, "GET", f"images/{prefix}/0/c/*/0/0", len(IMAGE))
    storage = {**s3.through(proxy.endpoint).storage_options, "retries": 0}
    image = pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **OPTIONS)
    assert gate.asked
    for channel, plane in zip(image.channels, IMAGE, strict=True):
        assert channel.window is not None
        assert (channel.window.start, channel.window.end) == tuple(np.percentile(plane, (1, 99.9)))


def test_the_next_block_begins_while_the_last_writes_of_one_are_under_way(
    s3: Service, proxy: FaultProxy, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {**OPTIONS, "levels": 1, "workers": 1, "memory": "1.2MiB"}
    storage = {**s3.through(proxy.endpoint).storage_options, "retries": 0}
    planned = pyramid.plan(IMAGE, s3.url(prefix), storage_options=storage, **options)
    assert planned.passes[0].block == (1, 128, 280)
    gate = Gate(monkeypatch, "PUT", f"images/{prefix}/0/c/0/[01]/2", 2)
    pyramid.convert(IMAGE, s3.url(prefix), storage_options=storage, **options)
    assert gate.asked
