"""HTTP for servers that obstore cannot read, such as those that send no length.

A server may send a body in chunks or until it closes the connection. It may also send a part without saying the size of
the whole. Applications and proxies that compress do so. The standard library reads all of this. This module adds kept
connections, redirects, and reads that end when the run does.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pyramid.stores.answers import MAX_PIECE_BYTES, NO_RANGES, PASSING_STATUSES, Answer, AnswerError, ByteRange
from pyramid.stores.connections import Connection

# Open connections kept for one host: about as many as requests run at once.
MAX_KEPT = 32
# Redirects followed for one request: more of them are a loop.
MAX_REDIRECTS = 10
# Statuses of redirects that name another address.
_MOVED = (301, 302, 303, 307, 308)
# The header ``Content-Range``: the first byte, the last byte, and the size of the whole or ``*``.
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class PlainClient:
    """A reader of the objects at and below an address; safe to use from many threads.

    Parameters
    ----------
    address
        The URL, with its user and query if it has them. Neither is ever shown.
    """

    def __init__(self, address: str) -> None:
        split = urllib.parse.urlsplit(address)
        user, _, host = split.netloc.rpartition("@")
        self._address = split._replace(netloc=host, fragment="")
        self._user = (
            {"Authorization": "Basic " + base64.b64encode(urllib.parse.unquote(user).encode()).decode()} if user else {}
        )
        self._kept: dict[tuple[str, str], list[Connection]] = {}
        self._changing = threading.Lock()

    def close(self) -> None:
        """Close the kept connections."""
        with self._changing:
            for kept in self._kept.values():
                while kept:
                    kept.pop().close()

    def __del__(self) -> None:
        self.close()

    def get(self, key: str, span: ByteRange | None, seconds: float, method: str = "GET") -> Answer | None:
        """Request an object or a part of it.

        Parameters
        ----------
        key
            The key below the address.
        span
            The first byte, and the first byte after the part.
        seconds
            The longest single wait for the server.
        method
            GET, or HEAD for an answer without a body.

        Returns
        -------
        Answer
            The answer; None if the object is missing.

        Raises
        ------
        AnswerError
            For every other answer than the object, with its status. The status is `NO_RANGES` if the answer is not the
            part that was requested.
        OSError, http.client.HTTPException
            If the connection fails.
        """
        path = "/".join(part for part in (self._address.path.rstrip("/"), urllib.parse.quote(key, safe="/~")) if part)
        url = _quoted(self._address._replace(path=path or "/"))
        headers = {} if span is None else {"Range": f"bytes={span[0]}-{span[1] - 1}"}
        for _ in range(MAX_REDIRECTS):
            response, connection = self._ask(method, url, headers, seconds)
            if response.status not in _MOVED or not response.headers.get("Location"):
                return self._answer(response, connection, span)
            connection.close()
            url = _followed(url, response.headers["Location"])
        raise AnswerError("its redirects lead nowhere", status=response.status)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], seconds: float
    ) -> tuple[http.client.HTTPResponse, Connection]:
        """Send a request over a kept connection that still works, or over a new one."""
        split = urllib.parse.urlsplit(url)
        place = (split.scheme, split.netloc)
        own = self._user if place == (self._address.scheme, self._address.netloc) else {}
        target = split._replace(scheme="", netloc="", fragment="").geturl() or "/"
        while True:
            with self._changing:
                kept = self._kept.get(place)
                connection = kept.pop() if kept else None
            is_new = connection is None
            connection = connection or Connection(split.scheme, split.netloc)
            try:
                return connection.ask(method, target, {**own, **headers}, seconds), connection
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
                if is_new:
                    raise
            except (http.client.HTTPException, ssl.SSLError) as error:
                connection.close()
                raise ConnectionError(f"{type(error).__name__}: {error}") from error
            except BaseException:
                connection.close()
                raise

    def _answer(
        self, response: http.client.HTTPResponse, connection: Connection, span: ByteRange | None
    ) -> Answer | None:
        headers = response.headers
        body = _Body(response, connection, self._keep)
        if response.status == 404:
            next(iter(body), None)
            return None
        if response.status not in (200, 206):
            start = next(iter(body), b"")[:300]
            body.close()
            raise _error_of(response, start)
        if response.length == 0:  # such as after HEAD
            next(iter(body), None)
        size = headers.get("Content-Length", "")
        size_bytes = int(size) if size.isascii() and size.isdigit() else None
        if span is not None:
            try:
                size_bytes = _check_part(response, span, size_bytes)
            except AnswerError:
                body.close()
                raise
        return Answer(
            size_bytes=size_bytes,
            tag=headers.get("ETag"),
            changed=_date(headers.get("Last-Modified", "")),
            encoding=headers.get("Content-Encoding", ""),
            kind=headers.get("Content-Type", ""),
            pieces=body,
        )

    def _keep(self, connection: Connection) -> None:
        """Keep a connection whose last answer was read to its end, or close it."""
        with self._changing:
            kept = self._kept.setdefault((connection.scheme, connection.netloc), [])
            if len(kept) < MAX_KEPT:
                kept.append(connection)
                return
        connection.close()


class _Body:
    """The body of an answer, to be read at most once.

    Its connection is kept or closed in either case.
    """

    def __init__(
        self, response: http.client.HTTPResponse, connection: Connection, keep: Callable[[Connection], None]
    ) -> None:
        self._response = response
        self._connection = connection
        self._keep = keep
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self._response.read(MAX_PIECE_BYTES):
                yield piece
            if self._response.length:  # which counts down
                raise ConnectionError(f"the body ends {self._response.length} bytes early")
            if not self._response.will_close:
                self._is_over = True
                self._keep(self._connection)
        except http.client.IncompleteRead as error:
            raise ConnectionError("the body ends early") from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection unless it was kept."""
        if not self._is_over:
            self._is_over = True
            self._response.close()
            self._connection.close()

    def __del__(self) -> None:
        self.close()


