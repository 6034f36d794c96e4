"""The rule for 403: missing, if the server also refuses a key that cannot exist.

Object storages that may not be listed refuse missing objects. A web server that refuses only one file has that file. If
credentials have expired or were withdrawn, everything is refused. So an object that was read before must still be
readable.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TypeVar

from pyramid.errors import StorageError
from pyramid.stores.objects import ByteSink, Fingerprint, Objects, no_object

T = TypeVar("T")
# The status of a refusal: that of HTTP.
FORBIDDEN = 403
# The beginning of a notice: the rule was applied.
REFUSES_MISSING = "the server refuses (403) whatever it does not have"


class Readable:
    """The objects of one run, to be read only; forbidden ones may count as missing.

    They do if the server is known to refuse missing objects.

    Parameters
    ----------
    objects
        The objects at and below a URL.

    Attributes
    ----------
    forbidden
        Number of refused requests whose objects were counted as missing.
    """

    def __init__(self, objects: Objects) -> None:
        self.inner = objects
        self.location = objects.location
        self.forbidden = 0
        self._refusal: StorageError | None = None
        self._known: str | None = None
        self._forbids_missing: bool | None = None
        self._readable_at_s = 0.0
        self._checking = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the whole object; None if it is missing or counts as missing."""
        return self._read(key, lambda: self.inner.get(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`, as `Objects.get_range` does."""
        body = self._read(key, lambda: self.inner.get_range(key, start, stop))
        if body is None:
            raise no_object(self.location, key)
        return body

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last bytes of an object, as `Objects.get_tail` does."""
        return self._read(key, lambda: self.inner.get_tail(key, size))

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Fetch the whole object in pieces, as `Objects.fetch` does."""
        return self._read(key, lambda: self.inner.fetch(key, into, expected_bytes))

    def size(self, key: str) -> int | None:
        """Return the size of an object, as `Objects.size` does."""
        return self._read(key, lambda: self.inner.size(key))

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the fingerprint of an object, as `Objects.fingerprint` does."""
        return self._read(key, lambda: self.inner.fingerprint(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """List keys, as `Objects.keys` does."""
        return self.inner.keys(prefix)

    def check_found(self) -> None:
        """Raise the first refusal, if any; to be called when nothing was found at all."""
        if self._refusal is not None:
            raise self._refusal

    @property
    def refusal(self) -> StorageError | None:
        """The error of the first refused request; None if no request was refused."""
        return self._refusal

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices for the user about refused requests."""
        if not self.forbidden:
            return ()
        return (f"{REFUSES_MISSING}, so what it refused is taken for missing ({self.forbidden} so far)",)

    def forbids_missing(self) -> bool:
        """Return whether the server refuses a key that cannot exist.

        Makes one request, the first time only.
        """
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
        """Return whether a refusal that came just now means that the object is missing."""
        came_s = time.monotonic()
        with self._checking:
            if not self._probe():
                return False
            if self._known is None or self._readable_at_s > came_s:  # the first of the waiting threads asked for all
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
            # The name has no leading dot, because many servers refuse all names that have one.
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
    """A sink that discards what it is given."""

    def write(self, piece: bytes, /) -> None:
        del piece

    def restart(self) -> None:
        pass
