"""What every object storage that tests write to must keep: its test inherits this and says which it is."""

from __future__ import annotations

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from tests.support.servers.service import Service

DATA = bytes(range(256)) * 4096  # more than a proxy passes on in one piece


class StorageContract:
    """Tests of a server; `service` is a fixture of the class that inherits."""

    def test_it_keeps_what_it_is_given(self, service: Service, prefix: str) -> None:
        store = service.store(prefix)
        obstore.put(store, "a/0.0", DATA, use_multipart=False)
        obstore.put(store, "a b/ü", b"", use_multipart=False)
        assert bytes(obstore.get_range(store, "a/0.0", start=100, end=300)) == DATA[100:300]
        assert service.objects(prefix) == {"a/0.0": DATA, "a b/ü": b""}

    def test_it_forgets_what_is_deleted(self, service: Service, prefix: str) -> None:
        store = service.store(prefix)
        obstore.put(store, "0", DATA, use_multipart=False)
        obstore.delete(store, "0")
        with pytest.raises(FileNotFoundError):
            obstore.get(store, "0")

    def test_it_makes_only_what_is_not_there_where_asked(self, service: Service, prefix: str) -> None:
        store = service.store(prefix)
        obstore.put(store, "once", b"first", mode="create", use_multipart=False)
        with pytest.raises(AlreadyExistsError):
            obstore.put(store, "once", b"second", mode="create", use_multipart=False)
        assert service.objects(prefix) == {"once": b"first"}
