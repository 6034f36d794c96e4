"""Failures of the network are told apart by the texts of obstore and by the classes of Python."""

from __future__ import annotations

import errno
import re
import socket

import pytest
from obstore.exceptions import GenericError

from pyramid.stores.network import Asked
from pyramid.stores.verdicts import judge

ASKED = Asked("s3://bucket", "https://s3.example.org", "set the keys", 31.2)
NO_NAME = "failed to lookup address information: Name or service not known"
NO_SERVER = "failed to lookup address information: Temporary failure in name resolution"


def raised(cause: str, url: str = "http://ann:hush@host.example:90/b/a?sig=hush", seconds: float = 0.1) -> GenericError:
    """An error as obstore writes it."""
    return GenericError(
        f"Generic S3 error: Error performing GET {url} in 2ms - HTTP error: error sending request\n\nDebug source:\n"
        f"uri: Some(\n    {url},\n),\nelapsed: {seconds}s,\nretry_timeout: 180s,\nHttpError {{\n{cause}"
    )


CAUSES = [
    (f'kind: Connect, "dns error", "{NO_NAME}"', "the host host.example:90 does not exist .*; check its spelling"),
    (f'kind: Connect, "dns error", "{NO_SERVER}"', "the name of host.example:90 cannot be looked up; check .* network"),
    (
        "kind: Connect, kind: ConnectionRefused",
        "nobody listens at host.example:90 .connection refused.; check the host",
    ),
    ("kind: Connect, kind: HostUnreachable", "no network leads to host.example:90; check"),
    (
        "kind: Connect, TunnelUnsuccessful",
        "the proxy of this network makes no connection to host.example:90: .*; check",
    ),
    (
        "InvalidCertificate(\n  UnknownIssuer",
        "the certificate of host.example:90 is not accepted .UnknownIssuer.*; check",
    ),
    ("InvalidMessage(\n  x", "host.example:90 does not speak TLS .*; check"),
    ("kind: Timeout, source: TimedOut", "host.example:90 did not answer within 31 s .timed out.; check .* timeout"),
]


@pytest.mark.parametrize(("cause", "told"), CAUSES)
def test_a_cause_is_named_with_its_host_and_a_remedy(cause: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    verdict = judge(raised(cause), (), ASKED)
    assert re.fullmatch(f"{told}.*", verdict.reason)
    assert "hush" not in verdict.reason
    assert verdict.status is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "host s3.example.org does not exist"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "nobody listens at s3.example.org"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no network leads to s3.example.org"),
        (TimeoutError("the server said nothing"), "s3.example.org did not answer within 31 s"),
    ],
)
def test_errors_of_python_are_named_alike(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    assert told in judge(error, (), ASKED).reason


@pytest.mark.parametrize("cause", [CAUSES[0][0], CAUSES[2][0], CAUSES[3][0]])
def test_a_proxy_that_is_not_reached_is_blamed_instead(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://ann:hush@proxy.example:3128")
    reason = judge(raised(cause), (), ASKED).reason
    assert re.search(r"the proxy proxy\.example:3128.*; check HTTP_PROXY", reason)
    assert "hush" not in reason


def test_a_time_out_has_the_seconds_that_obstore_counted() -> None:
    assert " within 3 s " in judge(raised("kind: Timeout", seconds=3.001), (), Asked()).reason


@pytest.mark.parametrize("body", ["dns error", "ConnectionRefused", "TunnelUnsuccessful"])
def test_the_words_of_an_answer_are_not_those_of_the_network(body: str) -> None:
    text = f"Server returned non-2xx status code: 503 Busy: x\n\nDebug source:\nbody: Some({body!r})"
    verdict = judge(GenericError(text), (), ASKED)
    assert (verdict.status, verdict.again) == (503, True)
    assert verdict.reason.endswith("503 Busy: x; the server is overloaded or out of order: try again later")


def test_a_file_of_a_web_server_is_not_a_service_of_credentials() -> None:
    error = raised("kind: ConnectionRefused", "http://host/latest/api/token")
    assert "no credentials" not in judge(error, (), Asked("http://host", "http://host")).reason
    assert judge(error, (), ASKED).reason == "no credentials were found for s3://bucket; set the keys"
