"""Folders over plain HTTP, neither with a listing: one server that knows ranges, one that does not."""

from __future__ import annotations

import contextlib
import http.server
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from tests.support.servers.log import Request
from tests.support.servers.loopback import ThreadedServer

_PIECE_BYTES = 1 << 18


class WebServer(ThreadedServer):
    """Serves the files under a folder and notes what it is asked; keys are paths below the folder."""

    def __init__(self, folder: Path, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__(handler)
        self.folder = folder.resolve()

    def url(self, key: str) -> str:
        """The URL of a file or folder."""
        return f"{self.endpoint}/{key}"

    def file(self, request: Request) -> Path | None:
        """The file that is asked for; nothing where there is none, and for a folder."""
        path = (self.folder / request.key).resolve()
        return path if path.is_relative_to(self.folder) and path.is_file() else None


@contextlib.contextmanager
def ranged(folder: Path) -> Iterator[WebServer]:
    """A server as the web has them: HTTP/1.1, ``Range`` with 206 and 416, ``ETag`` and ``Last-Modified``."""
    yield from _serve(WebServer(folder, _RangedHandler))


@contextlib.contextmanager
def rangeless(folder: Path) -> Iterator[WebServer]:
    """A server like ``python -m http.server``: HTTP/1.0, the whole file whatever ``Range`` says, no ``ETag``."""
    yield from _serve(WebServer(folder, _WholeHandler))


def _serve(server: WebServer) -> Iterator[WebServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes of a file from `start` up to `stop`."""

    start: int
    stop: int


class _WholeHandler(http.server.BaseHTTPRequestHandler):
    server: WebServer

    def do_HEAD(self) -> None:
        self._serve_file()

    def do_GET(self) -> None:
        self._serve_file()

    def _serve_file(self) -> None:
        request = self.server.log.enter(self.command, self.path, self.headers)
        path = self.server.file(request)
        if path is None:
            self._answer(request, HTTPStatus.NOT_FOUND, {"Content-Length": "0"})
            return
        with path.open("rb") as file:
            self._serve_open(request, path, file)

    def _serve_open(self, request: Request, path: Path, file: BinaryIO) -> None:
        size = path.stat().st_size
        self._answer(request, HTTPStatus.OK, {**self._about(path), "Content-Length": str(size)})
        self._send(request, file, _Span(0, size))

    def _about(self, path: Path) -> dict[str, str]:
        modified = formatdate(path.stat().st_mtime, usegmt=True)
        return {"Content-Type": "application/octet-stream", "Last-Modified": modified}

    def _answer(self, request: Request, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.server.log.answered(request, status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, request: Request, file: BinaryIO, span: _Span) -> None:
        if request.method == "HEAD":
            return
        file.seek(span.start)
        left = span.stop - span.start
        while left and (piece := file.read(min(left, _PIECE_BYTES))):
            self.wfile.write(piece)
            left -= len(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are in the server's log, and nowhere else."""


class _RangedHandler(_WholeHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve_open(self, request: Request, path: Path, file: BinaryIO) -> None:
        size = path.stat().st_size
        span = _span(request.byte_range, size)
        if span is None:
            super()._serve_open(request, path, file)
            return
        if span.start >= span.stop:
            headers = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            self._answer(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
            return
        about = {**self._about(path), "Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}"}
        self._answer(request, HTTPStatus.PARTIAL_CONTENT, {**about, "Content-Length": str(span.stop - span.start)})
        self._send(request, file, span)

    def _about(self, path: Path) -> dict[str, str]:
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        return {**super()._about(path), "Accept-Ranges": "bytes", "ETag": etag}


def _span(byte_range: str, size: int) -> _Span | None:
    """What a ``Range`` header asks for; nothing where it asks for the whole or for what may be ignored.

    >>> _span("bytes=2-4", 10), _span("bytes=-3", 10), _span("bytes=12-", 10), _span("bytes=0-1,4-5", 10)
    (_Span(start=2, stop=5), _Span(start=7, stop=10), _Span(start=12, stop=10), None)
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", byte_range.strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return _Span(max(size - int(last), 0), size)
    return _Span(int(first), min(int(last) + 1, size) if last else size)
