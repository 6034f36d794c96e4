"""The fingerprint of a source: what shows that a run goes on with the same pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pyramid.errors import PyramidError
from pyramid.model import Source

# Bytes of each end of a file that are hashed.
END_BYTES = 2**16


def fingerprint(source: Source) -> dict[str, Any]:
    """Return what is known of a source without reading it.

    It is shape and chunks, and what the source's own method ``fingerprint()`` returns, if it has one: values for JSON.
    Two sources whose fingerprints are equal are taken for the same pixels.
    """
    spec, own = source.spec, getattr(source, "fingerprint", None)
    found: dict[str, Any] = {"shape": list(spec.shape), "chunks": list(spec.chunks)}
    with suppress(PyramidError, OSError):  # reading pixels will say what is wrong
        found |= own() if own is not None else {}
    return found


def digest(parts: Iterable[bytes]) -> str:
    """Return a digest of some bytes.

    Examples
    --------
    >>> digest([b"some ", b"bytes"]) == digest([b"some bytes"])
    True
    """
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()[:32]
