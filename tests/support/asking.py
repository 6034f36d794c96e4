"""Requests to a viewer, well formed or as bytes."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

import pyramid

# Seconds that an answer may take on a slow machine.
PATIENCE_S = 20


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its headers by name in lower case, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture that it holds."""
        assert self.headers["content-type"] == "image/png", self.body[:500]
        return np.asarray(imagecodecs.png_decode(self.body))


@dataclass(frozen=True)
class Asking:
    """A client of a viewer at a URL."""

    url: str

    @property
    def address(self) -> tuple[str, int]:
        split = urllib.parse.urlsplit(self.url)
        return str(split.hostname), int(split.port or 80)

    def get(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
        """Ask for a path below the URL; ``_`` in names of headers is a hyphen."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        try:
            prefix = urllib.parse.urlsplit(self.url).path
            connection.request(
                method, prefix + path, body, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send(self, data: bytes, pieces_wanted: int | None = None) -> bytes:
        """Send bytes, and return what comes: all until the end, or up to a number of empty lines."""
        pieces: list[bytes] = []
        with socket.create_connection(self.address, timeout=PATIENCE_S) as line:
            try:
                line.sendall(data)
                if pieces_wanted is None:
                    line.shutdown(socket.SHUT_WR)
                while piece := line.recv(2**16):
                    pieces.append(piece)
                    if pieces_wanted is not None and b"".join(pieces).count(b"\n\n") >= pieces_wanted - 1:
                        break
            except TimeoutError:
                raise
            except OSError:
                pass  # the server has closed the connection before it has read all
        return b"".join(pieces)


@contextmanager
def viewing(*urls: Any, **options: Any) -> Iterator[Asking]:
    """A viewer of stores, and a client of it."""
    with pyramid.view(*urls, **options) as viewer:
        yield Asking(viewer.url)
