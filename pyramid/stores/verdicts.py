"""What a failed request means: whether to make it again, its status, and what the server said in few words."""

from __future__ import annotations

import re

from pyramid.errors import DamageError
from pyramid.stores.answers import NO_RANGES, PASSING_CODES, AnswerError
from pyramid.stores.checksums import WrongSumError
from pyramid.stores.redact import without_secrets
from pyramid.stores.retry import AttemptFailure

_STATUS = re.compile(r"(?:status code:|status) (\d{3})\b")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_OF_KEY = re.compile(r"\(code: (\w{1,100})\)")  # of one that is removed with others
_MESSAGE = re.compile(r"<Message>([^<]{1,200})")
_CAUSE = re.compile(r'message: "([^"]{1,100})"')
# What obstore says of itself and of the request, which is told in our words.
_WHERE = re.compile(
    r"Generic \w+ error: |Error performing [A-Za-z]+ (\S+ in \S+( - |$)|request: )|Object at location .* not found: |"
    r"The operation lacked [^:]* for path [^:]*: |Object at location .* already exists: |"
    r"Server returned non-2xx status code: "
)
_STATUSES = {
    **{"NotFoundError": 404, "FileNotFoundError": 404, "PermissionDeniedError": 403, "UnauthenticatedError": 401},
    **{"NotSupportedError": NO_RANGES, "NotImplementedError": NO_RANGES, "AlreadyExistsError": 409},
}
_FINAL = frozenset({*_STATUSES, "InvalidPathError", "UnknownConfigurationKeyError"})
# Of all statuses, those of which a service may answer another a little later.
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
NOT_IN_RANGE = 416
MOVED = 301
_MAX_TOLD_CHARACTERS = 300
# Codes that come with a status of the client's fault although the way there was at fault.
_DAMAGED = frozenset(
    {
        *("XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "BadDigest", "IncompleteBody", "RequestTimeout"),
        *("Md5Mismatch", "Crc64Mismatch", "OperationAborted", "InvalidDigest"),
    }
)
# What the network's own layers say where another attempt finds the same.
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)|CERTIFICATE_VERIFY_FAILED")
_NO_TLS = re.compile(r"InvalidMessage\(|AlertReceived\(|PeerIncompatible|PeerMisbehaved|WRONG_VERSION_NUMBER")
_NO_HTTP = re.compile(r"hyper::Error\(\s*Parse\(")
# A body that ends before its length: each time again where it is the server that counts wrongly.
_SHORT = re.compile(r"kind: Body,[\s\S]*kind: UnexpectedEof|body ends \d+ bytes early|bytes came of a part of")
_MAX_SHORT = 6
# Whoever answers so was not reached as a server of objects.
_STRANGER = ("kind: Connect", "UnexpectedMessage")
_HOPELESS = {
    "kind: Redirect": "its redirects lead nowhere",
    "kind: Builder": "the address cannot be asked",
    "Received redirect without LOCATION": "301 PermanentRedirect, without an address; check the region",
    "URL scheme is not allowed": "it redirects from https:// to http://, which is not followed",
}
# What obstore finds wrong with the headers of an answer that is all right otherwise.
_HEADERS = re.compile(
    r"Header missing|Content-Range|CONTENT_RANGE|Content.Length|last modified|Requested \d+\.\.\d+, got",
    re.IGNORECASE,
)


def has_odd_headers(error: BaseException | None) -> bool:
    """Whether obstore cannot use an answer for its headers alone."""
    short = str(error).partition("\n\nDebug source")[0]
    return type(error).__module__.startswith("obstore") and not _STATUS.search(short) and bool(_HEADERS.search(short))


def is_timeout(error: Exception) -> bool:
    """Whether a request took longer than it may."""
    return isinstance(error, TimeoutError) or "TimedOut" in str(error) or "kind: Timeout" in str(error)


def status_of(error: Exception) -> int | None:
    """Return the status of HTTP that an error has, or amounts to."""
    if isinstance(error, AnswerError):
        return error.status
    text = str(error)
    if "InvalidRangeRequest" in text:  # as told where a service answers a range after the end with the whole
        return NOT_IN_RANGE
    found = _STATUS.search(text.partition("\n\nDebug source")[0])
    if found:
        return int(found.group(1))
    return MOVED if "Received redirect without LOCATION" in text else _STATUSES.get(type(error).__name__)


def judge(error: Exception, secrets: tuple[str, ...]) -> AttemptFailure:
    """Return what an error of a request means."""
    if isinstance(error, WrongSumError):
        return AttemptFailure(str(error), again=True, error=DamageError)
    if isinstance(error, AnswerError):
        return AttemptFailure(without_secrets(str(error), secrets), error.again, status=error.status)
    text = str(error)
    short, _, _ = text.partition("\n\nDebug source")
    status, hopeless = status_of(error), _hopeless(text)
    if hopeless is not None:
        return AttemptFailure(hopeless, again=False, status=status)
    if has_odd_headers(error):
        told = f"the headers of the server's answer cannot be used: {_told(short, text)}"
        return AttemptFailure(without_secrets(told, secrets), "ETag" in short, status=status)
    damaged = any(name in text for name in _DAMAGED)
    refused = type(error).__name__ in _FINAL or (status is not None and status not in _PASSING)
    code = _CODE.search(short) or _OF_KEY.search(short) if status is None else None
    refused = refused or (code is not None and code.group(1) not in PASSING_CODES)
    known = type(error).__module__.startswith("obstore") or isinstance(error, (ConnectionError, TimeoutError))
    return AttemptFailure(
        without_secrets(_told(short, text), secrets),
        known and (damaged or not refused),
        any(sign in text for sign in _STRANGER),
        status,
        most=_MAX_SHORT if _SHORT.search(text) else None,
    )


def _hopeless(text: str) -> str | None:
    """Return why another attempt would find the same, where the network's own layers say so."""
    found = _CERTIFICATE.search(text)
    if found:
        reason = found.group(1) or "it cannot be verified"
        return f"the server's certificate is not accepted ({reason}): it may be self-signed, expired or of another name"
    if _NO_TLS.search(text):
        return "the server does not speak TLS (https) there, or not a version of it that is safe; check the address"
    if _NO_HTTP.search(text):
        return (
            "what answers there does not speak HTTP, or answers in parts that are no HTTP; check the address and port"
        )
    return next((told for sign, told in _HOPELESS.items() if sign in text), None)


def _told(short: str, text: str) -> str:
    """Return what the server said, else what the client says of the network."""
    code, message, cause = _CODE.search(text), _MESSAGE.search(text), _CAUSE.search(text)
    line = " ".join(re.sub(r"<[^>]*>", " ", _WHERE.sub("", short)).split())
    if code:
        line = f"{line.partition(code.group(1))[0].strip()} {code.group(1)}" + (
            f": {message.group(1)}" if message else ""
        )
    elif cause:
        line = f"{line}: {cause.group(1)}"
    return line[:_MAX_TOLD_CHARACTERS]
