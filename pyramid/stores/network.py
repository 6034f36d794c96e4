"""Failures of the network: unknown names, refused connections, silence, no TLS.

obstore has one class for all of them. Their signs are in the debug text of its errors. Python has classes.
"""

from __future__ import annotations

import errno
import re
import socket
import urllib.parse
import urllib.request
from dataclasses import dataclass

# The address that a request was made to, in the debug text of obstore.
_URI = re.compile(r"\buri: Some\(\s*([^\s,]+)")
# The duration of a request in seconds, as a time-out has it.
_ELAPSED = re.compile(r"\belapsed: (\d+(?:\.\d+)?)s\b")
_NO_NAME = re.compile(r'"dns error"')
# Answers of the system that a name does not exist, in contrast to a name server that cannot be reached.
_WRONG_NAME = re.compile(r"Name or service not known|nodename nor servname|No address associated|No such host", re.I)
_REFUSED = re.compile(r"\bConnectionRefused\b")
_NO_ROUTE = re.compile(r"\b(?:Host|Network)Unreachable\b|\bNetworkDown\b")
_NO_TUNNEL = re.compile(r"\bTunnelUnsuccessful\b|\bProxyAuthRequired\b")
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)|CERTIFICATE_VERIFY_FAILED")
_NO_TLS = re.compile(r"InvalidMessage\(|AlertReceived\(|PeerIncompatible|PeerMisbehaved|WRONG_VERSION_NUMBER")
_NO_HTTP = re.compile(r"hyper::Error\(\s*Parse\(")
_PROXY_REMEDY = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that failed, as its errors name it.

    Parameters
    ----------
    place
        The bucket or server, as ``s3://bucket``.
    url
        The address of the service, empty if only the error says it.
    credentials
        How credentials are given for its scheme; empty if it has none.
    waited_s
        Seconds from the request to its failure; None if they are not known.
    """

    place: str = ""
    url: str = ""
    credentials: str = ""
    waited_s: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkFailure:
    """The reason that no answer came, with a remedy.

    Parameters
    ----------
    reason
        A sentence with the host and a remedy; it contains nothing secret.
    again
        Whether another attempt may succeed.
    is_wrong_name
        Whether the host's name is known not to exist.
    """

    reason: str
    again: bool = True
    is_wrong_name: bool = False


def is_timeout(error: Exception) -> bool:
    """Return whether a request took longer than allowed."""
    return isinstance(error, TimeoutError) or "TimedOut" in str(error) or "kind: Timeout" in str(error)


def network_failure(error: Exception, asked: Asked) -> NetworkFailure | None:
    """Return the reason that no answer came; None if it is not known."""
    text = str(error)
    found = _URI.search(text)
    url = found.group(1) if found else asked.url
    host = host_of(url) or "the server"
    broken = _broken_protocol(text, host)
    if broken is not None:
        return NetworkFailure(broken, again=False)
    proxy = _proxy_of(url)
    if _NO_TUNNEL.search(text):
        return NetworkFailure(
            f"the proxy {proxy or 'of this network'} makes no connection to {host}: there may be no such host, or the "
            f"proxy may not allow it; check the address, or {_PROXY_REMEDY}"
        )
    failure = _unreachable(error, text, ("the proxy ", proxy) if proxy else ("", host))
    if failure is not None:
        remedy = _PROXY_REMEDY if proxy else failure.reason.partition("; ")[2]
        return NetworkFailure(f"{failure.reason.partition('; ')[0]}; {remedy}", is_wrong_name=failure.is_wrong_name)
    return NetworkFailure(_silence(text, host, asked.waited_s)) if is_timeout(error) else None


def host_of(url: str) -> str:
    """Return the host and port of a URL without its user.

    Examples
    --------
    >>> host_of("https://ann:hush@host:9000/a?sig=hush"), host_of("")
    ('host:9000', '')
    """
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]


def _broken_protocol(text: str, host: str) -> str | None:
    """Return why another attempt would fail in the same way; None if it might succeed."""
    found = _CERTIFICATE.search(text)
    if found:
        reason = found.group(1) or "it cannot be verified"
        return (
            f"the certificate of {host} is not accepted ({reason}): it may be self-signed, expired or of another name; "
            "check the address and this machine's clock, or let SSL_CERT_FILE name the authorities to trust"
        )
    if _NO_TLS.search(text):
        return f"{host} does not speak TLS (https), or not a version of it that is safe; check the address"
    if _NO_HTTP.search(text):
        return f"{host} does not speak HTTP, or parts of its answer are not HTTP; check the address and port"
    return None


def _unreachable(error: Exception, text: str, named: tuple[str, str]) -> NetworkFailure | None:
    """Return the failure to connect to a host; None if it is another one.

    `named` is the kind of host if it is not the server, and the host.
    """
    host = "".join(named)
    if _NO_NAME.search(text) or isinstance(error, socket.gaierror):
        if _WRONG_NAME.search(text):
            reason = f"{named[0] or 'the host '}{named[1]} does not exist (its name is not known); check its spelling"
            return NetworkFailure(reason, is_wrong_name=True)
        return NetworkFailure(f"the name of {host} cannot be looked up; check its spelling and the network")
    if _REFUSED.search(text) or isinstance(error, ConnectionRefusedError):
        return NetworkFailure(
            f"nobody listens at {host} (connection refused); check the host and port, and that the server runs"
        )
    if _NO_ROUTE.search(text) or getattr(error, "errno", None) in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return NetworkFailure(f"no network leads to {host}; check the address, the network and its VPN")
    return None


def _silence(text: str, host: str, waited_s: float | None) -> str:
    found = _ELAPSED.search(text)
    waited_s = waited_s or (float(found.group(1)) if found else None)
    within = f" within {waited_s:.0f} s" if waited_s is not None and waited_s >= 1 else " in time"
    return (
        f"{host} did not answer{within} (timed out); check the address and the network, or allow more seconds with the "
        'storage option timeout, as {"timeout": 120} in storage_options=...'
    )


def _proxy_of(url: str) -> str:
    """Return the host of the proxy of a request; empty if there is none."""
    split = urllib.parse.urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(split.scheme) or proxies.get("all") or ""
    if not proxy or not split.hostname or urllib.request.proxy_bypass(split.hostname):
        return ""
    return host_of(proxy if "://" in proxy else f"//{proxy}")
