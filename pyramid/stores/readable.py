"""The one rule for 403: it stands for what is not there where the server answers so for a key that cannot exist.

Object storages refuse what is missing where they may not be listed. A web server that refuses one file has it. And a
right that was withdrawn, or has expired, makes everything refused: so an object that was read before must still be
readable.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from pyramid.errors import StorageError
from pyramid.stores.objects import ABSENT, ByteSink, Fingerprint, Objects

if TYPE_CHECKING:
    from pyramid.stores.location import Location

T = TypeVar("T")
FORBIDDEN = 403


class Readable:
    """Objects of which those that are forbidden count as missing, as far as that is known; for one run.

    Parameters
    ----------
    objects
        The objects at and below a URL.

    Attributes
    ----------
    forbidden
        How many requests were refused and their objects taken for missing.
    """

    def __init__(self, objects: Objects) -> None:
        self.inner = objects
        self.forbidden = 0
        self._refusal: StorageError | None = None
        self._known: str | None = None
        self._forbids_missing: bool | None = None
        self._readable_at_s = 0.0
        self._checking = threading.Lock()

    @property
    def location(self) -> Location:
        """Where they are."""
        return self.inner.location

    def get(self, key: str) -> bytes | None:
        """As `Objects.get`; None also for what is forbidden and missing, here and below."""
        return self._read(key, lambda: self.inner.get(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """As `Objects.get_range`."""
        body = self._read(key, lambda: self.inner.get_range(key, start, stop))
        if body is None:
            raise StorageError(f"{self.location}/{key}: there is no such object", True, ABSENT)
        return body

    def get_tail(self, key: str, size: int) -> bytes | None:
        """As `Objects.get_tail`."""
        return self._read(key, lambda: self.inner.get_tail(key, size))

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """As `Objects.fetch`."""
        return self._read(key, lambda: self.inner.fetch(key, into, expected_bytes))

    def size(self, key: str) -> int | None:
        """As `Objects.size`."""
        return self._read(key, lambda: self.inner.size(key))

    def fingerprint(self, key: str) -> Fingerprint | None:
        """As `Objects.stamp`."""
        return self._read(key, lambda: self.inner.fingerprint(key))

    def put(self, key: str, body: bytes | memoryview) -> None:
        """As `Objects.put`."""
        self.inner.put(key, body)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As `Objects.keys`."""
        return self.inner.keys(prefix)

    def delete(self, key: str) -> None:
        """As `Objects.delete`."""
        self.inner.delete(key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """As `Objects.delete_all`."""
        self.inner.delete_all(keys)

    def check_found(self) -> None:
        """Raise the first refusal, if there was one: for where nothing was found at all."""
        if self._refusal is not None:
            raise self._refusal

    @property
    def refusal(self) -> StorageError | None:
        """The first request that was refused; None where none was."""
        return self._refusal

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know of what was refused."""
        if not self.forbidden:
            return ()
        return (
            f"the server refuses (403) whatever it does not have, so what it refused is taken for missing "
            f"({self.forbidden} so far)",
        )

    def forbids_missing(self) -> bool:
        """Whether the server refuses a key that cannot exist: one request, once."""
        with self._checking:
            return self._probe()

    def _read(self, key: str, ask: Callable[[], T | None]) -> T | None:
        try:
            found = ask()
        except StorageError as error:
            if error.status != FORBIDDEN or not self._is_missing():
                raise
            self._refusal = self._refusal or error
            self.forbidden += 1
            return None
        if found is not None and self._known is None:
            self._known = key
        return found

    def _is_missing(self) -> bool:
        """Whether a refusal that came just now means that there is no such object."""
        came_s = time.monotonic()
        with self._checking:
            if not self._probe():
                return False
            if self._known is None or self._readable_at_s > came_s:  # of threads that wait, the first asks for all
                return True
            began_s = time.monotonic()
            try:
                is_readable = self.inner.fingerprint(self._known) is not None
            except StorageError:
                return False
            self._readable_at_s = began_s if is_readable else self._readable_at_s
            return is_readable

    def _probe(self) -> bool:
        if self._forbids_missing is None:
            # A name without a leading dot, for many servers refuse all that have one.
            try:
                self.inner.fetch(f"no-such-key-{uuid.uuid4().hex}", _Nowhere())
            except StorageError as error:
                if error.status != FORBIDDEN:
                    return False
                self._forbids_missing = True
            else:
                self._forbids_missing = False
        return self._forbids_missing

    def __reduce__(self) -> tuple[type[Readable], tuple[Objects]]:
        return type(self), (self.inner,)


class _Nowhere:
    """What an object is fetched into that nobody wants."""

    def write(self, piece: bytes, /) -> None:
        del piece

    def restart(self) -> None:
        pass
