"""Removal of secrets from text that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A query may contain a signature, and the text before an @ a password.
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>,]*", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>@]+@", re.IGNORECASE)
# A password as it was typed, with what should have been quoted, or in a URL that lost its colon or slashes. What looks
# like a port is none.
_TYPED = re.compile(r"(\b[a-z][a-z0-9+.-]*(?::/{0,2}|//))[^\s/?#\"'<>@:]+:(?!\d{1,5}[/?#])[^\s\"'<>]*@", re.IGNORECASE)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without `secrets` and without users, passwords and queries of URLs.

    Examples
    --------
    >>> without_secrets("GET https://ann:hush@host/a.tif?sig=hush failed")
    'GET https://host/a.tif failed'
    >>> without_secrets("http://ann:hu/sh@host/a.tif"), without_secrets("http:/ann:hush@host/a.tif")
    ('http://host/a.tif', 'http:/host/a.tif')
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return _QUERY.sub(r"\1", _USER.sub(r"\1", _TYPED.sub(r"\1", text)))


def has_password(url: str) -> bool:
    """Return whether a URL has a user or a password before its host.

    Examples
    --------
    >>> has_password("http://ann:hush@host"), has_password("http://host/a@b")
    (True, False)
    """
    return _USER.match(url) is not None
