"""Web servers that answer as HTTP lets them, or as it does not: one handler, and a word for what is odd in it."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import re
import zlib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

from tests.support.servers.web import WebServer

PAGE = b"<!DOCTYPE html>\n<html><title>Log in</title></html>"
ERROR = b'<?xml version="1.0"?><Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>'


class OddServer(WebServer):
    """Serves the files under a folder in one odd `way`, those whose path matches `where`."""

    def __init__(self, folder: Path, way: str, where: str) -> None:
        super().__init__(folder, _OddHandler)
        self.way = way
        self.where = re.compile(where)


@contextlib.contextmanager
def odd(folder: Path, way: str, where: str = "") -> Iterator[OddServer]:
    """A server whose answers are odd in a way that `_OddHandler` knows."""
    server = OddServer(folder, way, where)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _OddHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: OddServer

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        request = self.server.log.enter(self.command, self.path, self.headers)
        path = self.server.file(request)
        way = self.server.way if self.server.where.search(request.key) else ""
        if way.startswith("HEAD"):
            self._serve_without_head(way.split()[1], path)
        elif way.isdigit():
            self._answer(int(way), {}, b"not for you")
        elif path is None:
            self._answer(HTTPStatus.NOT_FOUND, {}, b"")
        else:
            self._answer_as(way, path.read_bytes())

    def _serve_without_head(self, said: str, path: Path | None) -> None:
        """Answer HEAD by a status, or by a length that is none; all else as a server does."""
        if self.command != "HEAD":
            self._answer_as("", b"" if path is None else path.read_bytes())
        elif said.isdigit():
            self._answer(int(said), {}, b"")
        elif said == "silent":
            self.server.stopping.wait(60)
        else:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % said.encode())

    def _answer_as(self, way: str, body: bytes) -> None:
        headers: dict[str, str] = {}
        changed = {"empty": b"", "page": PAGE, "error": ERROR}.get(way)
        if changed is not None:
            self._answer(200, {"Content-Type": "text/html"} if way == "page" else {}, changed)
            return
        encoding = way.split()[0] if way else ""
        encoders: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "br": bytes}
        encode = encoders.get(encoding)
        if encode is not None:
            body, headers["Content-Encoding"] = encode(body), encoding
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found is None or way in ("whole", "gzip", "deflate", "br"):
            self._answer(200, headers, body, way)
            return
        size, start = len(body), int(found[1])
        body = body[start : int(found[2]) + 1]
        place = f"bytes {start}-{start + len(body) - 1}/{size}"
        places = {"no place": None, "no size": place.replace(f"/{size}", "/*"), "other place": f"bytes 0-9/{size}"}
        if (told := places.get(way, place)) is not None:
            headers["Content-Range"] = told
        self._answer(206, headers, body, way)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, way: str = "") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if way == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif way in ("until it hangs up", "short"):
            self.close_connection = True
            self.send_header("Connection", "close")
        if way not in ("chunked", "until it hangs up"):
            self.send_header("Content-Length", str(len(body) + (way == "short")))
        self.end_headers()
        if self.command == "HEAD":
            return
        if way == "chunked":
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are in the server's log, and nowhere else."""
