"""One object below a URL as objects of its own, through the same connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pyramid.stores.objects import ByteSink, Fingerprint, Objects, check_key

if TYPE_CHECKING:
    from pyramid.stores.location import Location


class ObjectBelow(Objects):
    """The object at a key, as if its URL had been opened.

    Parameters
    ----------
    within
        The objects that hold it.
    key
        Its key among them.

    Examples
    --------
    >>> from pyramid.stores import open_objects
    >>> objects = open_objects("memory://examples/folder")
    >>> objects.put("a.tif", b"some bytes")
    >>> ObjectBelow(objects, "a.tif").get_range("", 5, 10)
    b'bytes'
    """

    def __init__(self, within: Objects, key: str) -> None:
        self._within, self._key = within, check_key(key)
        self.checks_whole = within.checks_whole
        at = within.location
        self.location: Location = replace(at, path=f"{at.path}/{key}")

    @property
    def knows_ranges(self) -> bool:  # type: ignore[override]  # that of `within`
        """True if the server gives parts of objects."""
        return self._within.knows_ranges

    def get(self, key: str) -> bytes | None:
        """Return the whole object, or None if it is missing."""
        return self._within.get(self._at(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        return self._within.get_range(self._at(key), start, stop)

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Write the whole object to `into` in pieces."""
        return self._within.fetch(self._at(key), into, expected_bytes)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and tag of the object."""
        return self._within.fingerprint(self._at(key))

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object, replacing an existing one."""
        self._within.put(self._at(key), body)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._within.delete(self._at(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Return the keys below the object."""
        return self._within.keys(f"{self._key}/{prefix}")

    def _at(self, key: str) -> str:
        return f"{self._key}/{key}" if key else self._key
