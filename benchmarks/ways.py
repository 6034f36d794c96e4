"""Ways from a client to a server of object storage: straight, limited in throughput, and with latency."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers.faults import FaultProxy
from tests.support.servers.log import Request
from tests.support.servers.proxy import Proxy, ProxyHandler
from tests.support.servers.service import Service

WAYS = ("direct", "limited", "proxy", "latency")
LATENCY_S = 0.05


class LimitedProxy(Proxy):
    """Passes bodies on at so many bytes a second, all requests together."""

    def __init__(self, upstream: str, bytes_per_s: float) -> None:
        super().__init__(upstream, handler=_LimitedHandler)
        self._bytes_per_s = bytes_per_s
        self._taking = threading.Lock()
        self._free_s = 0.0

    def wait_for(self, count: int) -> None:
        """Wait until `count` more bytes may pass."""
        with self._taking:
            now_s = time.monotonic()
            self._free_s = max(self._free_s, now_s) + count / self._bytes_per_s
            wait_s = self._free_s - now_s
        self.stopping.wait(wait_s)


class _LimitedHandler(ProxyHandler):
    server: LimitedProxy

    def body(self, request: Request) -> Iterator[bytes]:
        for piece in super().body(request):
            self.server.wait_for(len(piece))
            yield piece


@contextmanager
def way_to(service: Service, way: str, bytes_per_s: float) -> Iterator[Service]:
    """Return the service as it is asked on one of WAYS."""
    if way == "direct":
        yield service
        return
    proxy = LimitedProxy(service.endpoint, bytes_per_s) if way == "limited" else _delaying(service, way)
    with proxy:
        yield service.through(proxy.endpoint)


def _delaying(service: Service, way: str) -> Proxy:
    return FaultProxy(service.endpoint, latency_s=LATENCY_S if way == "latency" else 0)
