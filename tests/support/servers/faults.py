"""What networks and services do to a run, done on purpose: a proxy that injects faults at requests that are named.

>>> from tests.support.servers.faults import Fault, Kind
>>> fault = Fault(Kind.UNAVAILABLE, "PUT", "images/*/c/0/*", at=2, times=3)  # the 2nd, 3rd and 4th such PUT
>>> [fault.befalls(nth) for nth in range(1, 6)]
[False, True, True, True, False]
"""

from __future__ import annotations

import enum
import http.client
import math
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.support.servers.log import Request
from tests.support.servers.proxy import Proxy, ProxyHandler, Rewrite, pieces_of, unchanged

ERROR = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
EXPIRED = b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>"


class Kind(enum.Enum):
    """What happens to a request."""

    UNAVAILABLE = "503, not passed on"
    RESET_BEFORE = "reset before the request is passed on"
    RESET_WITHIN_UPLOAD = "reset when half of the request's body is passed on"
    RESET_WITHIN_ANSWER = "reset when half of the answer is passed back"
    RESET_AFTER = "passed on and committed; a reset in place of the answer"
    STALL = "passed on; the answer is withheld"
    STALL_BEFORE = "not read and not passed on until the stall ends"
    CORRUPT_UP = "one byte of the request's body is changed on the way"
    CORRUPT_DOWN = "one byte of the answer's body is changed on the way"
    ERROR_WITH_200 = "200 with an error document, not passed on"
    EXPIRED = "400 as S3 answers to a token that has expired, not passed on"
    OUTAGE = "503 for this and all requests that come within a time"
    OUTAGE_RESET = "a reset for this and all requests that come within a time"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and the requests that it befalls.

    Parameters
    ----------
    kind
        What happens.
    method, key
        Patterns of the requests that count, as in `Request.matches`: ``*`` goes over slashes.
    at
        The first request that it befalls, counted from 1 among those that match since it was injected.
    times
        How many it befalls from there on; ``math.inf`` for ever.
    lasts_s
        How long a stall or an outage lasts; ``math.inf`` until the proxy ends.
    """

    kind: Kind
    method: str = "*"
    key: str = "*"
    at: int = 1
    times: float = 1
    lasts_s: float = math.inf

    def befalls(self, nth: int) -> bool:
        """Whether it befalls the nth request that matches."""
        return self.at <= nth < self.at + self.times


class FaultProxy(Proxy):
    """A proxy that passes everything on until it is told what is to go wrong.

    `latency_s` is added to each request; requests wait side by side, not one after another.
    """

    def __init__(self, upstream: str, rewrite: Rewrite = unchanged, latency_s: float = 0) -> None:
        super().__init__(upstream, rewrite, FaultHandler)
        self.latency_s = latency_s
        self._telling = threading.Lock()
        self._matched: dict[int, tuple[Fault, int]] = {}
        self._befallen: list[tuple[Request, Kind]] = []
        self._outage: tuple[Kind, float] = (Kind.OUTAGE, -math.inf)

    def __enter__(self) -> FaultProxy:
        self.start()
        return self

    def inject(self, *faults: Fault) -> None:
        """Let these go wrong from here on, beside those that were injected before; the first that befalls counts."""
        with self._telling:
            for fault in faults:
                self._matched[len(self._matched)] = (fault, 0)

    def heal(self) -> None:
        """Forget all faults and end an outage; stalls that began last."""
        with self._telling:
            self._matched.clear()
            self._outage = (Kind.OUTAGE, -math.inf)

    @property
    def befallen(self) -> tuple[tuple[Request, Kind], ...]:
        """The requests that something happened to, and what, as they came in."""
        with self._telling:
            return tuple(self._befallen)

    def fault_of(self, request: Request) -> Fault | None:
        """What is to happen to a request; each is asked for once."""
        with self._telling:
            fault = self._counted(request)
            outage, until_s = self._outage
            if time.monotonic() < until_s:
                fault = Fault(outage)
            elif fault and fault.kind in (Kind.OUTAGE, Kind.OUTAGE_RESET):
                self._outage = (fault.kind, time.monotonic() + fault.lasts_s)
            if fault:
                self._befallen.append((request, fault.kind))
            return fault

    def _counted(self, request: Request) -> Fault | None:
        """Count the request for every fault that it matches, and give the first that befalls it."""
        first = None
        for number, (fault, before) in self._matched.items():
            if request.matches(fault.method, fault.key):
                self._matched[number] = (fault, before + 1)
                first = first or (fault if fault.befalls(before + 1) else None)
        return first


class FaultHandler(ProxyHandler):
    """One client's connection, with what is to happen to its requests."""

    server: FaultProxy

    def handle_request(self, request: Request) -> None:
        """Pass a request on, or let happen to it what was injected."""
        if self.server.latency_s:
            self.server.stopping.wait(self.server.latency_s)
        fault = self.server.fault_of(request)
        if fault is None:
            super().handle_request(request)
            return
        match fault.kind:
            case Kind.UNAVAILABLE | Kind.OUTAGE:
                self._refuse(request)
            case Kind.ERROR_WITH_200:
                self._refuse(request, http.HTTPStatus.OK, ERROR)
            case Kind.EXPIRED:
                self._refuse(request, http.HTTPStatus.BAD_REQUEST, EXPIRED)
            case Kind.RESET_BEFORE | Kind.OUTAGE_RESET:
                self.cut()
            case Kind.RESET_WITHIN_UPLOAD:
                self._reset_within_upload(request)
            case Kind.STALL_BEFORE:
                if self._waited(fault.lasts_s):
                    super().handle_request(request)
            case _:
                self._pass_on(request, fault)

    def _pass_on(self, request: Request, fault: Fault) -> None:
        body = self.body(request)
        if fault.kind is Kind.CORRUPT_UP:
            body = corrupted(body, request.body_bytes // 2)
        with self.asked(body) as response:
            match fault.kind:
                case Kind.RESET_WITHIN_ANSWER:
                    self._reset_within_answer(request, response)
                case Kind.RESET_AFTER:
                    response.read()
                    self.cut()
                case Kind.CORRUPT_DOWN:
                    self.answer(request, response, corrupted(pieces_of(response), (response.length or 0) // 2))
                case Kind.STALL:
                    if self._waited(fault.lasts_s):
                        self.answer(request, response)
                case _:
                    self.answer(request, response)

    def _refuse(
        self, request: Request, status: http.HTTPStatus = http.HTTPStatus.SERVICE_UNAVAILABLE, body: bytes = b""
    ) -> None:
        for _ in self.body(request):  # a server that answers and hangs up before the body came would be a reset
            pass
        self.server.log.answered(request, status)
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(body)

    def _reset_within_upload(self, request: Request) -> None:
        """The server gets half a body and then an end; the client gets a reset."""
        try:
            with self.asked(_half(self.body(request), request.body_bytes // 2)):
                pass
        except _Interrupted:
            self.cut()

    def _reset_within_answer(self, request: Request, response: http.client.HTTPResponse) -> None:
        """Half of the body where there is one, else half of the first line."""
        if response.length and request.method != "HEAD":
            half = response.read(response.length // 2)
            response.length = (response.length or 0) + len(half)
            self.answer(request, response, [half])
        else:
            response.read()
            self.wfile.write(b"HTTP/1.1 2")
            self.cut()

    def _waited(self, lasts_s: float) -> bool:
        """Wait; false, and the connection is cut, where the proxy ends first."""
        stopped = self.server.stopping.wait(None if lasts_s == math.inf else lasts_s)
        if stopped:
            self.cut()
        return not stopped


class _Interrupted(Exception):
    """The request was cut on purpose."""


def _half(body: Iterable[bytes], cut_at: int) -> Iterator[bytes]:
    passed = 0
    for piece in body:
        if passed + len(piece) > cut_at:
            yield piece[: cut_at - passed]
            break
        passed += len(piece)
        yield piece
    raise _Interrupted


def corrupted(pieces: Iterable[bytes], place: int) -> Iterator[bytes]:
    """The pieces with all bits of the byte at `place` turned.

    >>> list(corrupted([b"ab", b"cd"], 2))
    [b'ab', b'\\x9cd']
    """
    passed = 0
    for piece in pieces:
        at = place - passed
        passed += len(piece)
        yield piece[:at] + bytes([piece[at] ^ 0xFF]) + piece[at + 1 :] if 0 <= at < len(piece) else piece
