"""The web: objects by HTTP and HTTPS, to read, without a listing."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyramid.errors import StorageError
from pyramid.stores.objects import Stamp
from pyramid.stores.remote import NOT_SUPPORTED, RemoteObjects, stamp_of
from pyramid.stores.scheme import Access, Scheme

if TYPE_CHECKING:
    import obstore
    from obstore.store import HTTPStore

_PIECE_BYTES = 1 << 16
_NO_HEAD = (403, 405, NOT_SUPPORTED)


class WebObjects(RemoteObjects):
    """Objects below an address of the web; nothing is written and nothing listed.

    Attributes
    ----------
    knows_ranges
        Whether the server gives parts of objects, as far as it was asked for one.
    """

    knows_ranges = True

    def _tag(self, found: obstore.GetResult) -> str | None:
        return None  # servers make sums of other things than the body too

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """A part of it, cut from the whole where the server knows no ranges."""
        if self.knows_ranges:
            try:
                return super().get_range(key, start, stop)
            except StorageError as error:
                if error.status != NOT_SUPPORTED:
                    raise
            self.knows_ranges = False
        body = self._ask("GET", key, stop, functools.partial(_part, key, start, stop))
        if body is None:
            raise self._absent(key)
        return body

    def stamp(self, key: str) -> Stamp | None:
        """Its size and tag: a HEAD, or a GET of one byte where HEAD is refused, as by a signed URL."""
        if not self.location.hidden:
            try:
                return super().stamp(key)
            except StorageError as error:
                if error.status not in _NO_HEAD:
                    raise
        return self._ask("GET", key, 1, functools.partial(_stamp, key))

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


def _part(key: str, start: int, stop: int, store: HTTPStore) -> bytes:
    """Bytes cut from the whole, of which no more is held; what follows them is left where it is."""
    import obstore  # noqa: PLC0415  (a local run needs no obstore)

    pieces, passed = [], 0
    for piece in obstore.get(store, key).stream(min_chunk_size=_PIECE_BYTES):
        pieces.append(memoryview(piece)[max(start - passed, 0) : max(stop - passed, 0)].tobytes())
        passed += len(piece)
        if passed >= stop:
            break
    return b"".join(pieces)


def _stamp(key: str, store: HTTPStore) -> Stamp:
    import obstore  # noqa: PLC0415  (a local run needs no obstore)
    from obstore.exceptions import NotSupportedError  # noqa: PLC0415

    try:
        return stamp_of(obstore.get(store, key, options={"range": (0, 1)}).meta)
    except (NotSupportedError, NotImplementedError):
        return stamp_of(obstore.get(store, key).meta)  # whose body is left where it is


def _open(access: Access) -> WebObjects:
    def build(settings: Mapping[str, object]) -> HTTPStore:
        from obstore.store import HTTPStore  # noqa: PLC0415  (a local run needs no obstore)

        return HTTPStore.from_url(access.location.address, **settings)  # type: ignore[arg-type]  # as the others take them

    return WebObjects(access, build, access.location.address)


HTTP = Scheme("http", (), {}, _open, hides=True)
HTTPS = Scheme("https", (), {}, _open, hides=True)
