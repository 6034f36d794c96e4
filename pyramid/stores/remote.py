"""Objects over obstore, the client of all services and of the web: one request each, made again where that may help."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pyramid.errors import DamageError, StorageError
from pyramid.stores.objects import ABSENT, Into, Stamp, check_key
from pyramid.stores.retry import SLOW_BYTES_PER_S, Verdict, persist
from pyramid.stores.scheme import Access
from pyramid.stores.secret import without_secrets
from pyramid.stores.sums import Sums, WrongSumError, md5

if TYPE_CHECKING:
    import obstore
    import obstore.store

    ObStore: TypeAlias = obstore.store.ObjectStore

T = TypeVar("T")
# Gives a store whose requests are made once, within a time.
Build: TypeAlias = Callable[[Mapping[str, Any]], "ObStore"]

_LEAST_CLASS_BYTES = 2**20
_PIECE_BYTES = 2**20
_STATUS = re.compile(r"(?:status code:|status) (\d{3})\b")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,200})")
_CAUSE = re.compile(r'message: "([^"]{1,100})"')
# What obstore says of itself and of the request, which is told in our words.
_WHERE = re.compile(
    r"Generic \w+ error: |Error performing [A-Za-z]+ (\S+ in \S+( - |$)|request: )|Object at location .* not found: |"
    r"The operation lacked the necessary privileges to complete for path [^:]*: |Server returned non-2xx status code: "
)
NOT_SUPPORTED = 501
_STATUSES = {
    **{"NotFoundError": 404, "FileNotFoundError": 404, "PermissionDeniedError": 403, "UnauthenticatedError": 401},
    **{"NotSupportedError": NOT_SUPPORTED, "NotImplementedError": NOT_SUPPORTED},
}
_REFUSED = frozenset({*_STATUSES, "InvalidPathError", "UnknownConfigurationKeyError"})
_BUSY = (408, 429)
_NOT_IN_RANGE = 416
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
_PAGE = 1000
_TOLD_MOST = 300
# What is answered with a status of the client's fault although the way there was at fault.
_DAMAGED = frozenset(
    {
        *("XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "BadDigest", "IncompleteBody", "RequestTimeout"),
        *("Md5Mismatch", "Crc64Mismatch", "OperationAborted", "InvalidDigest"),
    }
)


class RemoteObjects:
    """Objects of one URL.

    Parameters
    ----------
    access
        Where, and what is said of it.
    build
        Gives obstore's store for it, with settings that all its stores know.
    endpoint
        The address that is asked, where it is not the service's own.
    """

    def __init__(self, access: Access, build: Build, endpoint: str) -> None:
        self.location = access.location
        self._access = access
        self._build = build
        self._allow_http = endpoint.startswith("http://")
        self._sums = Sums(wanted=self._allow_http)
        self._stores: dict[float, ObStore] = {}
        self._building = threading.Lock()
        self._answered = False
        self._knows_tails = True

    def get(self, key: str) -> bytes | None:
        """The whole object: one GET."""
        import obstore  # noqa: PLC0415  (a local run needs no obstore)

        def request(store: ObStore) -> bytes:
            found = obstore.get(store, key)
            return b"".join(self._sums.checked(key, [found.bytes().to_bytes()], self._tag(found)))

        return self._ask("GET", key, 0, request)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """A part of it: one GET with a range."""
        import obstore  # noqa: PLC0415

        if stop <= start:
            return b""
        size = stop - start
        try:
            body = self._ask(
                "GET", key, size, lambda store: obstore.get_range(store, key, start=start, end=stop).to_bytes()
            )
        except StorageError as error:
            if error.status != _NOT_IN_RANGE:
                raise
            return b""
        if body is None:
            raise self._absent(key)
        return body

    def get_tail(self, key: str, size: int) -> bytes | None:
        """The last bytes: one GET, and a HEAD before it where a service knows no such ranges."""
        import obstore  # noqa: PLC0415

        if self._knows_tails:
            options: obstore.GetOptions = {"range": {"suffix": size}}
            try:
                return self._ask("GET", key, size, lambda s: obstore.get(s, key, options=options).bytes().to_bytes())
            except StorageError as error:
                if error.status == _NOT_IN_RANGE:
                    return b""
                if error.status != NOT_SUPPORTED:
                    raise
            self._knows_tails = False
        whole = self.size(key)
        return None if whole is None else self.get_range(key, max(whole - size, 0), whole)

    def fetch(self, key: str, into: Into, expected_bytes: int = 0) -> int | None:
        """The whole object in pieces: one GET."""
        import obstore  # noqa: PLC0415

        def request(store: ObStore) -> int:
            into.restart()
            size = 0
            found = obstore.get(store, key)
            for piece in self._sums.checked(key, found.stream(min_chunk_size=_PIECE_BYTES), self._tag(found)):
                size += len(piece)
                into.write(piece)
            return size

        return self._ask("GET", key, expected_bytes, request)

    def size(self, key: str) -> int | None:
        """How many bytes it has: one HEAD."""
        stamp = self.stamp(key)
        return None if stamp is None else stamp[0]

    def stamp(self, key: str) -> Stamp | None:
        """Its size and its tag: one HEAD."""
        import obstore  # noqa: PLC0415

        return self._ask("HEAD", key, 0, lambda store: stamp_of(obstore.head(store, key)))

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Store an object: one PUT, never in parts."""
        self._ask("PUT", key, len(body), lambda store: self._send(store, key, body), absent=False)

    def _send(self, store: ObStore, key: str, body: bytes | memoryview) -> None:
        import obstore  # noqa: PLC0415

        answer = obstore.put(store, key, body, use_multipart=False)
        self._sums.check_sent(body, answer["e_tag"], lambda: self._stored(store, key))

    def _stored(self, store: ObStore, key: str) -> str:
        """The sum of what is there."""
        import obstore  # noqa: PLC0415

        return md5(obstore.get(store, key).stream(min_chunk_size=_PIECE_BYTES))

    def _tag(self, found: obstore.GetResult) -> str | None:
        return found.meta["e_tag"]

    @property
    def checks_whole(self) -> bool:
        """Whether it is by the whole of an object that damage on its way is found."""
        return self._sums.wanted

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`: one listing for each thousand."""
        import obstore  # noqa: PLC0415

        last: str | None = None
        pages: Iterator[Any] | None = None

        def page() -> Any:  # noqa: ANN401  (obstore's own)
            nonlocal pages
            pages = pages or iter(obstore.list(self._store(0, 0), prefix or None, offset=last, chunk_size=_PAGE))
            try:
                return next(pages, ())
            except Exception:
                pages = None  # another attempt goes on after the last key
                raise

        while batch := persist(page, f"LIST {self._place(prefix)}", self._access.patience, self._judge):
            last = batch[-1]["path"]
            yield from (item["path"] for item in batch)

    def delete(self, key: str) -> None:
        """Remove an object: one DELETE."""
        import obstore  # noqa: PLC0415

        self._ask("DELETE", key, 0, lambda store: obstore.delete(store, key))

    def _ask(
        self, method: str, key: str, body_bytes: int, request: Callable[[ObStore], T], *, absent: bool = True
    ) -> T | None:
        """Make a request; None where there is no such object and `absent` says that this may be."""
        check_key(key)
        timeouts = 0

        def attempt() -> T | None:
            nonlocal timeouts
            try:
                return request(self._store(body_bytes, timeouts))
            except FileNotFoundError as error:
                if absent and not any(code in str(error) for code in _NO_BUCKET):
                    return None
                raise
            except Exception as error:
                timeouts += is_timeout(error)
                raise

        answer = persist(attempt, f"{method} {self._place(key)}", self._access.patience, self._judge)
        self._answered = True
        return answer

    def _absent(self, key: str) -> StorageError:
        return StorageError(f"{self._place(key)}: a part of it is asked for, and there is no such object", True, ABSENT)

    def _place(self, key: str) -> str:
        return f"{self.location}/{key}" if key else str(self.location)

    def _store(self, body_bytes: int, timeouts: int) -> ObStore:
        """The store whose time-out is long enough for a body; what timed out has twice the time, and twice again."""
        size_bytes = 2 ** (max(body_bytes, _LEAST_CLASS_BYTES) - 1).bit_length()
        seconds = (self._access.patience.timeout + size_bytes / SLOW_BYTES_PER_S) * 2 ** min(timeouts, 3)
        with self._building:
            if seconds not in self._stores:
                self._stores[seconds] = self._build(_settings(seconds, allow_http=self._allow_http))
            return self._stores[seconds]

    def _judge(self, error: Exception) -> Verdict:
        verdict = judge(error, self._access.secrets)
        if verdict.status is not None:
            self._answered = True
        return replace(verdict, stranger=verdict.stranger and not self._answered)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._access.reopen


def _settings(seconds: float, *, allow_http: bool) -> dict[str, Any]:
    return {
        "client_options": {"timeout": timedelta(seconds=seconds), "allow_http": allow_http},
        "retry_config": {"max_retries": 0},
    }


def stamp_of(found: obstore.ObjectMeta) -> Stamp:
    """Size and tag as a service tells them, or the time of change where it gives no tags."""
    return int(found["size"]), found["e_tag"] or str(found["last_modified"])


def is_timeout(error: Exception) -> bool:
    """Whether a request took longer than it may."""
    return "TimedOut" in str(error) or "kind: Timeout" in str(error)


def judge(error: Exception, secrets: tuple[str, ...]) -> Verdict:
    """What an error of obstore's means."""
    if isinstance(error, WrongSumError):
        return Verdict(str(error), again=True, error=DamageError)
    text = str(error)
    short, _, _ = text.partition("\n\nDebug source")
    found = _STATUS.search(short)
    status = int(found.group(1)) if found else _STATUSES.get(type(error).__name__)
    if "InvalidRangeRequest" in text:  # as told where a service answers a range after the end with the whole
        status = _NOT_IN_RANGE
    damaged = any(name in text for name in _DAMAGED)
    refused = type(error).__name__ in _REFUSED or (status is not None and status < 500 and status not in _BUSY)
    again = type(error).__module__.startswith("obstore") and (damaged or not refused)
    return Verdict(without_secrets(_told(short, text), secrets), again, "kind: Connect" in text, status)


def _told(short: str, text: str) -> str:
    """What the server said, else what the client says of the network."""
    code, message, cause = _CODE.search(text), _MESSAGE.search(text), _CAUSE.search(text)
    line = " ".join(re.sub(r"<[^>]*>", " ", _WHERE.sub("", short)).split())
    if code:
        line = f"{line.partition(code.group(1))[0].strip()} {code.group(1)}" + (
            f": {message.group(1)}" if message else ""
        )
    elif cause:
        line = f"{line}: {cause.group(1)}"
    return line[:_TOLD_MOST]
