"""Azurite answers as Azure Blob Storage does, also through the fault proxy."""

from __future__ import annotations

import base64
from collections.abc import Callable

import obstore
import pytest
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from tests.support.contracts.storage import DATA, StorageContract
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service


class TestAzurite(StorageContract):
    @pytest.fixture
    def service(self, azure: Service) -> Service:
        return azure


def test_a_wrong_key_is_refused(azure: Service, prefix: str) -> None:
    never_connected = azure.with_options(account_key=base64.b64encode(b"not the key").decode())
    with pytest.raises((PermissionDeniedError, UnauthenticatedError)):
        obstore.put(never_connected.store(prefix), "0", DATA, use_multipart=False)
    assert azure.objects(prefix) == {}


def test_signatures_hold_through_the_proxy(
    azure: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(azure.endpoint)
    store = azure.through(proxy.endpoint).store(prefix)
    proxy.inject(Fault(Kind.UNAVAILABLE, "PUT", "*/0"), Fault(Kind.RESET_AFTER, "PUT", "*/1"))
    for key in ("0", "1"):
        with pytest.raises(BaseError):
            obstore.put(store, key, DATA, use_multipart=False)
    assert azure.objects(prefix) == {"1": DATA}
    obstore.put(store, "0", DATA, use_multipart=False)
    assert azure.through(proxy.endpoint).objects(prefix) == {"0": DATA, "1": DATA}
    assert proxy.count("PUT", "devstoreaccount1/images/*") == 3
    assert [request.is_listing for request in proxy.requests] == [False] * 3 + [True, False, False]
