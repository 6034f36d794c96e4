"""What every store gives: objects by key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pyramid.errors import OptionError

if TYPE_CHECKING:
    from pyramid.stores.location import Location

# The status of what is not there, whatever the store.
ABSENT = 404

# Bytes, and a tag that is another when the object is, None where the store has no such thing.
Fingerprint: TypeAlias = tuple[int, str | None]


class ByteSink(Protocol):
    """What an object is fetched into, a piece at a time."""

    def write(self, piece: bytes, /) -> object:
        """Take the next piece; what it raises ends the request."""
        ...

    def restart(self) -> None:
        """Forget all pieces: the request is made again."""
        ...


class RangeReader(Protocol):
    """What gives parts of objects, as `Objects` does."""

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Bytes from `start` up to `stop`."""
        ...

    def get_tail(self, key: str, size: int) -> bytes | None:
        """The last `size` bytes."""
        ...


class Objects(Protocol):
    """What lies at and below a path or URL; safe to use from many threads.

    A key is relative to the URL, its parts joined by ``/``; the empty key is the URL itself, as of a file. Requests
    that fail are made again where that may help. What fails for good is StorageError, which names the key, what the
    server said and the number of attempts, and no secret. It pickles as its URL and the options that are no secret.
    """

    @property
    def location(self) -> Location:
        """Where it is."""
        ...

    def get(self, key: str) -> bytes | None:
        """The whole object, None where there is none: one request."""
        ...

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Bytes from `start` up to `stop`, fewer where the object ends before: one request.

        A server that knows no ranges is asked for the whole, of which the part is cut. Raises StorageError where
        there is no such object.
        """
        ...

    def get_tail(self, key: str, size: int) -> bytes | None:
        """The last `size` bytes, all where there are fewer; None where there is none.

        One request, two where a service knows no such ranges, as Azure.
        """
        ...

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Hand over the whole object in pieces; how many bytes, None where there is none: one request.

        A long object must not time out on its way, and `expected_bytes` says about how long it is.
        """
        ...

    def size(self, key: str) -> int | None:
        """How many bytes it has, None where there is none: one request."""
        ...

    def fingerprint(self, key: str) -> Fingerprint | None:
        """What tells the object as it is from another at its place, None where there is none: one request."""
        ...

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object in place of what is there, whole or not at all: one request, whatever its size."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`, which is empty or ends with ``/``.

        Raises StorageError where nothing can be listed, as on the web.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, as many with one request as the store takes; nothing happens for those that are missing."""
        ...


def check_key(key: str) -> str:
    """The key, which is to lead to no other place than below its URL.

    Examples
    --------
    >>> check_key("0/c/1")
    '0/c/1'
    """
    parts = key.split("/")
    if key and (any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key):
        raise OptionError(f"{key!r} is no key of an object: its parts are names between single slashes")
    return key


def hand_over(body: bytes | None, into: ByteSink) -> int | None:
    """Give an object to `into` in one piece, for a store that has no smaller ones; how many bytes, None for none."""
    if body is None:
        return None
    into.write(body)
    return len(body)