def _error_of(response: http.client.HTTPResponse, start: bytes) -> AnswerError:
    """Return the error in an answer whose body begins with `start`."""
    text = " ".join(re.sub(r"<[^>]*>", " ", start.decode(errors="replace")).split())
    message = f"{response.status} {response.reason}: {text}".rstrip(": ")
    return AnswerError(message, again=response.status in PASSING_STATUSES, status=response.status)


def _check_part(response: http.client.HTTPResponse, span: ByteRange, length: int | None) -> int | None:
    """Return the size of the whole object; None if the server does not say it.

    Raises AnswerError if the answer is not the part that was requested.
    """
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    whole = None if found is None or found[3] == "*" else int(found[3])
    if response.status == 206 and found is not None:
        start, stop = int(found[1]), int(found[2]) + 1
        wanted = span[1] if whole is None else min(span[1], whole)
        if (start, stop) == (span[0], wanted) and length in (None, stop - start):
            return whole
    raise AnswerError("its answers to ranges cannot be used", status=NO_RANGES)


def _date(text: str) -> str:
    """Return a date as obstore writes it; the epoch if it cannot be read."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        found = datetime.fromtimestamp(0, UTC)
    return str(found.astimezone(UTC))


def _followed(url: str, location: str) -> str:
    """Return the URL that a redirect leads to.

    Raises AnswerError if the redirect is not followed.
    """
    found = urllib.parse.urlsplit(urllib.parse.urljoin(url, location))
    if found.scheme not in ("http", "https") or (url.startswith("https:") and found.scheme != "https"):
        raise AnswerError("it redirects to an address that is not followed", status=301)
    return _quoted(found)


def _quoted(url: urllib.parse.SplitResult) -> str:
    """Return a URL with quoted characters where a request needs them.

    Characters that are quoted already remain as they are.
    """
    path, query = (urllib.parse.quote(part, safe="/%~:@!$&'()*+,;=?") for part in (url.path, url.query))
    return url._replace(path=path, query=query).geturl()
