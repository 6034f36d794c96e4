"""Checks of web addresses before a request, whose error would not name the fault."""

from __future__ import annotations

import re
import urllib.parse

from pyramid.errors import OptionError
from pyramid.stores.redact import has_password, without_secrets

# A host: an IPv6 address in brackets, or a name without characters that end it or that no name has.
_HOST = re.compile(r"\[[0-9A-Fa-f:.%]+\]|[^\s/?#@\\<>\"{}|^`%\[\]:\x00-\x1f\x7f]+")


def why_no_address(url: str) -> str | None:
    """Return the fault in an ``http://`` or ``https://`` address; None if it is valid.

    Examples
    --------
    >>> why_no_address("https://host:9000/path"), why_no_address("host:9000")
    (None, 'it does not begin with http:// or https://')
    >>> why_no_address("http://host:99999"), why_no_address("http://")
    ('its port is not a number from 1 to 65535', 'it names no host')
    """
    if not re.match(r"https?://", url):
        return "it does not begin with http:// or https://"
    try:
        netloc = urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return "its host cannot be read"
    found = re.fullmatch(r"(\[.*\]|[^:]*)(?::(.*))?", netloc)
    host, port = found.groups() if found else (netloc, None)
    if not host:
        return "it names no host"
    if not _HOST.fullmatch(host) or host.strip(".-") != host.strip():
        return "its host has characters that are not allowed in host names"
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16 and len(port) < 6):
        quoted = "write /, ? and # in its password as %2F, %3F and %23"
        return quoted if "@" in url else "its port is not a number from 1 to 65535"
    return "a control character is in it" if re.search(r"[\x00-\x1f\x7f]", url) else None


def check_one_line(value: str, name: str) -> None:
    """Raise OptionError if a value holds a line break or a control character.

    Copied credentials may hold them. They cannot be sent, and a client may panic over them.

    Examples
    --------
    >>> check_one_line("key", "storage option key")
    """
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise OptionError(
            f"{name} holds a line break or another control character, which no credentials have; set it again, "
            "without a line break at its end"
        )


def check_endpoint(url: str, place: str) -> None:
    """Raise OptionError if the endpoint of a service is not a valid address.

    It comes from the storage options or the environment.
    """
    if has_password(url):
        raise OptionError(
            "endpoint_url: it holds a user or a password; give only the address, and credentials as options"
        )
    reason = why_no_address(url)
    if reason is None and re.search(r"[?#\s]", url):
        reason = "a space, ? or # is in it"
    if reason is not None:
        raise OptionError(
            f"{place}: the endpoint {without_secrets(url)[:200]!r} is not an address: {reason}; an endpoint looks like "
            "https://s3.example.org or http://127.0.0.1:9000 (storage option endpoint_url, or the environment)"
        )
