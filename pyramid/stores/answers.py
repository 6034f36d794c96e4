"""What a server's answer holds: the object, an error in place of it, or the object as it was encoded for the way."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# Of all that XML may say, an error is short and says its code first.
MAX_ERROR_BYTES = 2**16
MAX_PIECE_BYTES = 2**20
# How an error or a web page may begin, and how much of it shows which it is.
_SUSPECT = b"<\xef \t\r\n"
_LOOKED_AT_BYTES = 2**10
_ERROR = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>)?\s*<Error[\s>]")
_PAGE = re.compile(rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"<Code>\s*([^<]{1,100}?)\s*</Code>")
_MESSAGE = re.compile(r"<Message>\s*([^<]{1,200})")
# "aws-chunked" is how an object was sent, which some services keep as if it were an encoding.
_PLAIN = frozenset({"", "identity", "aws-chunked"})
# Errors that S3 and services like it may answer with the status 200, and that may be gone a little later.
PASSING_CODES = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "Busy", "ServerBusy"}
)
NO_RANGES = 501


class AnswerError(Exception):
    """An answer that is not what was asked for, whatever its status.

    Parameters
    ----------
    message
        What it is; nothing secret.
    again
        Whether another attempt may go well.
    status
        The status of HTTP that it amounts to, where there is one.
    """

    def __init__(self, message: str, *, again: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """An object or a part of it, as a server gives it.

    Parameters
    ----------
    size_bytes
        Length of the whole object as it is sent; None where the server does not say.
    tag
        Differs between an object and another at its place; None where the server has no tags.
    changed
        When the object was changed, as the server says it.
    encoding, kind
        ``Content-Encoding`` and ``Content-Type``, empty where there is none.
    pieces
        The body, once.
    attributes
        What else is said of the object, by name.
    """

    size_bytes: int | None
    tag: str | None
    changed: str
    encoding: str
    kind: str
    pieces: Iterable[bytes]
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_encoded(self) -> bool:
        """Whether the body is not the object itself."""
        return any(name not in _PLAIN for name in _names(self.encoding))

    def body(self) -> Iterator[bytes]:
        """Yield the object in pieces, its encoding undone.

        Raises
        ------
        AnswerError
            For an error or a web page in place of the object, and for an encoding that is not known.
        """
        pieces = iter(self.pieces)
        first = next(pieces, b"")
        while first[:1] in _SUSPECT and len(first) < _LOOKED_AT_BYTES and (piece := next(pieces, None)) is not None:
            first += piece
        self._check(first)
        decoded: Iterable[bytes] = itertools.chain([first], pieces)
        for name in reversed(_names(self.encoding)):
            if name not in _PLAIN:
                decoded = _decode(decoded, name)
        yield from decoded

    def part(self) -> bytes:
        """Return a part of an object; AnswerError also where it is a part of an encoded object."""
        if self.is_encoded:
            raise AnswerError(
                f"its body is encoded ({self.encoding[:40]}), so that parts cannot be read", status=NO_RANGES
            )
        return b"".join(self.body())

    def _check(self, start: bytes) -> None:
        """Raise AnswerError where the body is no object.

        Each object of a storage has a tag, and its errors have none. A web page is one whatever its headers say, and
        no chunk, document or image begins as one.
        """
        if start[:1] not in _SUSPECT:
            return
        start = start.removeprefix(b"\xef\xbb\xbf")
        kind = self.kind.lower()
        is_short = self.size_bytes is None or self.size_bytes <= MAX_ERROR_BYTES
        if self.tag is None and is_short and (not kind or "xml" in kind) and _ERROR.match(start):
            raise error_in(start.decode(errors="replace"))
        if (not kind or "html" in kind) and _PAGE.match(start):
            raise AnswerError(
                "the server answers with a web page (HTML) in place of the object, such as one to log in; check the "
                "address and the credentials"
            )


def error_in(text: str) -> AnswerError:
    """Return what an XML document says that has an ``Error`` as its root."""
    code, message = _CODE.search(text), _MESSAGE.search(text)
    named = code.group(1) if code else "Error"
    told = f"the server answers 200 with an error: {named}" + (f": {message.group(1).strip()}" if message else "")
    return AnswerError(told, again=named in PASSING_CODES)


def _names(encoding: str) -> list[str]:
    return [name.strip().lower() for name in encoding.split(",")]


def _decode(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Undo an encoding, in pieces of bounded size."""
    if name not in ("gzip", "x-gzip", "deflate"):
        raise AnswerError(f"its body is encoded as {name[:40]!r} (Content-Encoding), which cannot be undone here")
    try:
        yield from _inflate(pieces, name)
    except zlib.error as error:
        raise AnswerError(f"its body is not the {name} that its Content-Encoding says: {error}") from None


def _inflate(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    engine = None
    for piece in pieces:
        rest = piece
        while rest:
            engine = engine or zlib.decompressobj(_window(name, rest))
            if out := engine.decompress(rest, MAX_PIECE_BYTES):
                yield out
            rest = engine.unconsumed_tail
            if engine.eof:  # gzip may have several members
                rest, engine = engine.unused_data, None
    if engine is not None:
        raise AnswerError(f"its {name} body ends early", again=True)


def _window(name: str, start: bytes) -> int:
    """Return what tells zlib the container: gzip's, zlib's, or none, as some servers send for ``deflate``."""
    if name != "deflate":
        return 31
    return 15 if start[0] & 0x0F == 8 and len(start) > 1 and (start[0] << 8 | start[1]) % 31 == 0 else -15
