"""What a server was asked, in the order in which it was asked."""

from __future__ import annotations

import dataclasses
import fnmatch
import threading
import urllib.parse
from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Parameters
    ----------
    number
        Its place in the log.
    method
        ``GET``, ``PUT`` and so on.
    key
        The path, unquoted, without its leading slash: on object storage the bucket and the object's key.
    query
        What stands after the question mark, as it came.
    byte_range
        The ``Range`` header, or nothing.
    body_bytes
        What its ``Content-Length`` says; 0 without one.
    status
        What was answered; None where nothing was.
    """

    number: int
    method: str
    key: str
    query: str = ""
    byte_range: str = ""
    body_bytes: int = 0
    status: int | None = None

    @property
    def is_listing(self) -> bool:
        """Whether it asks an object storage for keys and not for an object."""
        names = urllib.parse.parse_qs(self.query, keep_blank_values=True)
        return self.method == "GET" and ("list-type" in names or names.get("comp") == ["list"])

    def matches(self, method: str = "*", key: str = "*") -> bool:
        """Whether both patterns (``*``, ``?``, ``[…]``; ``*`` goes over slashes) fit."""
        return fnmatch.fnmatchcase(self.method, method) and fnmatch.fnmatchcase(self.key, key)


class Log:
    """Requests of a server, entered by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far, each entered when it came in."""
        with self._lock:
            return tuple(self._requests)

    def enter(self, method: str, target: str, headers: Message) -> Request:
        """A new request; `target` is the path with its query, as it stands in the request's first line."""
        path, _, query = target.partition("?")
        # Only the first slash goes: a key that begins with one is another key.
        key = urllib.parse.unquote(path.removeprefix("/"))
        body_bytes = int(headers.get("Content-Length") or 0)
        with self._lock:
            request = Request(len(self._requests), method, key, query, headers.get("Range") or "", body_bytes)
            self._requests.append(request)
        return request

    def answered(self, request: Request, status: int) -> None:
        """Tell what was answered; before the answer is sent, so that whoever has it finds it here."""
        with self._lock:
            self._requests[request.number] = dataclasses.replace(self._requests[request.number], status=status)

    def count(self, method: str = "*", key: str = "*") -> int:
        """How many requests match (see `Request.matches`)."""
        return sum(request.matches(method, key) for request in self.requests)

    def clear(self) -> None:
        """Forget all requests; none may be on its way."""
        with self._lock:
            self._requests.clear()
