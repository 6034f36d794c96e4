"""HTTP for servers that obstore cannot read: without a length, or with parts whose place is not told in full.

HTTP lets a server send a body in chunks, or until it hangs up, and say of a part that the size of the whole is not
known. Applications and proxies that compress do so. The standard library reads what is allowed; what it lacks is here:
connections that are kept, redirects, and reads that end when the run does.
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
from typing import TypeAlias

from pyramid.stores.answers import MAX_PIECE_BYTES, NO_RANGES, Answer, AnswerError
from pyramid.stores.connections import Connection

Span: TypeAlias = tuple[int, int]

MAX_KEPT = 32
MAX_REDIRECTS = 10
_MOVED = (301, 302, 303, 307, 308)
_PLACE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class PlainClient:
    """Asks for what is at and below an address; from any thread.

    Parameters
    ----------
    address
        Its URL, with a user and a query where it has them; neither is shown.
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
        """Close the connections that are kept."""
        with self._changing:
            for kept in self._kept.values():
                while kept:
                    kept.pop().close()

    def __del__(self) -> None:
        self.close()

    def get(self, key: str, span: Span | None, seconds: float, method: str = "GET") -> Answer | None:
        """Ask for an object or a part of it; None where there is none.

        Parameters
        ----------
        key
            Below the address.
        span
            First byte, and the first that is not wanted.
        seconds
            How long each wait for the server may be.
        method
            GET, or HEAD for an answer without a body.

        Raises
        ------
        AnswerError
            For every answer but the object, with its status; `NO_RANGES` where what came is not the part.
        OSError, http.client.HTTPException
            Where the connection fails.
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
        """Send a request over a kept connection, or a new one where there is none that still is one."""
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

    def _answer(self, response: http.client.HTTPResponse, connection: Connection, span: Span | None) -> Answer | None:
        headers = response.headers
        body = _Body(response, connection, self._keep)
        if response.status == 404:
            next(iter(body), None)
            return None
        if response.status not in (200, 206):
            start = next(iter(body), b"")[:300].decode(errors="replace")
            body.close()
            told = " ".join(re.sub(r"<[^>]*>", " ", start).split())
            raise AnswerError(
                f"{response.status} {response.reason}: {told}".rstrip(": "),
                again=response.status in (408, 429, 500, 502, 503, 504),
                status=response.status,
            )
        if response.length == 0:  # as after HEAD
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
        """Keep a connection whose last answer was read to its end."""
        with self._changing:
            kept = self._kept.setdefault((connection.scheme, connection.netloc), [])
            if len(kept) < MAX_KEPT:
                kept.append(connection)
                return
        connection.close()


class _Body:
    """The body of an answer, to be read once or not at all; either way its connection is kept or closed."""

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
        """Close the connection, unless it is kept."""
        if not self._is_over:
            self._is_over = True
            self._response.close()
            self._connection.close()

    def __del__(self) -> None:
        self.close()


def _check_part(response: http.client.HTTPResponse, span: Span, length: int | None) -> int | None:
    """Return the size of the whole; AnswerError where the answer is not the part that was asked for."""
    found = _PLACE.fullmatch(response.headers.get("Content-Range", "").strip())
    whole = None if found is None or found[3] == "*" else int(found[3])
    if response.status == 206 and found is not None:
        start, stop = int(found[1]), int(found[2]) + 1
        wanted = span[1] if whole is None else min(span[1], whole)
        if (start, stop) == (span[0], wanted) and length in (None, stop - start):
            return whole
    raise AnswerError("its answers to ranges cannot be used", status=NO_RANGES)


def _date(text: str) -> str:
    """Return a date as obstore has it, which takes the first of all for none."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        found = datetime.fromtimestamp(0, UTC)
    return str(found.astimezone(UTC))


def _followed(url: str, location: str) -> str:
    """Return where a redirect leads; AnswerError where it is not followed."""
    found = urllib.parse.urlsplit(urllib.parse.urljoin(url, location))
    if found.scheme not in ("http", "https") or (url.startswith("https:") and found.scheme != "https"):
        raise AnswerError("it redirects to an address that is not followed", status=301)
    return _quoted(found)


def _quoted(url: urllib.parse.SplitResult) -> str:
    """Return a URL with what may not stand in a request quoted; what is quoted already stays."""
    path, query = (urllib.parse.quote(part, safe="/%~:@!$&'()*+,;=?") for part in (url.path, url.query))
    return url._replace(path=path, query=query).geturl()
