"""The web server: connections, who may ask, and headers."""

from __future__ import annotations

import hmac
import json
import logging
import select
import socket
import threading
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pyramid.errors import PyramidError
from pyramid.viewing.answers import Answer, GoneError, Request, RequestError, json_answer, parse_target
from pyramid.viewing.routes import Routes

logger = logging.getLogger(__name__)
# Connections at once: 50 viewers with six each, and some more. Others are closed at once.
MAX_CONNECTIONS = 400
# Time after which a silent connection is closed.
SILENT_S = 30.0
# Names of this machine, as browsers send them.
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
# The port that browsers leave out of a host.
WEB_PORT = 80
# Bytes of the state that neuroglancer sends at most.
MAX_BODY_BYTES = 2**20
_METHODS = "GET, HEAD, OPTIONS"
_READABLE = "Accept-Ranges, Content-Length, Content-Range, ETag"


@dataclass(frozen=True)
class Access:
    """Who may ask a server.

    Parameters
    ----------
    token
        The first name of every path; None if none is needed, which only holds for names of this machine.
    origins
        Web origins whose pages may read the stores; ``*`` for any.
    """

    token: str | None
    origins: Sequence[str] = ()


class ViewServer(ThreadingHTTPServer):
    """A server with a thread for each connection, up to a bound.

    Parameters
    ----------
    address
        Host and port; port 0 for any that is free.
    routes
        The answers.
    access
        Who may ask.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], routes: Routes, access: Access) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes, self.access = routes, access
        self._context = copy_context()  # in which notices are given as where the server is made
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind the socket, without asking for the name of this machine."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  (as socketserver)
        """Begin a thread for a connection, or close it where there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  (as socketserver)
        """Serve a connection until it ends."""
        try:
            self._context.copy().run(super().process_request_thread, request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  (as socketserver)
        """Log the end of a connection that failed, as one that a browser has closed."""
        logger.debug("a connection ended", exc_info=True)

    def hosts(self) -> set[str]:
        """Return the hosts that a request may name where no token is needed."""
        names = (*LOOPBACK_NAMES, self.server_name)
        return {f"{name}:{self.server_port}" for name in names} | ({*names} if self.server_port == WEB_PORT else set())


def _confirmed(parts: tuple[str, ...], body: bytes) -> Answer:
    """Return what neuroglancer expects after it has sent its state."""
    if parts[:2] != ("3d", "state") or len(parts) != 3:
        raise RequestError(405, "this server takes nothing", {"Allow": _METHODS})
    try:
        sent = json.loads(body)
        return json_answer({"g": f"{sent['c']}/{sent['g']}"})
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RequestError(400, "the state cannot be read") from None


class Handler(BaseHTTPRequestHandler):
    """The requests of one connection, one after another."""

    protocol_version = "HTTP/1.1"
    timeout = SILENT_S
    server_version, sys_version = "pyramid", ""
    disable_nagle_algorithm = True
    server: ViewServer

    def do_GET(self) -> None:
        """Answer a request, with its body."""
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        """Answer a request, without its body."""
        self._respond(with_body=False)

    def do_POST(self) -> None:
        """Take the state that neuroglancer sends after each change; nothing is kept."""
        self._respond(with_body=True)

    def do_OPTIONS(self) -> None:
        """Answer a browser that asks whether a page of another origin may read a store."""
        self._respond(with_body=True)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not understood, and end the connection."""
        del explain
        self.close_connection = True
        self._send(json_answer({"error": message or "the request is not understood"}, code), with_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Log a line."""
        logger.debug(format, *args)

    def _respond(self, *, with_body: bool) -> None:
        try:
            answer = self._answer()
        except RequestError as error:
            answer = json_answer({"error": error.reason}, error.status)
            answer.headers.update(error.headers)  # type: ignore[attr-defined]  # a dict, made a moment ago
        except PyramidError as error:
            answer = json_answer({"error": str(error)}, 404)
        except GoneError:
            self.close_connection = True
            return
        except Exception:
            logger.exception("a request failed: %s", self.path[:200])
            answer = json_answer({"error": "this should not have happened; the log of the server says more"}, 500)
        self._send(answer, with_body=with_body)

    def _answer(self) -> Answer:
        """Return the answer of the routes to a request that is allowed."""
        has_body = self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        if has_body:
            self.close_connection = True  # a body that is not read would be taken for the next request
        parts, query = parse_target(self.path)
        parts = self._inside(parts)
        if self.command == "POST":
            return _confirmed(parts, self._body())
        if has_body:
            raise RequestError(400, "a request must not have a body")
        if self.command == "OPTIONS":
            if parts[0] != "data" or not self._origin():
                raise RequestError(403, "the origin may not read this store, unless it is named when the viewer begins")
            return Answer(b"", "text/plain", 204)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.routes.answer(Request(parts, query, headers, self._is_gone))

    def _body(self) -> bytes:
        """Return the body of a request; raise RequestError if it is too long."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= MAX_BODY_BYTES):
            raise RequestError(413, f"a request must have a length, of at most {MAX_BODY_BYTES} bytes")
        return self.rfile.read(int(length))

    def _inside(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names after the token.

        Raises
        ------
        RequestError
            If the token is missing, or the host is not this machine.
        """
        token = self.server.access.token
        if token is None:
            # A page elsewhere may let its own name lead to this machine, and then read whatever is served.
            if self.headers.get("Host", "").lower() not in self.server.hosts():
                raise RequestError(403, "the host of the request is not this machine")
            return parts
        if not hmac.compare_digest(parts[0].encode(), token.encode()):
            raise RequestError(403, "the address lacks the token; take the one that was printed")
        if len(parts) == 1:
            raise RequestError(308, "the address ends with a slash", {"Location": f"/{token}/"})
        return parts[1:]

    def _origin(self) -> str | None:
        """Return the origin that asks, if its pages may read the stores."""
        origin, allowed = self.headers.get("Origin"), self.server.access.origins
        return origin if origin and (origin in allowed or "*" in allowed) else None

    def _is_gone(self) -> bool:
        """Return whether the other end has closed the connection."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        """Send an answer with the headers of all answers."""
        size = len(answer.body) if isinstance(answer.body, bytes) else answer.size_bytes
        if size is None:  # a stream, which ends with its connection
            self.close_connection = True
        self.send_response(answer.status)
        for name, value in self._headers(answer).items():
            self.send_header(name, value)
        if answer.status not in (204, 304) and size is not None:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        if with_body and answer.status not in (204, 304):
            pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
            self._send_pieces(pieces)

    def _send_pieces(self, pieces: Any) -> None:  # noqa: ANN401  (bytes in any iterable)
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except Exception:
            self.close_connection = True  # it is shorter than its headers say, which a browser then notices
            logger.debug("an answer was cut", exc_info=True)

    def _headers(self, answer: Answer) -> dict[str, str]:
        """Return the headers of an answer."""
        path = getattr(self, "path", "")
        token = self.server.access.token
        is_data = path.startswith(f"/{token}/data/" if token else "/data/")
        origin = self._origin() if is_data and hasattr(self, "headers") else None
        headers = {
            "Content-Type": answer.kind,
            "Content-Security-Policy": answer.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "cross-origin" if origin else "same-origin",
            **answer.headers,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        if is_data and self.server.access.origins:
            headers["Vary"] = "Origin"
        if origin:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _READABLE}
            if answer.status == 204:
                headers["Access-Control-Allow-Methods"] = _METHODS
                headers["Access-Control-Allow-Headers"] = "Range, If-Range, If-None-Match, Cache-Control"
                headers["Access-Control-Allow-Private-Network"] = "true"
        return headers
