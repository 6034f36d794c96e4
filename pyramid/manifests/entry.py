"""One object of a manifest, and the digests that a manifest may hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Digest(Protocol):
    """A digest that takes bytes piece by piece, as those of `hashlib`."""

    def update(self, data: Buffer, /) -> None:
        """Take the next bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all bytes, in hexadecimal."""
        ...


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


# The digests by name. SHA-256 is the default; MD5 is what many archives ask for.
DIGESTS: Mapping[str, Callable[[], Digest]] = {"sha256": hashlib.sha256, "md5": _md5}


class Entry(NamedTuple):
    """One object.

    Parameters
    ----------
    key
        Its key, relative to the store.
    size
        Its size in bytes; None where a manifest does not say it.
    digest
        Its digest, in lower-case hexadecimal.
    """

    key: str
    size: int | None
    digest: str


def encode_key(key: str) -> bytes:
    """Return the bytes of a key, by which entries are sorted.

    They are those of a file's name.

    Examples
    --------
    >>> encode_key("é") == bytes([195, 169]), encode_key(chr(0xDCFF)) == bytes([255])
    (True, True)
    """
    return key.encode("utf-8", "surrogateescape")


def decode_key(name: bytes) -> str:
    """Return the key that `encode_key` made bytes of."""
    return name.decode("utf-8", "surrogateescape")
