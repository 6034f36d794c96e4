"""What lies on every object storage after a conversion is what a run to local disk leaves: the same keys and bytes.

Of a stack of 256 MiB and of the OME z-series, in each layout; the objects are large and many enough for what a small
image never meets: several passes, shards of the full size, hundreds of requests under way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import obstore
import pytest
import tifffile

import pyramid
from benchmarks.data import planes
from tests.support.contracts.target import TargetContract
from tests.support.corpus import tiffs
from tests.support.servers.faults import FaultProxy
from tests.support.servers.service import Service
from tests.support.stores import digests

SHAPE = (2, 32, 1024, 2048)
SIZES = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}
SERIES = {path.name: path for path in tiffs() if ".ome.tif" in path.name}
STACK = "256 MiB"
LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "sharded-0.5": {},
    "plain-0.5": {"shards": "none"},
    "plain-0.4": {"shards": "none", "ome_zarr_version": "0.4"},
}
# The stack goes to Ceph by the test that counts requests.
PLACES = [(service, name) for service in ("s3", "google", "azure", "ceph") for name in SERIES]
PLACES += [(service, STACK) for service in ("s3", "google", "azure")]
READS = 8
Local: TypeAlias = Callable[[Path, str], dict[str, str]]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """256 MiB of uint16, photon noise over smooth structure."""
    path = tmp_path_factory.mktemp("stack") / "stack.ome.tif"
    pixels = planes(SHAPE[0] * SHAPE[1], SHAPE[2:], "uint16")
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(pixels, shape=SHAPE, dtype="uint16", metadata={"axes": "CZYX", **SIZES}, photometric="minisblack")
    return path


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    """Digests of what a run to local disk leaves of a source in a layout; one run for all services."""

    @functools.cache
    def run(source: Path, layout: str) -> dict[str, str]:
        target = tmp_path_factory.mktemp("local") / "image.ome.zarr"
        pyramid.convert(source, target, **LAYOUTS[layout])
        return digests(target)

    return run


def taken(service: Service, prefix: str) -> dict[str, str]:
    """Digests of all objects under a prefix, which are deleted: all servers keep them in memory."""
    store = service.store(prefix)
    keys = [item["path"] for batch in obstore.list(store) for item in batch]
    with ThreadPoolExecutor(READS) as threads:
        bodies = threads.map(lambda key: sha256(obstore.get(store, key).bytes()).hexdigest(), keys)
        found = dict(zip(keys, bodies, strict=True))
    obstore.delete(store, keys)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("asked", "name"), PLACES)
def test_keys_and_bytes_are_those_on_local_disk(
    asked: str, name: str, layout: str, prefix: str, stack: Path, local: Local, request: pytest.FixtureRequest
) -> None:
    service: Service = request.getfixturevalue(asked)
    source = stack if name == STACK else SERIES[name]
    pyramid.convert(source, service.url(prefix), storage_options=service.storage_options, **LAYOUTS[layout])
    assert taken(service, prefix) == local(source, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_object_of_the_stack_is_put_once_and_asked_for_no_more(
    layout: str, ceph: Service, prefix: str, stack: Path, local: Local, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(ceph.endpoint)
    through = ceph.through(proxy.endpoint)
    pyramid.convert(stack, ceph.url(prefix), storage_options=through.storage_options, **LAYOUTS[layout])
    requests, written = proxy.requests, taken(ceph, prefix)
    assert written == local(stack, layout)
    TargetContract().check_requests(requests, len(written), {"shards": "auto", **LAYOUTS[layout]})
