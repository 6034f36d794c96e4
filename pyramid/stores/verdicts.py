"""The meaning of a failed request: its status, its reason, whether to repeat it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import replace

import obstore.exceptions as raised

from pyramid.errors import DamageError
from pyramid.stores.answers import NO_RANGES, PASSING_CODES, PASSING_STATUSES, AnswerError
from pyramid.stores.checksums import WrongSumError
from pyramid.stores.credentials import none_found, not_fetched, refused_credentials
from pyramid.stores.network import Asked, network_failure
from pyramid.stores.objects import ABSENT
from pyramid.stores.redact import without_secrets
from pyramid.stores.retry import AttemptFailure

# The status, code, message and cause in the texts of obstore, which has no attributes for them.
_STATUS = re.compile(r"(?:status code:|status) (\d{3})\b")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_OF_KEY = re.compile(r"\(code: (\w{1,100})\)")  # of one object of a request that removes several
_MESSAGE = re.compile(r"<Message>([^<]{1,200})")
_CAUSE = re.compile(r'message: "([^"]{1,100})"')
# What obstore says about itself and the request. It is cut, because our own message says it.
_WHERE = re.compile(
    r"Generic \w+ error: |Error performing [A-Za-z]+ (\S+ in \S+( - |$)|request: )|Object at location .* not found: |"
    r"The operation lacked [^:]* for path [^:]*: |Object at location .* already exists: |"
    r"Server returned non-2xx status code: "
)
# The status of missing or wrong credentials, which never means that an object is missing.
UNAUTHENTICATED = 401
_ANYTHING = Asked()
# Codes of 404 for a missing bucket or container, which is an error of the address.
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
# The remedy for failures of a server that may pass.
_LATER = "the server is overloaded or out of order: try again later"
# Classes of errors that another attempt would meet again, and the status that each amounts to. obstore has no class for
# each status, so a status in the text goes first.
_FINAL: Mapping[type[Exception], int | None] = {
    FileNotFoundError: ABSENT,
    raised.NotFoundError: ABSENT,
    raised.PermissionDeniedError: 403,
    raised.UnauthenticatedError: UNAUTHENTICATED,
    raised.NotSupportedError: NO_RANGES,
    NotImplementedError: NO_RANGES,
    raised.AlreadyExistsError: 409,
    raised.InvalidPathError: None,
    raised.UnknownConfigurationKeyError: None,
}
# Statuses of a range after the end of an object, and of a redirect without an address.
NOT_IN_RANGE = 416
MOVED = 301
# The longest reason that is shown, so that an error remains one short paragraph.
_MAX_REASON_CHARACTERS = 300
# Codes whose status blames the client although the body was damaged or delayed in transit.
_DAMAGED = frozenset(
    {
        *("XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "BadDigest", "IncompleteBody", "RequestTimeout"),
        *("Md5Mismatch", "Crc64Mismatch", "OperationAborted", "InvalidDigest"),
    }
)
# A body that ends early. It is retried a few times only: a server that counts wrongly does so each time.
_SHORT = re.compile(r"kind: Body,[\s\S]*kind: UnexpectedEof|body ends \d+ bytes early|bytes came of a part of")
_MAX_SHORT = 6
# The code in a service's answer, and the codes by which services say that the condition of a request does not hold.
_CODE = re.compile(r"<Code>(\w+)</Code>")
_CONDITIONS = frozenset(
    {
        *("preconditionfailed", "conditionalrequestconflict", "blobalreadyexists", "conditionnotmet", "notmodified"),
        *("nosuchkey", "blobnotfound"),  # nothing is there whose version could be right
    }
)
# Signs that no server of objects was reached.
_NEVER_CONNECTED = ("kind: Connect", "UnexpectedMessage")
_HOPELESS = {
    "kind: Redirect": "its redirects lead nowhere",
    "kind: Builder": "no request can be made to this address; check it",
    "Received redirect without LOCATION": "301 PermanentRedirect, without an address; check the region",
    "URL scheme is not allowed": "it redirects from https:// to http://, which is not followed",
}
# Complaints of obstore about the headers of an answer that is otherwise usable.
_HEADERS = re.compile(
    r"Header missing|Content-Range|CONTENT_RANGE|Content.Length|last modified|Requested \d+\.\.\d+, got",
    re.IGNORECASE,
)


def is_condition(text: str) -> bool:
    """Return whether an answer of 409 or 412 is about the condition of a request.

    obstore takes every 409 for an object that exists. A service says otherwise by its code.

    Examples
    --------
    >>> is_condition("409 Conflict: <Code>InvalidBucketState</Code>"), is_condition("412 Precondition Failed")
    (False, True)
    """
    found = _CODE.search(text)
    return found is None or found[1].lower() in _CONDITIONS


def has_odd_headers(error: BaseException | None) -> bool:
    """Return whether obstore cannot use an answer only because of its headers."""
    short = str(error).partition("\n\nDebug source")[0]
    return isinstance(error, raised.BaseError) and not _STATUS.search(short) and bool(_HEADERS.search(short))


def status_of(error: Exception) -> int | None:
    """Return the HTTP status that an error has or amounts to; None if there is none."""
    if isinstance(error, AnswerError):
        return error.status
    text = str(error)
    if "InvalidRangeRequest" in text:  # from a service that answers a range after the end with the whole
        return NOT_IN_RANGE
    found = _STATUS.search(text.partition("\n\nDebug source")[0])
    if found:
        return int(found.group(1))
    if "Received redirect without LOCATION" in text:
        return MOVED
    return next((status for kind, status in _FINAL.items() if isinstance(error, kind)), None)


def judge(error: Exception, secrets: tuple[str, ...], asked: Asked = _ANYTHING) -> AttemptFailure:
    """Return the meaning of an error of a request, without `secrets`."""
    if isinstance(error, WrongSumError):
        return AttemptFailure(str(error), again=True, error=DamageError)
    if isinstance(error, AnswerError):
        return AttemptFailure(without_secrets(str(error), secrets), error.again, status=error.status)
    found = _about_credentials(error, asked) or _hopeless(error) or _about_network(error, asked)
    found = found or _about_answer(error)
    return replace(found, reason=without_secrets(found.reason, secrets))


def _about_credentials(error: Exception, asked: Asked) -> AttemptFailure | None:
    """Return the failure of the credentials; None if they are not to blame.

    The status is that of missing credentials, whatever the service said: it must not count as a missing object.
    """
    short = _short(error)
    if reason := none_found(short, asked):
        # Another attempt is worth while only if credentials were found before.
        return AttemptFailure(reason, again=True, never_connected=True, most=1)
    code = _CODE.search(short)
    if code and (reason := refused_credentials(code.group(1))):
        return AttemptFailure(reason, again=False, status=UNAUTHENTICATED)
    if begin := not_fetched(short, asked):
        rest = _about_network(error, asked) or _about_answer(error)
        status = None if rest.status is None else UNAUTHENTICATED
        return replace(rest, reason=begin + rest.reason, status=status)
    return None


def _about_network(error: Exception, asked: Asked) -> AttemptFailure | None:
    """Return the failure of the network; None if an answer came."""
    failure = None if status_of(error) is not None else network_failure(error, asked)
    if failure is None:
        return None
    return AttemptFailure(
        failure.reason,
        failure.again,
        any(sign in str(error) for sign in _NEVER_CONNECTED),
        most=1 if failure.is_wrong_name else None,
    )


def _hopeless(error: Exception) -> AttemptFailure | None:
    """Return a failure that another attempt would meet again, if it is one."""
    text = str(error)
    reason = next((reason for sign, reason in _HOPELESS.items() if sign in text), None)
    return None if reason is None else AttemptFailure(reason, again=False, status=status_of(error))


def _about_answer(error: Exception) -> AttemptFailure:
    """Return the meaning of an answer, or of a failure that only its text describes."""
    text, short, status = str(error), _short(error), status_of(error)
    if has_odd_headers(error):
        reason = f"the headers of the server's answer cannot be used: {_reason(short, text)}"
        return AttemptFailure(reason, "ETag" in short, status=status)
    damaged = any(name in text for name in _DAMAGED)
    refused = isinstance(error, tuple(_FINAL)) or (status is not None and status not in PASSING_STATUSES)
    code = _CODE.search(short) or _OF_KEY.search(short) if status is None else None
    refused = refused or (code is not None and code.group(1) not in PASSING_CODES)
    known = isinstance(error, (raised.BaseError, ConnectionError, TimeoutError, socket.gaierror))
    remedy = f"; {_LATER}" if status in PASSING_STATUSES and not damaged else ""
    if has_no_bucket(error):
        remedy = "; correct its name, or make it first"
    return AttemptFailure(
        _reason(short, text) + remedy,
        known and (damaged or not refused),
        any(sign in text for sign in _NEVER_CONNECTED),
        status,
        most=_MAX_SHORT if _SHORT.search(text) else None,
    )


def has_no_bucket(error: Exception) -> bool:
    """Return whether a failure says that the bucket or container is missing."""
    return any(code in str(error) for code in _NO_BUCKET)


def _short(error: Exception) -> str:
    """Return the text of an error without its debug part."""
    return str(error).partition("\n\nDebug source")[0]


def _reason(short: str, text: str) -> str:
    """Return what the server said, or else what the client reports about the network."""
    code, message, cause = _CODE.search(text), _MESSAGE.search(text), _CAUSE.search(text)
    line = " ".join(re.sub(r"<[^>]*>", " ", _WHERE.sub("", short)).split())
    if code:
        line = f"{line.partition(code.group(1))[0].strip()} {code.group(1)}" + (
            f": {message.group(1)}" if message else ""
        )
    elif cause:
        line = f"{line}: {cause.group(1)}"
    return line[:_MAX_REASON_CHARACTERS]
