"""Ceph's radosgw answers as S3 does in production: it refuses wrong secrets and corrupted bodies."""

from __future__ import annotations

from collections.abc import Callable

import obstore
import pytest
from obstore.exceptions import BaseError, PermissionDeniedError

from tests.support.contracts.storage import DATA, StorageContract
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service


class TestRadosgw(StorageContract):
    @pytest.fixture
    def service(self, ceph: Service) -> Service:
        return ceph


def test_a_wrong_secret_is_refused(ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]) -> None:
    proxy = fault_proxy(ceph.endpoint)
    never_connected = ceph.through(proxy.endpoint).with_options(secret="not-the-secret")
    with pytest.raises(PermissionDeniedError, match="SignatureDoesNotMatch"):
        obstore.put(never_connected.store(prefix), "0", DATA, use_multipart=False)
    assert [request.status for request in proxy.requests] == [403]
    assert ceph.objects(prefix) == {}


def test_a_corrupted_body_is_refused(ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]) -> None:
    proxy = fault_proxy(ceph.endpoint)
    store = ceph.through(proxy.endpoint).store(prefix)
    proxy.inject(Fault(Kind.CORRUPT_UP, "PUT"))
    with pytest.raises(BaseError, match="XAmzContentSHA256Mismatch"):
        obstore.put(store, "0", DATA, use_multipart=False)
    assert [request.status for request in proxy.requests] == [400]
    assert ceph.objects(prefix) == {}
    obstore.put(store, "0", DATA, use_multipart=False)
    assert ceph.objects(prefix) == {"0": DATA}


def test_an_upload_that_is_cut_leaves_nothing(
    ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    proxy = fault_proxy(ceph.endpoint)
    proxy.inject(Fault(Kind.RESET_WITHIN_UPLOAD, "PUT"))
    with pytest.raises(BaseError):
        obstore.put(ceph.through(proxy.endpoint).store(prefix), "0", DATA, use_multipart=False)
    assert ceph.objects(prefix) == {}
