"""A store held against a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pyramid.errors import OptionError
from pyramid.manifests.entry import Entry, encode_key
from pyramid.manifests.sorting import Sorter
from pyramid.manifests.text import DANDI, MAX_LINE_BYTES, read_entries

Kind = Literal["missing", "extra", "size", "digest"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between a manifest and a store.

    Parameters
    ----------
    key
        Key of the object; empty if it is the whole store, as with DANDI's checksum.
    kind
        ``missing`` from the store, ``extra`` in it, or another ``size`` or ``digest`` than the manifest has.
    expected, found
        Size or digest of the manifest and of the store; None where one has nothing.
    """

    key: str
    kind: Kind
    expected: str | int | None = None
    found: str | int | None = None

    def __str__(self) -> str:
        """Describe it in one sentence.

        Examples
        --------
        >>> print(Finding("0/c/0", "size", 12, 7))
        '0/c/0' has 7 bytes, and the manifest says 12
        """
        shown = repr(self.key) if self.key else "the store"
        if self.kind == "missing":
            return f"{shown} is missing"
        if self.kind == "extra":
            return f"{shown} is not in the manifest"
        if self.kind == "size":
            return f"{shown} has {self.found} bytes, and the manifest says {self.expected}"
        return f"{shown} has another digest than the manifest: {self.found}, not {self.expected}"

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest that was read and found to be sound.

    Parameters
    ----------
    path
        Its path.
    algorithm
        The digest of its entries, ``sha256`` or ``md5``.
    checksum
        DANDI's checksum of the whole store; None if it lists objects.
    sorter
        Its entries.
    """

    path: str
    algorithm: str
    checksum: str | None
    sorter: Sorter

    def findings(self, entries: Iterable[Entry]) -> Iterator[Finding]:
        """Yield the differences of a store's entries, which are sorted."""
        return compare_sorted(self.sorter.sorted(), entries)


@contextmanager
def reading_manifest(path: str) -> Iterator[ManifestFile]:
    """Read a manifest to its end, and provide it.

    Raises
    ------
    OptionError
        If it cannot be read, or is not a manifest.
    """
    with Sorter() as sorter:
        algorithm, checksum = "", None
        try:
            with open(os.path.expanduser(path), "rb") as file:
                whole = DANDI.fullmatch(file.readline(MAX_LINE_BYTES + 1))
                if whole is not None:
                    algorithm, checksum = "md5", whole[1].decode()
                else:
                    file.seek(0)
                    for entry in read_entries(file, path):
                        algorithm = algorithm or ("md5" if len(entry.digest) == 32 else "sha256")
                        sorter.extend((entry,))
        except OSError as error:
            raise OptionError(
                f"manifest: {path} cannot be read: {error.strerror}; give the path of a manifest"
            ) from error
        yield ManifestFile(path, algorithm or "sha256", checksum, sorter)


def compare_sorted(expected: Iterable[Entry], found: Iterable[Entry]) -> Iterator[Finding]:
    """Yield the differences of two rows of entries, both sorted by key.

    Examples
    --------
    >>> [str(f) for f in compare_sorted([Entry("a", 1, "00"), Entry("b", 1, "00")], [Entry("b", 1, "11")])]
    ["'a' is missing", "'b' has another digest than the manifest: 11, not 00"]
    """
    theirs = iter(found)
    other = next(theirs, None)
    for entry in expected:
        while other is not None and encode_key(other.key) < encode_key(entry.key):
            yield Finding(other.key, "extra")
            other = next(theirs, None)
        if other is None or other.key != entry.key:
            yield Finding(entry.key, "missing")
            continue
        if entry.size is not None and entry.size != other.size:
            yield Finding(entry.key, "size", entry.size, other.size)
        elif entry.digest != other.digest:
            yield Finding(entry.key, "digest", entry.digest, other.digest)
        other = next(theirs, None)
    while other is not None:
        yield Finding(other.key, "extra")
        other = next(theirs, None)
