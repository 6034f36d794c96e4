"""The web: objects by HTTP and HTTPS, to read, without a listing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyramid.errors import StorageError
from pyramid.stores.remote import RemoteObjects
from pyramid.stores.scheme import Access, Scheme

if TYPE_CHECKING:
    from obstore.store import HTTPStore


class WebObjects(RemoteObjects):
    """Objects below an address of the web; nothing is written and nothing listed."""

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Always StorageError: the web is there to be read."""
        del body
        raise self._refused(key, "be written to")

    def delete(self, key: str) -> None:
        """Always StorageError."""
        raise self._refused(key, "be written to")

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Always StorageError."""
        raise self._refused(prefix, "be listed")

    def _refused(self, key: str, what: str) -> StorageError:
        return StorageError(f"{self._place(key)}: http:// and https:// are there to read and cannot {what}", True)


def _open(access: Access) -> WebObjects:
    def build(settings: Mapping[str, object]) -> HTTPStore:
        from obstore.store import HTTPStore  # noqa: PLC0415  (a local run needs no obstore)

        return HTTPStore.from_url(access.location.address, **settings)  # type: ignore[arg-type]  # as the others take them

    return WebObjects(access, build, access.location.address)


HTTP = Scheme("http", (), {}, _open, bare=True)
HTTPS = Scheme("https", (), {}, _open, bare=True)
