"""HTTP for servers that obstore cannot read: without a length, or with parts whose place is not told in full.

HTTP lets a server send a body in chunks, or until it hangs up, and say of a part that the size of the whole is not
known. Applications and proxies that compress do so. The standard library reads what is allowed; what it lacks is here:
connections that are kept, redirects, and reads that end when the run does.
"""

from __future__ import annotations

import base64
import http.client
import io
import re
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from pyramid.stores.answers import MAX_PIECE_BYTES, NO_RANGES, Answer, AnswerError
from pyramid.stores.retry import LOOK_S, check_wanted

if TYPE_CHECKING:
    from typing_extensions import Buffer

Span: TypeAlias = tuple[int, int]

MAX_KEPT = 32
MAX_REDIRECTS = 10
CONNECT_S = 5.0
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
        self._kept: dict[tuple[str, str], list[_Connection]] = {}
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
        url = self._address._replace(path=path or "/").geturl()
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
    ) -> tuple[http.client.HTTPResponse, _Connection]:
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
            connection = connection or _Connection(split.scheme, split.netloc)
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

    def _answer(self, response: http.client.HTTPResponse, connection: _Connection, span: Span | None) -> Answer | None:
        headers = response.headers
        pieces = self._pieces(response, connection)
        if response.status == 404:
            next(pieces, None)
            return None
        if response.status not in (200, 206):
            start = next(pieces, b"")[:300].decode(errors="replace")
            connection.close()
            told = " ".join(re.sub(r"<[^>]*>", " ", start).split())
            raise AnswerError(
                f"{response.status} {response.reason}: {told}".rstrip(": "),
                again=response.status in (408, 429, 500, 502, 503, 504),
                status=response.status,
            )
        size = headers.get("Content-Length", "")
        size_bytes = int(size) if size.isascii() and size.isdigit() else None
        if span is not None:
            try:
                size_bytes = _check_part(response, span, size_bytes)
            except AnswerError:
                connection.close()
                raise
        return Answer(
            size_bytes=size_bytes,
            tag=headers.get("ETag"),
            changed=_date(headers.get("Last-Modified", "")),
            encoding=headers.get("Content-Encoding", ""),
            kind=headers.get("Content-Type", ""),
            pieces=pieces,
        )

    def _pieces(self, response: http.client.HTTPResponse, connection: _Connection) -> Iterator[bytes]:
        """Yield the body; the connection is kept where the body was read to its end."""
        is_whole = False
        try:
            while piece := response.read(MAX_PIECE_BYTES):
                yield piece
            if response.length:  # which counts down
                raise ConnectionError(f"the body ends {response.length} bytes early")
            is_whole = True
        except http.client.IncompleteRead as error:
            raise ConnectionError("the body ends early") from error
        finally:
            keeps = is_whole and not response.will_close
            with self._changing:
                kept = self._kept.setdefault((connection.scheme, connection.netloc), [])
                if keeps and len(kept) < MAX_KEPT:
                    kept.append(connection)
                else:
                    connection.close()


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
    return found.geturl()


class _Connection:
    """A connection to a host, through the proxy that the environment names."""

    def __init__(self, scheme: str, netloc: str) -> None:
        self.scheme, self.netloc = scheme, netloc
        self._proxy = ""
        proxy = urllib.request.getproxies().get(scheme, "")
        host = netloc.rpartition("@")[2]
        through = host
        if proxy and not urllib.request.proxy_bypass(urllib.parse.urlsplit(f"//{host}").hostname or host):
            through = urllib.parse.urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
            self._proxy = f"http://{host}" if scheme == "http" else ""
        kind = _Https if scheme == "https" else _Http
        self._http = kind(through, timeout=CONNECT_S)
        if through != host and scheme == "https":
            self._http.set_tunnel(host)

    def ask(self, method: str, target: str, headers: Mapping[str, str], seconds: float) -> http.client.HTTPResponse:
        if self._http.sock is None:
            self._http.connect()
        self._http.sock.limit_s = seconds
        host = {"Host": self.netloc} if self._proxy else {}
        self._http.request(method, self._proxy + target, headers={**host, **headers})
        return self._http.getresponse()

    def close(self) -> None:
        self._http.close()


class _Http(http.client.HTTPConnection):
    sock: Any

    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)


class _Https(http.client.HTTPSConnection):
    sock: Any

    def __init__(self, host: str, *, timeout: float) -> None:
        super().__init__(host, timeout=timeout, context=ssl.create_default_context())

    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)


class _Socket:
    """A socket, as far as `http.client` uses one, whose reads end when the run does."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.limit_s = CONNECT_S

    def sendall(self, data: Buffer) -> None:
        self._inner.settimeout(self.limit_s)  # a request without a body is a packet
        self._inner.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._inner.settimeout(LOOK_S)
        # A file of the socket's keeps it open until that is closed, as the last answer of a connection needs.
        return io.BufferedReader(_Reads(self._inner, self._inner.makefile("rb", 0), self.limit_s), MAX_PIECE_BYTES // 4)

    def close(self) -> None:
        self._inner.close()


class _Reads(io.RawIOBase):
    """The bytes that come in, waited for in short times."""

    def __init__(self, inner: socket.socket, kept: Any, limit_s: float) -> None:  # noqa: ANN401  (a file, closed alone)
        self._inner = inner
        self._kept = kept
        self._limit_s = limit_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (whatever has a buffer)
        until_s = time.monotonic() + self._limit_s
        while True:
            try:
                return self._inner.recv_into(buffer)
            except TimeoutError:
                check_wanted()
                if time.monotonic() > until_s:
                    raise TimeoutError(f"the server said nothing for {self._limit_s:.0f} s") from None

    def close(self) -> None:
        self._kept.close()
        super().close()
