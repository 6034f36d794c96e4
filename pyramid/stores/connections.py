"""Connections of the standard library's HTTP client whose waits end with the run."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyramid.concurrency.cancelling import LOOK_S, check_not_cancelled

if TYPE_CHECKING:
    from typing_extensions import Buffer

# The longest wait for a connection. A host that is up answers much sooner.
CONNECT_S = 5.0
# The read buffer of an answer: large enough that a body needs few calls.
_BUFFER_BYTES = 2**18


class Connection:
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
        self._http: Any = http.client.HTTPConnection(through, timeout=CONNECT_S)  # typed for real sockets only
        if scheme == "https":
            context = ssl.create_default_context()
            self._http = http.client.HTTPSConnection(through, timeout=CONNECT_S, context=context)
            if through != host:
                self._http.set_tunnel(host)

    def ask(self, method: str, target: str, headers: Mapping[str, str], seconds: float) -> http.client.HTTPResponse:
        """Send a request and return the head of the answer.

        Each wait for the server lasts at most `seconds`.
        """
        if self._http.sock is None:
            self._connect()
        self._http.sock.limit_s = seconds
        host = {"Host": self.netloc} if self._proxy else {}
        self._http.request(method, self._proxy + target, headers={**host, **headers})
        response: http.client.HTTPResponse = self._http.getresponse()
        return response

    def _connect(self) -> None:
        self._http.connect()
        self._http.sock = _Socket(self._http.sock)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class _Socket:
    """A socket for `http.client` whose reads end when the run does."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.limit_s = CONNECT_S

    def sendall(self, data: Buffer) -> None:
        self._inner.settimeout(self.limit_s)  # a request without a body fits into one packet
        self._inner.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._inner.settimeout(LOOK_S)
        # A file of the socket keeps it open until the file is closed. The last answer of a connection needs this.
        return io.BufferedReader(_Reads(self._inner, self._inner.makefile("rb", 0), self.limit_s), _BUFFER_BYTES)

    def close(self) -> None:
        self._inner.close()


class _Reads(io.RawIOBase):
    """Incoming bytes, with short waits between checks whether the run is cancelled."""

    def __init__(self, inner: socket.socket, kept: Any, limit_s: float) -> None:  # noqa: ANN401  (a file, which is only closed)
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
                check_not_cancelled()
                if time.monotonic() > until_s:
                    raise TimeoutError(f"the server said nothing for {self._limit_s:.0f} s") from None

    def close(self) -> None:
        self._kept.close()
        super().close()
