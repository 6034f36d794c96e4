"""Conversions to Ceph's radosgw and to Azurite, and what only they notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pyramid
from pyramid.errors import StorageError
from pyramid.stores import Objects, open_objects, take_retries
from tests.contract.objects import DATA, ObjectsContract
from tests.contract.target import OF_STACK, STACK, TargetContract, stored
from tests.servers.faults import Fault, FaultProxy, Kind
from tests.servers.service import Service


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
    @pytest.fixture
    def service(self, azure: Service) -> Service:
        return azure


def test_a_wrong_secret_fails_at_once(ceph: Service, prefix: str) -> None:
    objects = open_objects(ceph.url(prefix), ceph.with_options(secret="not-the-secret").storage_options)
    with pytest.raises(StorageError, match="at the first attempt: 403 Forbidden: SignatureDoesNotMatch") as caught:
        objects.put("a", DATA)
    assert caught.value.permanent
    assert "not-the-secret" not in str(caught.value)


def test_a_body_that_was_damaged_on_its_way_is_sent_again(
    ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(ceph.endpoint)
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT"))
    take_retries()
    open_objects(ceph.url(prefix), ceph.through(proxy.endpoint).storage_options).put("a", DATA)
    assert ceph.objects(prefix) == {"a": DATA}
    assert [request.status for request in proxy.requests] == [400, 200]
    assert take_retries() == 1


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
