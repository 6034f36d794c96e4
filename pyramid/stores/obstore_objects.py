"""Objects over obstore, the client of all services and of the web.

Each call is one request, which is repeated if that may help.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pyramid.errors import StorageError
from pyramid.stores.address import check_endpoint
from pyramid.stores.answers import NO_RANGES, Answer
from pyramid.stores.checksums import Sums, md5
from pyramid.stores.client import PAGE, Build, Client
from pyramid.stores.conditions import ConditionalObjects
from pyramid.stores.network import Asked, is_timeout
from pyramid.stores.objects import ABSENT, ByteSink, Fingerprint, Objects, check_key, no_object, place_of
from pyramid.stores.retry import SLOW_BYTES_PER_S, AttemptFailure, call_with_retries
from pyramid.stores.schemes import Access
from pyramid.stores.streams import StreamedObjects
from pyramid.stores.verdicts import NOT_IN_RANGE, judge
from pyramid.stores.waiting import stream

if TYPE_CHECKING:
    import obstore
    from typing_extensions import Unpack


T = TypeVar("T")

# Bodies up to this size have the same time limit. Each limit needs a client of its own, so few limits are better.
_LEAST_CLASS_BYTES = 2**20
# An answer of at most this size that has no tag may be an error. Errors are short.
_MAX_ERROR_BYTES = 2**12


class RemoteObjects(ConditionalObjects, StreamedObjects, Objects):
    """Objects of one URL.

    Parameters
    ----------
    access
        The location and its settings.
    build
        Builds obstore's store for the location, from settings that all its stores know.
    endpoint
        The address of the service; empty for the usual one.
    """

    # Whether each object has a tag. Errors have none.
    _has_tags = True
    # How credentials are given, for errors; empty for a scheme without credentials.
    _credentials = ""
    # Headers that are added to each request.
    _headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, access: Access, build: Build, endpoint: str) -> None:
        if endpoint and not access.location.scheme.startswith("http"):
            check_endpoint(endpoint, str(access.location))
        self.location = access.location
        self._access = access
        allow_http = endpoint.startswith("http://")
        self._client = Client(build, self._headers, allow_http=allow_http, explains_head=self._has_tags)
        self._endpoint = endpoint
        self._sums = Sums(wanted=allow_http)
        self.checks_whole = allow_http
        self._answered = False
        self._knows_tails = True

    def get(self, key: str) -> bytes | None:
        """Return the whole object: one GET."""
        return self._read(key, 0, lambda answer: b"".join(answer.body()))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return a part of an object: one GET with a range.

        If the server does not support ranges, the part is cut from the whole object.
        """
        if stop <= start:
            return b""
        span = (start, stop)
        if self.knows_ranges:
            try:
                return self._existing(key, self._read(key, stop - start, lambda answer: answer.part(span), range=span))
            except StorageError as error:
                if error.status == NOT_IN_RANGE:
                    return b""
                if error.status != NO_RANGES:
                    raise
                self.knows_ranges = False
        return self._existing(key, self._read(key, stop, lambda answer: answer.cut(span), in_pieces=True))

    def _existing(self, key: str, body: bytes | None) -> bytes:
        if body is None:
            raise no_object(self.location, key)
        return body

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last bytes: one GET, after a HEAD if the service needs one."""
        if self._knows_tails and self.knows_ranges:
            try:
                return self._read(key, size, Answer.part, range={"suffix": size})
            except StorageError as error:
                if error.status == NOT_IN_RANGE:
                    return b""
                if error.status != NO_RANGES:
                    raise
            self._knows_tails = False
        return super().get_tail(key, size)

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Fetch the whole object in pieces: one GET."""

        def request(seconds: float) -> int | None:
            into.restart()
            answer = self._open(key, seconds, in_pieces=True)
            if answer is None:
                return None
            size = 0
            for piece in answer.body():
                size += len(piece)
                into.write(piece)
            return size

        return self._ask("GET", key, expected_bytes, request)

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and tag: one HEAD, and a GET if that says too little."""
        return self._ask("HEAD", key, 0, functools.partial(self._fingerprint, key))

    def _fingerprint(self, key: str, seconds: float) -> Fingerprint | None:
        answer = self._open(key, seconds, head=True)
        if answer is None:
            return None
        size = self._size_in(answer)
        return self._measure(key, seconds) if size is None else (size, answer.version)

    def _measure(self, key: str, seconds: float) -> Fingerprint | None:
        """Return size and tag by a GET.

        Reads the whole object if its headers do not say its size.
        """
        answer = self._open(key, seconds, in_pieces=True)
        if answer is None:
            return None
        size = self._size_in(answer)
        if size is None:
            self.knows_ranges = self.knows_ranges and answer.size_bytes is not None and not answer.is_encoded
            size = sum(len(piece) for piece in answer.body())
        return size, answer.version

    def _size_in(self, answer: Answer) -> int | None:
        """Return the size of the object that the headers give.

        Returns None if they do not, or if the answer may be an error.
        """
        may_be_error = self._has_tags and answer.tag is None and (answer.size_bytes or 0) <= _MAX_ERROR_BYTES
        return None if answer.is_encoded or may_be_error else answer.size_bytes

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object: one PUT, never in parts."""
        self._ask("PUT", key, len(body), lambda seconds: self._send(key, body, seconds))

    def _send(self, key: str, body: bytes | memoryview, seconds: float) -> None:
        tag = self._client.put(key, body, seconds)
        self._sums.check_sent(body, tag, lambda: self._stored(key, seconds))

    def _stored(self, key: str, seconds: float) -> str:
        """Return the MD5 sum of the object that is stored at a key."""
        answer = self._client.get(key, seconds, {}, in_pieces=True)
        return md5(() if answer is None else answer.pieces)

    def _read(
        self,
        key: str,
        body_bytes: int,
        use: Callable[[Answer], T],
        *,
        in_pieces: bool = False,
        **options: Unpack[obstore.GetOptions],
    ) -> T | None:
        """Return what `use` makes of an object, or None if it is missing: one GET."""

        def request(seconds: float) -> T | None:
            answer = self._open(key, seconds, in_pieces=in_pieces, **options)
            return None if answer is None else use(answer)

        return self._ask("GET", key, body_bytes, request)

    def _open(
        self, key: str, seconds: float, *, in_pieces: bool = False, **options: Unpack[obstore.GetOptions]
    ) -> Answer | None:
        """Request an object, a part of it (``range``) or its headers (``head``).

        The body comes with the answer, or later in pieces.
        """
        answer = self._client.get(key, seconds, options, in_pieces=in_pieces)
        if answer is None or options:
            return answer
        return replace(answer, pieces=self._sums.checked(key, answer.pieces, self._sum(answer)))

    def _sum(self, answer: Answer) -> str | None:
        """Return the tag that may be the MD5 sum of an object."""
        return answer.tag

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
        """Yield keys that begin with `prefix`, sizes and tags, 1000 with a request."""
        last: str | None = None
        pages: Any = None

        def page() -> Any:  # noqa: ANN401  (obstore's own)
            nonlocal pages
            try:
                if pages is None:
                    pages = self._client.pages(prefix, last, self._seconds(0, 0))
                if not (batch := next(stream(pages, most=1), ())):
                    self._check_end(prefix, last)
                return batch
            except Exception:
                pages = None  # another attempt continues after the last key
                raise

        what = f"LIST {place_of(self.location, prefix)}"
        while batch := call_with_retries(page, what, self._access.retry_policy, self._judge):
            last = batch[-1]["path"]
            yield from ((item["path"], item["size"], item["e_tag"] or str(item["last_modified"])) for item in batch)

    def _check_end(self, prefix: str, last: str | None) -> None:
        """Raise an error that obstore took for the end of a listing after `last`."""

    def delete(self, key: str) -> None:
        """Remove an object: one DELETE."""
        self._delete([key], "")

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, as many with one request as the service takes."""
        try:
            for first in range(0, len(keys), PAGE):
                self._delete(keys[first : first + PAGE], f" and {len(keys) - 1} more")
        except StorageError as error:
            if error.status != ABSENT or len(keys) == 1:
                raise
            for key in keys:  # some services stop at the first missing object
                self.delete(key)

    def _delete(self, keys: Sequence[str], more: str) -> None:
        for key in keys:
            check_key(key)
        request = functools.partial(self._client.delete, keys)
        self._ask("DELETE", keys[0], 0, request, more)

    def _ask(self, method: str, key: str, body_bytes: int, request: Callable[[float], T], more: str = "") -> T:
        """Make a request with a time limit, and repeat it if that may help."""
        check_key(key)
        timeouts, began_s = 0, 0.0

        def attempt() -> T:
            nonlocal timeouts, began_s
            began_s = time.monotonic()
            try:
                return request(self._seconds(body_bytes, timeouts))
            except Exception as error:
                timeouts += is_timeout(error)
                raise

        def judge(error: Exception) -> AttemptFailure:
            return self._judge(error, time.monotonic() - began_s)

        what = f"{method} {place_of(self.location, key)}{more}"
        answer = call_with_retries(attempt, what, self._access.retry_policy, judge)
        self._answered = True
        return answer

    def _seconds(self, body_bytes: int, timeouts: int) -> float:
        """Return the seconds that a request may take, which depend on its body.

        The time doubles with each time-out, up to three times.
        """
        size_bytes: int = 2 ** (max(body_bytes, _LEAST_CLASS_BYTES) - 1).bit_length()
        return (self._access.retry_policy.timeout + size_bytes / SLOW_BYTES_PER_S) * (1 << min(timeouts, 3))

    def _judge(self, error: Exception, waited_s: float | None = None) -> AttemptFailure:
        place = f"{self.location.scheme}://{self.location.bucket}"
        verdict = judge(error, self._access.secrets, Asked(place, self._endpoint, self._credentials, waited_s))
        if verdict.status is not None:
            self._answered = True
        if verdict.never_connected and self._answered:
            return replace(verdict, never_connected=False, most=None)  # it worked before, and may do so again
        # A server that accepts connections and never answers is as useless as one that does not exist.
        silent = verdict.never_connected or is_timeout(error)
        return replace(verdict, never_connected=silent and not self._answered)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._access.reopen
