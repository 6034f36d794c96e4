"""What servers on loopback share: a free port, a thread or a process that serves, and a way to wait for it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.servers.log import Log, Request

HOST = "127.0.0.1"
# What keeps clients of the clouds from asking the machine they run on who it is (and from waiting for the answer).
NO_CLOUD: Mapping[str, str] = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_METADATA_ENDPOINT": f"http://{HOST}:9",
    "NO_GCE_CHECK": "true",
}
_START_WITHIN_S, _STOP_WITHIN_S = 60, 10


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


class ThreadedServer(http.server.ThreadingHTTPServer):
    """An HTTP server of one thread a connection, which ends with its connections, those that wait too.

    Its URL is `endpoint`. A `handler` enters in `log` what it is asked, and finds in `stopping` whether it is to end.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__((HOST, 0), handler)
        self.endpoint = f"http://{HOST}:{self.server_address[1]}"
        self.log = Log()
        self.stopping = threading.Event()
        self._live: set[socket.socket] = set()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far."""
        return self.log.requests

    def count(self, method: str = "*", key: str = "*") -> int:
        """How many requests had this method and key (patterns)."""
        return self.log.count(method, key)

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, cut all connections, and wait for the threads that served them."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        with self._changing:
            for connection in self._live:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        until_s = time.monotonic() + _STOP_WITHIN_S
        while self._live and time.monotonic() < until_s:
            time.sleep(0.005)
        self.server_close()

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]  # TCP alone
        """Note the connection, then serve it on its thread."""
        with self._changing:
            self._live.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # TCP alone
        """End the connection."""
        super().shutdown_request(request)
        with self._changing:
            self._live.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away, which is what faults are about; tell all else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | http.client.HTTPException):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # handed on as it came


def reset(connection: socket.socket) -> None:
    """End a connection the rude way: the peer sees a reset, not an end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())  # `close` would wait for the files that were made of it


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves, its output in `log`; it ends with the block, killed if it does not end by itself."""
    own = {**os.environ, **NO_CLOUD, **(environment or {})}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=own, pass_fds=pass_fds
        ) as server,
    ):
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_until_answers(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `endpoint` answers HTTP, whatever the status.

    Raises RuntimeError, with the end of the server's log, where the server ends first or takes a minute.
    """
    netloc = urllib.parse.urlsplit(endpoint).netloc
    until_s = time.monotonic() + _START_WITHIN_S
    while server.poll() is None and time.monotonic() < until_s:
        with contextlib.suppress(OSError, http.client.HTTPException):
            asked = http.client.HTTPConnection(netloc, timeout=_START_WITHIN_S)
            with contextlib.closing(asked):
                asked.request("GET", "/")
                asked.getresponse().read()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} does not answer at {endpoint}: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def self_signed(folder: Path) -> Iterator[str]:
    """A server of HTTPS whose certificate nobody signed but itself; its endpoint."""
    import datetime
    import ipaddress
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    who = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "images")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    built = x509.CertificateBuilder(who, who, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    signed = built.add_extension(names, critical=False).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = ThreadedServer(http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is what is tested
    server.start()
    try:
        yield server.endpoint.replace("http:", "https:")
    finally:
        server.stop()
