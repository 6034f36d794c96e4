"""Ceph's radosgw answers as S3 does in production: it refuses wrong secrets and corrupted bodies."""

from __future__ import annotations

from collections.abc import Callable

import obstore
import pytest
from obstore.exceptions import BaseError, PermissionDeniedError

from tests.servers.faults import Fault, FaultProxy, Kind
from tests.servers.service import Service

DATA = bytes(range(256)) * 4096


def test_it_keeps_what_it_is_given(ceph: Service, prefix: str) -> None:
    store = ceph.store(prefix)
    obstore.put(store, "a/0.0", DATA, use_multipart=False)
    obstore.put(store, "a b/ü", b"", use_multipart=False)
    assert bytes(obstore.get_range(store, "a/0.0", start=100, end=300)) == DATA[100:300]
    assert ceph.objects(prefix) == {"a/0.0": DATA, "a b/ü": b""}
    obstore.delete(store, "a/0.0")
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "a/0.0")


def test_a_wrong_secret_is_refused(ceph: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy]) -> None:
    proxy = fault_proxy(ceph.endpoint)
    stranger = ceph.through(proxy.endpoint).with_options(secret="not-the-secret")
    with pytest.raises(PermissionDeniedError, match="SignatureDoesNotMatch"):
        obstore.put(stranger.store(prefix), "0", DATA, use_multipart=False)
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
