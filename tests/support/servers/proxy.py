"""A reverse proxy on loopback: passes requests on as they are, bodies in pieces, and notes each.

The `Host` and all signed headers go through unchanged, so that signatures of S3 and Azure hold. Clients keep their
connections; each request goes to the server over a connection of its own, which cannot be stale.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from tests.support.servers.log import Request
from tests.support.servers.loopback import ThreadedServer, reset

PIECE_BYTES = 1 << 18
# Each link of the way has its own: RFC 9110, section 7.6.1; the proxy itself answers `Expect`.
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
}

Headers: TypeAlias = list[tuple[str, str]]
Rewrite: TypeAlias = Callable[[Headers], Headers]


def unchanged(headers: Headers) -> Headers:
    """The headers as they are."""
    return headers


class Proxy(ThreadedServer):
    """A proxy that runs within its ``with`` block.

    Parameters
    ----------
    upstream
        The server's URL; its path, if it has one, is the client's to ask for.
    rewrite
        From the client's headers to the server's.
    handler
        What handles one request.
    """

    def __init__(self, upstream: str, rewrite: Rewrite = unchanged, handler: type[ProxyHandler] | None = None) -> None:
        super().__init__(handler or ProxyHandler)
        self.upstream = urllib.parse.urlsplit(upstream).netloc
        self.rewrite = rewrite

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ProxyHandler(http.server.BaseHTTPRequestHandler):
    """One client's connection; a method of it each step of a request, for faults to change."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def handle_one_request(self) -> None:
        """Read a request's first line and headers, whatever the method, and pass it on."""
        line = self.rfile.readline(65537)
        self.raw_requestline = line
        if not line or not self.parse_request():
            self.close_connection = True
            return
        self.handle_request(self.server.log.enter(self.command, self.path, self.headers))

    def handle_request(self, request: Request) -> None:
        """Pass it on, and the answer back."""
        with self.asked(self.body(request)) as response:
            self.answer(request, response)

    def body(self, request: Request) -> Iterator[bytes]:
        """The client's body, in pieces."""
        if self._is_chunked:
            yield from self._chunks()
            return
        left = request.body_bytes
        while left:
            piece = self.rfile.read1(min(left, PIECE_BYTES))
            if not piece:
                raise ConnectionAbortedError("the client went away within its body")
            left -= len(piece)
            yield piece

    @property
    def _is_chunked(self) -> bool:
        return "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(100).partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(10)
        while self.rfile.readline(65537).strip():
            pass

    @contextlib.contextmanager
    def asked(self, body: Iterable[bytes]) -> Iterator[http.client.HTTPResponse]:
        """The server's answer to this request with `body`."""
        with contextlib.closing(http.client.HTTPConnection(self.server.upstream)) as upstream:
            try:
                self._ask(upstream, body)
            except (BrokenPipeError, ConnectionResetError):  # it has answered before it read the whole body
                for _ in body:
                    pass
            with upstream.getresponse() as response:
                yield response

    def _ask(self, upstream: http.client.HTTPConnection, body: Iterable[bytes]) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP]
        for name, value in self.server.rewrite(headers):
            upstream.putheader(name, value)
        if self._is_chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        upstream.putheader("Connection", "close")
        upstream.endheaders()
        for piece in body:
            upstream.send(b"%x\r\n%b\r\n" % (len(piece), piece) if self._is_chunked else piece)
        if self._is_chunked:
            upstream.send(b"0\r\n\r\n")

    def answer(
        self, request: Request, response: http.client.HTTPResponse, pieces: Iterable[bytes] | None = None
    ) -> None:
        """Send the server's status and headers, and its body or the `pieces` in place of it."""
        self.server.log.answered(request, response.status)
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        has_body = response.length != 0 and request.method != "HEAD"
        chunked = has_body and response.length is None
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        expected = response.length
        sent = 0
        for piece in pieces_of(response) if pieces is None else pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            sent += len(piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        elif has_body and sent != expected:
            self.cut()

    def cut(self) -> None:
        """Reset the client's connection."""
        self.close_connection = True
        reset(self.connection)


def pieces_of(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The server's body, in pieces."""
    while piece := response.read1(PIECE_BYTES):
        yield piece
