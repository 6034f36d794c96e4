"""What an answer holds, what a failure means, and which addresses can be one."""

from __future__ import annotations

import gzip
import re
import zlib

import pytest
from obstore.exceptions import GenericError

from pyramid.errors import OptionError
from pyramid.stores import locate
from pyramid.stores.address import check_endpoint, why_no_address
from pyramid.stores.answers import NO_RANGES, Answer, AnswerError
from pyramid.stores.verdicts import has_odd_headers, judge

DATA = bytes(range(256)) * 400


def answer(body: bytes, encoding: str = "", kind: str = "", tag: str | None = None) -> Answer:
    return Answer(len(body), tag, "", encoding, kind, [body[:9], body[9:1000], body[1000:]])


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", DATA),
        ("identity", DATA),
        ("aws-chunked", DATA),
        ("gzip", gzip.compress(DATA)),
        ("X-GZip", gzip.compress(DATA[:500]) + gzip.compress(DATA[500:])),
        ("deflate", zlib.compress(DATA)),
        ("deflate", raw_deflate(DATA)),
        ("deflate, gzip", gzip.compress(zlib.compress(DATA))),
    ],
)
def test_encodings_are_undone(encoding: str, body: bytes) -> None:
    assert b"".join(answer(body, encoding).body()) == DATA


def test_what_is_undone_comes_in_bounded_pieces() -> None:
    pieces = [len(piece) for piece in answer(gzip.compress(bytes(10**7)), "gzip").body()]
    assert (sum(pieces), max(pieces) <= 2**20) == (10**7, True)


@pytest.mark.parametrize(
    ("encoding", "body", "told"),
    [
        ("br", DATA, "'br'"),
        ("zstd", DATA, "'zstd'"),
        ("gzip", DATA, "not the gzip"),
        ("gzip", gzip.compress(DATA)[:-20], "ends early"),
        ("deflate", zlib.compress(DATA)[:-20], "ends early"),
    ],
)
def test_encodings_that_cannot_be_undone(encoding: str, body: bytes, told: str) -> None:
    with pytest.raises(AnswerError, match=told):
        b"".join(answer(body, encoding).body())


def test_a_part_of_an_encoded_body_is_none() -> None:
    with pytest.raises(AnswerError) as caught:
        answer(gzip.compress(DATA), "gzip").part()
    assert caught.value.status == NO_RANGES


XML = b"<?xml version='1.0'?>\n<Error><Code>%s</Code><Message>Because.</Message></Error>"


@pytest.mark.parametrize(("code", "again"), [("SlowDown", True), ("InternalError", True), ("AccessDenied", False)])
@pytest.mark.parametrize("kind", ["", "application/xml", "text/xml; charset=utf-8"])
def test_an_error_is_no_object(code: str, again: bool, kind: str) -> None:
    with pytest.raises(AnswerError, match=f"{code}: Because") as caught:
        b"".join(answer(XML % code.encode(), kind=kind).body())
    assert caught.value.again is again


@pytest.mark.parametrize(
    ("body", "kind", "tag"),
    [
        (XML % b"SlowDown", "", '"an-object"'),
        (XML % b"SlowDown", "image/tiff", None),
        (b"<OME/>", "application/xml", None),
        (b"<Errors/>", "", None),
        (b"", "", None),
        (b'{"a": "<html>"}', "text/html", None),
        (b"<html>", "application/octet-stream", None),
    ],
)
def test_what_looks_alike_is_an_object(body: bytes, kind: str, tag: str | None) -> None:
    assert b"".join(answer(body, kind=kind, tag=tag).body()) == body


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>", b"\xef\xbb\xbf\n<HTML lang='en'>", b"<!-- x -->\n<html >"])
def test_a_web_page_is_no_object(body: bytes) -> None:
    with pytest.raises(AnswerError, match="web page"):
        b"".join(answer(body, kind="text/html", tag='"a"').body())


STATUS = "Server returned non-2xx status code:"


@pytest.mark.parametrize(
    ("text", "again", "told"),
    [
        *((f"{STATUS} {n} X: no", False, str(n)) for n in (301, 400, 401, 405, 413, 501, 505)),
        *((f"{STATUS} {n} X: no", True, str(n)) for n in (408, 429, 500, 502, 503, 504)),
        (
            "x\n\nDebug source:\nInvalidCertificate(\n  UnknownIssuer",
            False,
            "certificate of the server is not .* .UnknownIssuer",
        ),
        (
            "x\n\nDebug source:\nInvalidCertificate(\n  Expired",
            False,
            "certificate of the server is not accepted .Expired",
        ),
        ("x\n\nDebug source:\nInvalidMessage(\n  InvalidContentType", False, "does not speak TLS"),
        ("x\n\nDebug source:\nkind: Redirect", False, "redirects lead nowhere"),
        ("x\n\nDebug source:\nhyper::Error(\n   Parse(Version)", False, "does not speak HTTP"),
        ("DeleteObjects request failed for key a: no (code: AccessDenied): no", False, "AccessDenied"),
        ("DeleteObjects request failed for key a: no (code: InternalError): no", True, "InternalError"),
        ("Server returned error response: <Error><Code>AccessDenied</Code></Error>", False, "AccessDenied"),
        ("Server returned error response: <Error><Code>SlowDown</Code></Error>", True, "SlowDown"),
        ("Received redirect without LOCATION", False, "301"),
        ("Generic HTTP error: Content-Length Header missing from response", False, "headers .* cannot be used"),
        ("HTTP error: request or response body error\n\nDebug source:\nkind: UnexpectedEof", True, "body error"),
        ("HTTP error: error sending request\n\nDebug source:\nkind: Connect", True, "sending request"),
    ],
)
def test_what_is_made_again(text: str, again: bool, told: str) -> None:
    verdict = judge(GenericError(text), ())
    assert verdict.again is again
    assert re.search(told, verdict.reason)


def test_headers_that_obstore_cannot_use() -> None:
    assert has_odd_headers(GenericError("Generic HTTP error: Content-Length Header missing from response"))
    assert has_odd_headers(GenericError('Failed to parse value for CONTENT_RANGE header: "bytes 3-8/*"'))
    assert not has_odd_headers(GenericError("Server returned non-2xx status code: 400 Bad Request: Content-Length"))
    assert not has_odd_headers(ValueError("Content-Length Header missing"))


WRONG = [
    *("127.0.0.1:9", "htp://127.0.0.1:9", "http:/127.0.0.1:9", "http://", "http://:80", "http://h:99999", "http://h:0"),
    *("http://h:x", "http://a b", "ftp://h", "", "http://[::1", "https://h\n.x", "http://h%20x", "//h"),
]


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(OptionError, match="endpoint"):
        check_endpoint(url, "s3://b/k")


@pytest.mark.parametrize("url", ["http://h?x=1", "http://h/a b", "http://ann:hush@h"])
def test_what_an_endpoint_does_not_hold(url: str) -> None:
    with pytest.raises(OptionError, match="endpoint") as caught:
        check_endpoint(url, "s3://b/k")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost", "https://s3.example.org:9000/minio", "http://[::1]:80", "http://10.0.0.1:1", "http://ü.de"],
)
def test_what_is_an_endpoint(url: str) -> None:
    assert why_no_address(url) is None
    check_endpoint(url, "s3://b/k")


@pytest.mark.parametrize("url", ["http://", "http://h:0/a", "http://a b/c", "https://[::1/x", "htp://h/a", "s3:/h"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(OptionError):
        locate(url)
