"""Removal of secrets from text that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A query may contain a signature, and the text before an @ a password.
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>,]*", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>@]+@", re.IGNORECASE)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text without `secrets` and without users, passwords and queries of URLs.

    Examples
    --------
    >>> without_secrets("GET https://ann:hush@host/a.tif?sig=hush failed")
    'GET https://host/a.tif failed'
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return _USER.sub(r"\1", _QUERY.sub(r"\1", text))


def has_password(url: str) -> bool:
    """Return whether a URL has a user or a password before its host.

    Examples
    --------
    >>> has_password("http://ann:hush@host"), has_password("http://host/a@b")
    (True, False)
    """
    return _USER.match(url) is not None
