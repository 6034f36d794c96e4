"""The interface of every store: objects by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pyramid.errors import OptionError, StorageError

if TYPE_CHECKING:
    from pyramid.stores.location import Location

# The status of a missing object, in all stores: that of HTTP.
ABSENT = 404

# The status of a request with a condition in a store that has none: that of "Not Implemented".
NO_CONDITIONS = 501

# The version of an object, as its store gives it: ``e_tag`` and ``version``, of which one may be None.
Version: TypeAlias = Mapping[str, str | None]
# Size in bytes, and a tag that changes whenever the object changes. The tag is None in stores without tags.
Fingerprint: TypeAlias = tuple[int, str | None]


class ByteSink(Protocol):
    """A target that an object is fetched into, one piece at a time."""

    def write(self, piece: bytes, /) -> object:
        """Take the next piece; an exception ends the request."""
        ...

    def restart(self) -> None:
        """Forget all pieces, because the request is repeated."""
        ...


class RangeReader(Protocol):
    """A reader of parts of objects, such as `Objects`."""

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        ...

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last `size` bytes."""
        ...


class Objects(Protocol):
    """The objects at and below a path or URL; safe to use from many threads.

    A key is relative to the URL, with its parts joined by ``/``. The empty key is the URL itself, such as that of a
    file. Failed requests are repeated if that may help. A final failure is a StorageError. It names the key, the answer
    of the server and the number of attempts, but nothing secret. Objects pickle as a URL and the options that are not
    secret.

    A store inherits what it cannot do better than by its other methods.

    Attributes
    ----------
    location
        The location of the objects.
    knows_ranges
        Whether the server gives parts of objects; True until an answer shows otherwise.
    checks_whole
        Whether damage in transit is found only when an object is read whole.
    """

    location: Location
    knows_ranges: bool = True
    checks_whole: bool = False

    def get(self, key: str) -> bytes | None:
        """Return the whole object, or None if it is missing: one request."""
        ...

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`: one request.

        There are fewer bytes if the object ends before `stop`. If a server does not support ranges, the part is cut
        from the whole object. Raises StorageError if the object is missing.
        """
        ...

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last `size` bytes, or all if there are fewer.

        Returns None if the object is missing. Makes one request, or two if the service does not support such ranges,
        as with Azure.
        """
        whole = self.size(key)
        return None if whole is None else self.get_range(key, max(whole - size, 0), whole)

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Write the whole object to `into` in pieces: one request.

        Returns the number of bytes, or None if the object is missing. `expected_bytes` is the approximate size, from
        which the time limit follows, so that a long object does not time out.
        """
        ...

    def size(self, key: str) -> int | None:
        """Return the size in bytes, or None if it is missing: one request."""
        fingerprint = self.fingerprint(key)
        return None if fingerprint is None else fingerprint[0]

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and tag of the object, which change when it does: one request.

        Returns None if the object is missing.
        """
        ...

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object, replacing an existing one: one request, whatever its size.

        It is stored whole or not at all.
        """
        ...

    def put_stream(self, key: str, pieces: Callable[[], Iterable[bytes]], size_bytes: int) -> None:
        """Store an object of any size, whose pieces come one after another.

        It is stored whole or not at all. `pieces` is called again for another attempt, and `size_bytes` is about the
        size. A store that cannot write in parts holds the whole in memory.
        """
        del size_bytes
        self.put(key, b"".join(pieces()))

    def version(self, key: str) -> Version | None:
        """Return the version of an object, for `put_if`: one request.

        Returns None if it is missing. Raises StorageError with the status `NO_CONDITIONS` if the store has no
        conditions.
        """
        raise no_conditions(self.location, key)

    def put_if(self, key: str, body: bytes, version: Version | None) -> Version | None:
        """Store an object if its version is this, or with None if it is missing.

        Makes one request. Returns the new version, or None if the condition does not hold, also where an earlier
        attempt of this request has changed it. Raises StorageError with the status `NO_CONDITIONS` if the store has no
        conditions. A service may ignore them, and store the object always.
        """
        raise no_conditions(self.location, key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return the keys that begin with `prefix`, which is empty or ends with ``/``.

        A store defines this method or `entries`. Raises StorageError if nothing can be listed, as on the web.
        """
        return (key for key, _, _ in self.entries(prefix))

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
        """Return key, size and tag of the objects whose keys begin with `prefix`.

        The size is -1 and the tag None in stores whose listing does not have them. Raises StorageError as `keys`.
        """
        return ((key, -1, None) for key in self.keys(prefix))

    def delete(self, key: str) -> None:
        """Remove an object; do nothing if it is missing."""
        ...

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, with as few requests as the store allows.

        Missing objects are ignored.
        """
        for key in keys:
            self.delete(key)


def check_key(key: str) -> str:
    """Return a key after a check that it remains below its URL.

    Raises OptionError if it does not.

    Examples
    --------
    >>> check_key("0/c/1")
    '0/c/1'
    """
    parts = key.split("/")
    if key and (any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key):
        raise OptionError(
            f"{key!r} is not a key of an object: its parts are names between single slashes; write it as 0/c/1"
        )
    return key


def place_of(location: Location, key: str) -> str:
    """Return the path or URL of an object, without secrets."""
    return f"{location}/{key}" if key else str(location)


def no_object(location: Location, key: str) -> StorageError:
    """Return the error of a request for a part of an object that is missing."""
    return StorageError(f"{place_of(location, key)} does not exist", True, ABSENT)


def no_conditions(location: Location, key: str) -> StorageError:
    """Return the error of a request with a condition in a store that has none."""
    return StorageError(f"{place_of(location, key)}: its store has no conditional requests", True, NO_CONDITIONS)
