"""Servers with a few fixed answers: a service that refuses, a machine's own service of credentials, and silence."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
from collections.abc import Iterator, Mapping

from tests.support.servers.loopback import HOST, ThreadedServer

# Answers by the beginning of the path, the longest first: status and body.
Answers = Mapping[str, tuple[int, bytes]]
# What a machine of EC2 that has a role answers.
MACHINE: Answers = {
    "/latest/api/token": (200, b"token"),
    "/latest/meta-data/iam/security-credentials/images": (
        200,
        json.dumps(
            {"AccessKeyId": "key", "SecretAccessKey": "hush", "Token": "hush", "Expiration": "2099-01-01T00:00:00Z"}
        ).encode(),
    ),
    "/latest/meta-data/iam/security-credentials": (200, b"images"),
}


class ScriptedServer(ThreadedServer):
    """Answers every method by the path alone."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(_ScriptedHandler)
        self.answers = answers


class _ScriptedHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def _serve(self) -> None:
        self.server.log.enter(self.command, self.path, self.headers)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = sorted(self.server.answers, key=len, reverse=True)
        status, body = next((self.server.answers[start] for start in known if self.path.startswith(start)), (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def scripted(answers: Answers) -> Iterator[ScriptedServer]:
    """A server with these answers."""
    server = ScriptedServer(answers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def mute() -> Iterator[str]:
    """The endpoint of a server that accepts connections and never answers."""
    with socket.create_server((HOST, 0)) as listening:
        yield f"http://{HOST}:{listening.getsockname()[1]}"


def refusal(code: str) -> bytes:
    """A refusal in the form of S3 and Azure."""
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>No.</Message></Error>'.encode()
