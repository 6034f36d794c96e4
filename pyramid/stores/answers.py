"""Answers of servers: an object, an encoded object, or an error in its place."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

# The first byte of a part, and the first byte after it.
ByteRange: TypeAlias = tuple[int, int]

# The largest error document. Errors are short, unlike many objects that are XML.
MAX_ERROR_BYTES = 2**16
# The largest piece of a decoded body, so that a compressed body cannot fill the memory at once.
MAX_PIECE_BYTES = 2**20
# First characters of errors and web pages, and the bytes that are enough to recognise them.
_SUSPECT = b"<\xef \t\r\n"
_LOOKED_AT_BYTES = 2**10
_ERROR = re.compile(rb"\s*(?:<\?xml[^>]{0,200}\?>)?\s*<Error[\s>]")
_PAGE = re.compile(rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"<Code>\s*([^<]{1,100}?)\s*</Code>")
_MESSAGE = re.compile(r"<Message>\s*([^<]{1,200})")
# Encodings that leave the body as it is. Some services keep "aws-chunked" from the upload of an object.
_PLAIN = frozenset({"", "identity", "aws-chunked"})
# Errors that S3 and similar services may send with the status 200. Another attempt may succeed.
PASSING_CODES = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "Busy", "ServerBusy"}
)
# Statuses of failures that may pass: the same request may succeed a little later.
PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# The status of answers that show that a server does not give ranges: that of "Not Implemented".
NO_RANGES = 501


class AnswerError(Exception):
    """An answer that is not the requested object, whatever its status.

    Parameters
    ----------
    message
        The reason; it contains nothing secret.
    again
        Whether another attempt may succeed.
    status
        The HTTP status that it amounts to, if any.
    """

    def __init__(self, message: str, *, again: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """An object or a part of it, as a server sends it.

    Parameters
    ----------
    size_bytes
        The size of the whole object as it is sent; None if the server does not say.
    tag
        A text that changes whenever the object changes; None if the server has no tags.
    changed
        The time of the last change, in the words of the server.
    encoding, kind
        ``Content-Encoding`` and ``Content-Type``; empty if they are missing.
    pieces
        The body, which can be read once.
    attributes
        Other attributes of the object by name.
    """

    size_bytes: int | None
    tag: str | None
    changed: str
    encoding: str
    kind: str
    pieces: Iterable[bytes]
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """The tag of the object, or else its time of change; None if it has neither."""
        return self.tag or self.changed or None

    @property
    def is_encoded(self) -> bool:
        """True if the body is encoded and so is not the object itself."""
        return any(name not in _PLAIN for name in _names(self.encoding))

    def body(self) -> Iterator[bytes]:
        """Yield the decoded object in pieces.

        Raises
        ------
        AnswerError
            For an error or a web page in place of the object, and for an unknown encoding.
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

    def part(self, span: ByteRange | None = None) -> bytes:
        """Return the part of an object that the server sent for `span`.

        Raises AnswerError as `body` does, and for a part of an encoded object or of another length.
        """
        if self.is_encoded:
            raise AnswerError(
                f"its body is encoded ({self.encoding[:40]}), so that parts cannot be read", status=NO_RANGES
            )
        part = b"".join(self.body())
        if span is not None and self.size_bytes is not None:
            expected = min(span[1], self.size_bytes) - span[0]
            if len(part) != expected:
                raise AnswerError(f"{len(part)} bytes came of a part of {expected}", again=True)
        return part

    def cut(self, span: ByteRange) -> bytes:
        """Return a part that is cut from the whole object.

        Only the part is held in memory, and the bytes after it are not read.
        """
        start, stop = span
        pieces, passed = [], 0
        for piece in self.body():
            pieces.append(memoryview(piece)[max(start - passed, 0) : max(stop - passed, 0)].tobytes())
            passed += len(piece)
            if passed >= stop:
                break
        return b"".join(pieces)

    def _check(self, start: bytes) -> None:
        """Raise AnswerError if the body is not an object.

        In a storage each object has a tag, and errors have none. A web page is recognised by its first bytes, whatever
        its headers say. No chunk, document or image begins in this form.
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
                "the server answers with a web page (HTML) in place of the object, such as a login page; check the "
                "address and the credentials"
            )


def error_in(text: str) -> AnswerError:
    """Return the error in an XML document whose root is ``Error``."""
    code, message = _CODE.search(text), _MESSAGE.search(text)
    named = code.group(1) if code else "Error"
    reason = f"the server answers 200 with an error: {named}" + (f": {message.group(1).strip()}" if message else "")
    return AnswerError(reason, again=named in PASSING_CODES)


def _names(encoding: str) -> list[str]:
    return [name.strip().lower() for name in encoding.split(",")]


def _decode(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the decoded body in pieces of bounded size."""
    if name not in ("gzip", "x-gzip", "deflate"):
        raise AnswerError(f"its body is encoded as {name[:40]!r} (Content-Encoding), which cannot be decoded here")
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
            if engine.eof:  # a gzip body may have several members
                rest, engine = engine.unused_data, None
    if engine is not None:
        raise AnswerError(f"its {name} body ends early", again=True)


def _window(name: str, start: bytes) -> int:
    """Return the window setting by which zlib knows the container of a body.

    The container is that of gzip or zlib, or none, as some servers send for ``deflate``.
    """
    if name != "deflate":
        return 31
    return 15 if start[0] & 0x0F == 8 and len(start) > 1 and (start[0] << 8 | start[1]) % 31 == 0 else -15
