"""Requests under a condition, by which one of several runs gets an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pyramid.stores.objects import Version, no_conditions

if TYPE_CHECKING:
    from pyramid.stores.client import Client
    from pyramid.stores.location import Location

T = TypeVar("T")


class ConditionalObjects:
    """The part of a store that makes requests under a condition, through obstore."""

    location: Location
    _client: Client
    # The part of a version that conditions are about.
    _version_name = "e_tag"

    def version(self, key: str) -> Version | None:
        """Return the version of an object: one HEAD."""
        return self._ask("HEAD", key, 0, lambda seconds: self._client.version(key, seconds))

    def put_if(self, key: str, body: bytes, version: Version | None) -> Version | None:
        """Store an object under a condition: one PUT."""
        if version is not None and version.get(self._version_name) is None:
            raise no_conditions(self.location, key)
        return self._ask("PUT", key, len(body), lambda seconds: self._client.put_if(key, body, seconds, version))

    def _ask(self, method: str, key: str, body_bytes: int, request: Callable[[float], T], more: str = "") -> T:
        """Make a request with a time limit, and repeat it if that may help."""
        raise NotImplementedError
