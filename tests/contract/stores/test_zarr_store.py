"""The Zarr store passes zarr-python's own suite for stores, over each kind of objects that can be written.

Set aside are only tests of what a store may leave out (reading and writing without an event loop), of pickling where
objects exist in one process only, and, for a store that is opened to read, those that write through it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from zarr.core.buffer import Buffer, cpu
from zarr.core.sync import sync
from zarr.testing.store import StoreTests

from pyramid.errors import StorageError
from pyramid.stores import Objects, open_objects
from pyramid.stores.zarr_store import ObjectsStore
from tests.support.servers.service import Service

T = TypeVar("T", bound=type)
# The store has no `get_sync`, `set_sync` and `delete_sync`, which zarr's protocols leave to each store: with them zarr
# would make one request after another.
OPTIONAL = [name for name in dir(StoreTests) if name.startswith("test_") and "_sync" in name]
WRITING = (
    *("test_serializable_store", "test_getsize_prefix", "test_set", "test_set_not_open", "test_set_many"),
    *("test_exists", "test_delete", "test_delete_dir", "test_delete_nonexistent_key_does_not_raise", "test_clear"),
    *("test_list", "test_list_prefix", "test_list_empty_path", "test_list_dir", "test_set_if_not_exists"),
)


def without(*names: str) -> Callable[[T], T]:
    """Set tests of the suite aside; fail if the suite has no such test."""

    def decorate(cls: T) -> T:
        for name in names:
            assert callable(getattr(cls, name)), name
            setattr(cls, name, None)
        return cls

    return decorate


@without(*OPTIONAL)
class ZarrStoreContract(StoreTests[ObjectsStore, Buffer]):
    """Zarr's suite; `objects` is a fixture of the class that inherits."""

    store_cls = ObjectsStore
    buffer_cls = cpu.Buffer

    async def set(self, store: ObjectsStore, key: str, value: Buffer) -> None:
        store.objects.inner.put(key, value.to_bytes())

    async def get(self, store: ObjectsStore, key: str) -> Buffer:
        body = store.objects.inner.get(key)
        assert body is not None
        return self.buffer_cls.from_bytes(body)

    @pytest.fixture
    def store_kwargs(self, objects: Objects) -> dict[str, Any]:
        return {"objects": objects}

    @pytest.fixture
    def store(self, open_kwargs: dict[str, Any]) -> ObjectsStore:
        return sync(self.store_cls.open(**open_kwargs))

    @pytest.fixture
    def store_not_open(self, store_kwargs: dict[str, Any]) -> ObjectsStore:
        return self.store_cls(**store_kwargs)

    def test_store_repr(self, store: ObjectsStore) -> None:
        assert repr(store) == f"ObjectsStore({str(store.objects.location)!r})"

    def test_store_supports_writes(self, store: ObjectsStore) -> None:
        assert store.supports_writes

    def test_store_supports_listing(self, store: ObjectsStore) -> None:
        assert store.supports_listing


class TestLocal(ZarrStoreContract):
    """Files of this machine."""

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        return open_objects(str(tmp_path / "image.zarr"))


class TestS3(ZarrStoreContract):
    """A bucket, whose store pickles without its secrets: the environment has them."""

    @pytest.fixture
    def objects(self, s3: Service, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Objects:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["key"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret"])
        return open_objects(s3.url(prefix), s3.storage_options)


@without("test_serializable_store")
class TestMemory(ZarrStoreContract):
    """The memory of this process."""

    @pytest.fixture
    def objects(self, prefix: str) -> Objects:
        return open_objects(f"memory://{prefix}/image.zarr")

    def test_it_stays_in_its_process(self, store: ObjectsStore) -> None:
        with pytest.raises(StorageError, match="exists in one process only"):
            pickle.dumps(store)


@without(*WRITING)
class ReadOnlyContract(ZarrStoreContract):
    """Zarr's suite for a store that is opened to read, as sources are."""

    @pytest.fixture
    def store_kwargs(self, objects: Objects) -> dict[str, Any]:
        return {"objects": objects, "read_only": True}

    def test_store_read_only(self, store: ObjectsStore) -> None:
        assert store.read_only


class TestLocalReadOnly(ReadOnlyContract, TestLocal):
    """Files of this machine, to read."""


class TestMemoryReadOnly(ReadOnlyContract, TestMemory):
    """The memory of this process, to read."""


class TestS3ReadOnly(ReadOnlyContract, TestS3):
    """A bucket, to read."""
