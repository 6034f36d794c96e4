"""Requests as they are parsed, and the answers to them."""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Characters of a path and its query at most: far more than the page asks for.
MAX_TARGET_CHARACTERS = 16_384
# Values of a query at most.
MAX_FIELDS = 32
# Code that a page may run and what it may load: only what this server sends.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
# The policy of all that is not our page: nothing may run, and nothing be loaded.
SEALED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class RequestError(Exception):
    """A request that is not answered as it was asked.

    Parameters
    ----------
    status
        The status of HTTP.
    reason
        A sentence for the user.
    headers
        Headers that the status needs.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
        self.headers = dict(headers or {})


class GoneError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Request:
    """A request.

    Parameters
    ----------
    parts
        Names in the path, decoded, without the token.
    query
        Values of the query, by name.
    headers
        Headers, by name in lower case.
    is_gone
        Returns whether whoever asked has left.
    """

    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    is_gone: Callable[[], bool]

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number of the query.

        Raises
        ------
        RequestError
            If it is none, or below 0.
        """
        given = self.query.get(name, str(default))
        if not (given.isascii() and given.isdigit() and len(given) < 16):
            raise RequestError(400, f"{name} must be a whole number")
        return int(given)


@dataclass(frozen=True)
class Answer:
    """An answer.

    Parameters
    ----------
    body
        The bytes, or pieces of them.
    kind
        The media type.
    status
        The status of HTTP.
    headers
        Further headers.
    size_bytes
        Bytes of the pieces.
    policy
        What a browser lets it do.
    """

    body: bytes | Iterator[bytes]
    kind: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    policy: str = SEALED


def parse_target(target: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names of a path and the values of its query.

    Raises
    ------
    RequestError
        If it is not a path, or a name in it could lead elsewhere.

    Examples
    --------
    >>> parse_target("/tile/0/1?z=3")
    (('tile', '0', '1'), {'z': '3'})
    """
    if len(target) > MAX_TARGET_CHARACTERS:
        raise RequestError(414, "the address is too long")
    path, _, query = target.partition("?")
    if not path.startswith("/") or "#" in target:
        raise RequestError(400, "the address must be a path")
    try:
        parts = tuple(urllib.parse.unquote(part, errors="strict") for part in path[1:].split("/"))
        values = urllib.parse.parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS, strict_parsing=bool(query)
        )
    except ValueError:
        raise RequestError(400, "the address cannot be decoded") from None
    if any(part in (".", "..") or {"/", "\\", "\0"} & set(part) for part in parts) or "" in parts[:-1]:
        raise RequestError(404, "this server has no such page")
    return parts, dict(values)


def json_answer(document: Any, status: int = 200) -> Answer:  # noqa: ANN401  (any JSON)
    """Return a document as JSON; numbers that JSON does not have become text."""
    text = json.dumps(_plain(document), ensure_ascii=True, allow_nan=False)
    return Answer(text.encode(), "application/json", status, {"Cache-Control": "no-store"})


def _plain(value: object) -> object:
    """Return a value without the numbers that JSON or a browser does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
