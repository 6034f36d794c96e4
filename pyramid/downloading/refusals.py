"""What a server forbids may be what is not there: object storages say so of it where listing is not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import StorageError

if TYPE_CHECKING:
    from pyramid.stores import Location, Objects
    from pyramid.stores.objects import Into

FORBIDDEN = 403


class Readable:
    """Objects of which those that are forbidden are taken for missing, as long as one that is there may be read.

    Parameters
    ----------
    objects
        What lies below a URL.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: str | None = None
        self._refusal: StorageError | None = None
        self.forbidden = 0

    @property
    def location(self) -> Location:
        """Where it is."""
        return self._objects.location

    def fetch(self, key: str, into: Into, expected_bytes: int = 0) -> int | None:
        """As `Objects.fetch`; None for what is forbidden too."""
        try:
            size = self._objects.fetch(key, into, expected_bytes)
        except StorageError as error:
            # A right that was withdrawn, or has expired, must not make a copy with holes.
            if error.status != FORBIDDEN or not self._may_read():
                raise
            self._refusal = self._refusal or error
            self.forbidden += 1
            return None
        if size is not None and self._known is None:
            self._known = key
        return size

    def check_found(self) -> None:
        """Raise the first refusal, if there was one: nothing was found, and nothing may be read."""
        if self._refusal is not None:
            raise self._refusal

    def _may_read(self) -> bool:
        if self._known is None:
            return True
        try:
            return self._objects.size(self._known) is not None
        except StorageError:
            return False
