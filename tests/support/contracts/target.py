"""What a conversion to every object storage must keep: its test inherits this and says which storage it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.writing.journal import FOLDER
from tests.support.paths import DATA
from tests.support.servers.faults import FaultProxy
from tests.support.servers.log import Request
from tests.support.servers.service import Service
from tests.support.stores import digests

TIFF = DATA / "tiff/ome-sample/multi-channel-z-series.ome.tif"
STACK = np.random.default_rng(4).integers(0, 4000, (2, 3, 140, 130), "uint16")
OF_STACK: dict[str, Any] = {"axes": "czyx", "chunks": {"z": 2, "y": 64, "x": 64}, "min_size": 64, "name": "stack"}
FORMS: Mapping[str, Mapping[str, Any]] = {
    "sharded-0.5": {"shards": {"z": 4, "y": 128, "x": 128}},
    "plain-0.5": {"shards": "none"},
    "plain-0.4": {"shards": "none", "ome_zarr_version": "0.4"},
}
METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup")


def is_metadata(request: Request) -> bool:
    """Whether it is a request for what is no chunk."""
    return request.key.rpartition("/")[2] in METADATA


def stored(service: Service, prefix: str) -> dict[str, str]:
    """Digests of all objects under a prefix."""
    return {key: sha256(body).hexdigest() for key, body in service.objects(prefix).items()}


def is_of_journal(request: Request) -> bool:
    """Whether a request writes, lists or removes segments of a journal."""
    return FOLDER in request.key + request.query or (request.method == "POST" and "delete" in request.query)


class TargetContract:
    """Tests of a storage as a target; `service` is a fixture of the class that inherits.

    Where it `reads_back`, each object is fetched once when it was put.
    """

    reads_back = False

    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
    @pytest.mark.parametrize("what", ["tiff", "stack"])
    def test_keys_and_bytes_are_those_of_a_local_run(
        self,
        service: Service,
        prefix: str,
        what: str,
        form: Mapping[str, Any],
        tmp_path: Path,
        fault_proxy: Callable[[str], FaultProxy],
    ) -> None:
        source: Any = TIFF if what == "tiff" else STACK
        options: dict[str, Any] = {**({} if what == "tiff" else OF_STACK), **form}
        if what == "tiff":
            options |= {"shards": "none" if form["shards"] == "none" else "auto"}
        proxy = fault_proxy(service.endpoint)
        through = service.through(proxy.endpoint)
        pyramid.convert(source, tmp_path / "local.ome.zarr", **options)
        pyramid.convert(source, service.url(prefix), storage_options=through.storage_options, **options)
        written = stored(service, prefix)
        assert written == digests(tmp_path / "local.ome.zarr")
        self.check_requests(proxy.requests, len(written), form)

    def test_n5_is_that_of_a_local_run_and_is_read(self, service: Service, prefix: str, tmp_path: Path) -> None:
        options: dict[str, Any] = {**OF_STACK, "codec": "gzip"}
        pyramid.convert(STACK, tmp_path / "local.n5", **options)
        url, storage = service.url(f"{prefix}/stack.n5"), service.storage_options
        pyramid.convert(STACK, url, storage_options=storage, **options)
        assert stored(service, f"{prefix}/stack.n5") == digests(tmp_path / "local.n5")
        image = pyramid.open(url, storage)
        assert image.version == "n5"
        assert np.array_equal(image.levels[0].data.compute(), STACK)
        assert pyramid.verify(url, storage_options=storage).ok
        pyramid.download(url, tmp_path / "copy.n5", storage_options=storage)
        assert digests(tmp_path / "copy.n5") == digests(tmp_path / "local.n5")

    def check_requests(self, requests: tuple[Request, ...], objects: int, form: Mapping[str, Any]) -> None:
        """One PUT an object, and one more for what says first that a run goes on; little else.

        The journal of a run that takes seconds is left out: its segments are written, and removed at the end.
        """
        if any(FOLDER in request.key for request in requests):
            requests = tuple(request for request in requests if not is_of_journal(request))
        puts = [request for request in requests if request.method == "PUT"]
        group = max(puts, key=lambda request: request.number).key
        beats = [request for request in puts if request.key == group][1:-1]  # of a run that takes seconds
        puts = [request for request in puts if request not in beats]
        assert len(puts) == objects + 1
        assert len({request.key for request in puts}) == objects
        assert not any("partNumber" in r.query or "comp=block" in r.query or "upload" in r.query for r in puts)
        assert {request.method for request in requests} <= {"PUT", "GET", "HEAD"}
        # Whether the target is free, and whether an empty listing is none that failed.
        assert sum(request.is_listing for request in requests) in (1, 2)
        last = max(puts, key=lambda request: request.number)
        during = [r for r in requests if r.number < last.number and r.method != "PUT" and not r.is_listing]
        if self.reads_back:
            for put in puts[: puts.index(last)]:
                during.remove(next(r for r in during if r.key == put.key and r.number > put.number))
        # Only pixels of one level are read back, for how they are shown; and whose the target is.
        assert {request.key for request in during if is_metadata(request)} <= {group}
        during = [request for request in during if not is_metadata(request)]
        if form["shards"] == "none":
            assert all(request.method == "GET" and not request.byte_range for request in during)
            assert len({request.key for request in during}) == len(during)

    def test_a_wave_of_chunks_is_in_flight_together(
        self,
        service: Service,
        prefix: str,
        fault_proxy: Callable[[str], FaultProxy],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        flights = Flights(monkeypatch)
        proxy = fault_proxy(service.endpoint)
        proxy.latency_s = 0.05
        through = service.through(proxy.endpoint)
        options: dict[str, Any] = {**OF_STACK, "shards": "none", "levels": 1, "workers": 1}
        pyramid.convert(STACK, service.url(prefix), storage_options=through.storage_options, **options)
        assert flights.most >= 16


class Flights:
    """How many requests a proxy has before it at once, at most."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import threading

        from tests.support.servers.faults import FaultHandler

        self.most = self._there = 0
        changing, handle = threading.Lock(), FaultHandler.handle_request

        def counting(handler: FaultHandler, request: Request) -> None:
            with changing:
                self._there += 1
                self.most = max(self.most, self._there)
            try:
                handle(handler, request)
            finally:
                with changing:
                    self._there -= 1

        monkeypatch.setattr(FaultHandler, "handle_request", counting)
