"""Objects in the memory of this process, for tests and for experiments in Python."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyramid.errors import StorageError
from pyramid.stores.checksums import md5
from pyramid.stores.objects import ByteSink, Fingerprint, Objects, Version, check_key, no_object
from pyramid.stores.schemes import Access, Option

if TYPE_CHECKING:
    from pyramid.stores.location import Location


OPTIONS: Mapping[str, Option] = {}


@functools.cache
def _bucket(name: str) -> tuple[dict[str, bytes], threading.Lock]:
    """Return the objects of a bucket, and the lock with which they are changed."""
    del name
    return {}, threading.Lock()


class MemoryObjects(Objects):
    """Objects of one bucket at and below a path.

    Parameters
    ----------
    location
        The bucket's name and the path.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self._held, self._changing = _bucket(location.bucket)

    def get(self, key: str) -> bytes | None:
        """Return the whole object, or None if it is missing."""
        return self._held.get(self._full(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        body = self.get(key)
        if body is None:
            raise no_object(self.location, key)
        return body[start:stop]

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Fetch the whole object in one piece."""
        del expected_bytes
        body = self.get(key)
        if body is None:
            return None
        into.write(body)
        return len(body)

    def size(self, key: str) -> int | None:
        """Return the size in bytes, or None if it is missing."""
        body = self.get(key)
        return None if body is None else len(body)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size of an object and the MD5 sum of its bytes."""
        body = self.get(key)
        return None if body is None else (len(body), md5([body]))

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store a copy of `body`."""
        with self._changing:
            self._held[self._full(key)] = bytes(body)

    def version(self, key: str) -> Version | None:
        """Return the MD5 sum of an object as its version."""
        found = self.fingerprint(key)
        return None if found is None else {"e_tag": found[1], "version": None}

    def put_if(self, key: str, body: bytes, version: Version | None) -> Version | None:
        """Store a copy of `body` if the object has this version."""
        with self._changing:
            if self.version(key) != version:
                return None
            self._held[self._full(key)] = body
            return self.version(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return the keys that begin with `prefix`."""
        root = self._full("") + "/"
        with self._changing:
            held = sorted(self._held)
        return (key.removeprefix(root) for key in held if key.startswith(root + prefix))

    def delete(self, key: str) -> None:
        """Remove an object; do nothing if it is missing."""
        with self._changing:
            self._held.pop(self._full(key), None)

    def _full(self, key: str) -> str:
        return f"{self.location.path}/{check_key(key)}" if key else self.location.path

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise StorageError(
            f"{self.location}: memory:// exists in one process only; it cannot be pickled", permanent=True
        )


def open_store(access: Access) -> MemoryObjects:
    """Return the objects at and below a location, without a request."""
    return MemoryObjects(access.location)
