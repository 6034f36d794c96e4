"""Conversions to Ceph's radosgw and to Azurite, and what only they notice."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import obstore
import pytest

import pyramid
from pyramid.errors import StorageError, TargetError
from pyramid.stores import Objects, counting_retries, open_objects
from tests.support.contracts.objects import DATA, ObjectsContract
from tests.support.contracts.target import OF_STACK, STACK, TargetContract, stored
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service


class TestCephObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, ceph: Service, prefix: str) -> Objects:
        return open_objects(ceph.url(prefix), ceph.storage_options)


class TestAzureObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, azure: Service, prefix: str) -> Objects:
        return open_objects(azure.url(prefix), azure.storage_options)


class TestCephTarget(TargetContract):
    @pytest.fixture
    def service(self, ceph: Service) -> Service:
        return ceph


class TestAzureTarget(TargetContract):
    reads_back = True  # over plain HTTP: none of its answers that are seen has the sum of a body

    @pytest.fixture
    def service(self, azure: Service) -> Service:
        return azure


def test_a_wrong_secret_fails_at_once(ceph: Service, prefix: str) -> None:
    objects = open_objects(ceph.url(prefix), ceph.with_options(secret="not-the-secret").storage_options)
    with pytest.raises(
        StorageError,
        match=r"at the first attempt: the secret key is not that of the access key; .*SignatureDoesNotMatch",
    ) as caught:
        objects.put("a", DATA)
    assert caught.value.permanent
    assert "not-the-secret" not in str(caught.value)


def test_a_body_that_was_damaged_on_its_way_is_sent_again(
    ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(ceph.endpoint)
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT"))
    with counting_retries() as again:
        open_objects(ceph.url(prefix), ceph.through(proxy.endpoint).storage_options).put("a", DATA)
    assert ceph.objects(prefix) == {"a": DATA}
    assert [request.status for request in proxy.requests] == [400, 200]
    assert again.count == 1


@pytest.mark.parametrize("place", ["0/c/0/0/0/0", "0/c/1/1/2/2", "0/zarr.json", "zarr.json"])
@pytest.mark.parametrize("kind", [Kind.CORRUPT_UP, Kind.CORRUPT_DOWN])
def test_damage_on_the_way_to_azure_and_back_is_noticed(
    kind: Kind, place: str, azure: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(azure.endpoint)
    options: dict[str, Any] = {**OF_STACK, "shards": "none"}
    pyramid.convert(STACK, azure.url(f"{prefix}-clean"), storage_options=azure.storage_options, **options)
    proxy.inject(Fault(kind, "PUT" if kind is Kind.CORRUPT_UP else "GET", f"*/{prefix}/{place}", times=2))
    through = azure.through(proxy.endpoint)
    image = pyramid.convert(STACK, azure.url(prefix), storage_options=through.storage_options, **options)
    assert stored(azure, prefix) == stored(azure, f"{prefix}-clean")
    assert image.levels[0].shape == STACK.shape
    assert len(proxy.befallen) == 2


def test_damage_for_ever_on_the_way_to_azure_leaves_nothing_that_looks_whole(
    azure: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(azure.endpoint)
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT", f"*/{prefix}/zarr.json", at=2, times=math.inf))
    storage = {**azure.through(proxy.endpoint).storage_options, "retries": 1}
    with pytest.raises(TargetError, match="damaged on its way"):
        pyramid.convert(STACK, azure.url(prefix), storage_options=storage, **OF_STACK)
    assert b"multiscales" not in b"".join(azure.objects(prefix).values())


def test_blobs_of_others_are_read(azure: Service, prefix: str) -> None:
    obstore.put(azure.store(prefix), "a", DATA)
    assert open_objects(azure.url(prefix), azure.storage_options).get("a") == DATA


@pytest.mark.parametrize("kind", [Kind.OUTAGE, Kind.OUTAGE_RESET])
def test_an_outage_of_20_s_is_ridden_out(
    kind: Kind, ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(ceph.endpoint)
    options: dict[str, Any] = {**OF_STACK, "shards": "none"}
    pyramid.convert(STACK, ceph.url(f"{prefix}-clean"), storage_options=ceph.storage_options, **options)
    proxy.inject(Fault(kind, "PUT", "*/0/c/*", at=20, lasts_s=20))
    through = ceph.through(proxy.endpoint)
    pyramid.convert(STACK, ceph.url(prefix), storage_options=through.storage_options, **options)
    assert stored(ceph, prefix) == stored(ceph, f"{prefix}-clean")
