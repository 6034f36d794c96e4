"""The web: objects over HTTP and HTTPS, which can be read but not listed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from obstore.store import HTTPStore

from pyramid.errors import StorageError
from pyramid.stores.answers import NO_RANGES, Answer, AnswerError, ByteRange
from pyramid.stores.network import is_timeout
from pyramid.stores.objects import Fingerprint, place_of
from pyramid.stores.obstore_objects import RemoteObjects
from pyramid.stores.schemes import Access, Option
from pyramid.stores.verdicts import NOT_IN_RANGE, has_odd_headers, status_of

if TYPE_CHECKING:
    import obstore
    from typing_extensions import Unpack

    from pyramid.stores.plain import PlainClient


OPTIONS: Mapping[str, Option] = {}


class WebObjects(RemoteObjects):
    """Objects below a web address, which can be neither written nor listed.

    If obstore cannot use a server's headers, `PlainClient` makes all later requests to that server.
    """

    _has_tags = False
    _headers = MappingProxyType({"accept-encoding": "identity"})
    _is_odd = False
    _knows_head = True
    # The share of the time of a request that HEAD may take if no answer came before: some servers answer only GET, and
    # one that answers nothing is given up in the time of one request.
    _head_share = 1 / 3

    def _sum(self, answer: Answer) -> str | None:
        return None  # a tag of a web server may be the sum of something else than the body

    def _open(
        self, key: str, seconds: float, *, in_pieces: bool = False, **options: Unpack[obstore.GetOptions]
    ) -> Answer | None:
        """Request an object with obstore, or with `PlainClient` if that fails.

        Once obstore could not read an answer, `PlainClient` makes all requests, except for the end of an object.
        """
        span = options.get("range")
        is_tail = isinstance(span, dict)
        if not self._is_odd:
            try:
                return super()._open(key, seconds, in_pieces=in_pieces, **options)
            except Exception as error:
                if is_tail or not has_odd_headers(error.__cause__ if isinstance(error, AnswerError) else error):
                    raise
                self._is_odd = True
        if is_tail:
            raise AnswerError("parts are not counted from the end", status=NO_RANGES)
        return self._plain.get(
            key, cast("ByteRange | None", span), seconds, method="HEAD" if "head" in options else "GET"
        )

    @functools.cached_property
    def _plain(self) -> PlainClient:
        from pyramid.stores.plain import PlainClient  # noqa: PLC0415  (ssl and more, which few servers need)

        return PlainClient(self.location.address)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and tag of an object.

        Makes one HEAD, or a GET of one byte if HEAD is refused, as by a signed URL.
        """
        return self._ask("GET", key, 1, functools.partial(self._fingerprint, key))

    def _fingerprint(self, key: str, seconds: float) -> Fingerprint | None:
        """Return size and tag from a HEAD, or from a GET of one byte.

        The GET is made if HEAD is refused or gives a length of 0.
        """
        head_s = seconds if self._answered else seconds * self._head_share
        if not self.location.hidden and self._knows_head:
            try:
                found = super()._fingerprint(key, head_s)
            except Exception as error:
                if status_of(error) is None and not is_timeout(error):
                    raise
                found = None
                seconds -= 0 if self._answered or not is_timeout(error) else head_s
            if found is not None and found[0] > 0:
                return found
        found = self._measure(key, seconds)
        self._knows_head = self._knows_head and found is None
        return found

    def _measure(self, key: str, seconds: float) -> Fingerprint | None:
        """Return size and tag from the answer to a part, which says how long the whole is."""
        try:
            answer = self._open(key, seconds, range=(0, 1)) if self.knows_ranges else None
        except Exception as error:
            if status_of(error) not in (NO_RANGES, NOT_IN_RANGE):
                raise
            answer = None
        size = None if answer is None else self._size_in(answer)
        return super()._measure(key, seconds) if answer is None or size is None else (size, answer.version)

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Raise StorageError, because web addresses can only be read."""
        del body
        raise self._refused(key, "be written to")

    def put_stream(self, key: str, pieces: Callable[[], Iterable[bytes]], size_bytes: int) -> None:
        """Raise StorageError, because web addresses can only be read."""
        del pieces, size_bytes
        raise self._refused(key, "be written to")

    def delete(self, key: str) -> None:
        """Raise StorageError, because web addresses can only be read."""
        raise self._refused(key, "be written to")

    def delete_all(self, keys: Sequence[str]) -> None:
        """Raise StorageError, because web addresses can only be read."""
        raise self._refused(next(iter(keys), ""), "be written to")

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
        """Raise StorageError, because web addresses cannot be listed."""
        raise self._refused(prefix, "be listed")

    def _refused(self, key: str, what: str) -> StorageError:
        return StorageError(
            f"{place_of(self.location, key)}: http:// and https:// URLs can only be read and cannot {what}", True
        )


def open_store(access: Access) -> WebObjects:
    """Return the objects at and below a location, without a request."""
    address = access.location.address
    return WebObjects(access, lambda settings: HTTPStore.from_url(address, **settings), address)
