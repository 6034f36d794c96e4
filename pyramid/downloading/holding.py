"""A copy held against a manifest, by digests that are taken as its objects arrive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyramid.manifests.comparing import Finding, ManifestFile, reading_manifest
from pyramid.manifests.dandi import dandi_checksum
from pyramid.manifests.digesting import DigestSink, digest_object
from pyramid.manifests.entry import Entry
from pyramid.manifests.sorting import Sorter
from pyramid.stores import Objects, open_objects

# Differences that a result names: more are counted.
MAX_FINDINGS = 1000


@dataclass
class Holding:
    """The digests of a copy; used from any thread.

    Parameters
    ----------
    manifest
        The manifest that the copy is held against.
    copy
        The folder of the copy, for objects that an earlier run fetched.
    sorter
        Takes the digests.

    Attributes
    ----------
    findings
        The first differences, once the copy is whole.
    differences
        The number of all of them.
    """

    manifest: ManifestFile
    copy: Objects
    sorter: Sorter
    findings: list[Finding] = field(default_factory=list)
    differences: int = 0

    def sink(self) -> DigestSink:
        """Return what takes the bytes of one object."""
        return DigestSink(self.manifest.algorithm)

    def take(self, key: str, size: int, sink: DigestSink) -> None:
        """Take an object that has arrived."""
        self.sorter.extend((Entry(key, size, sink.hexdigest()),))

    def take_body(self, key: str, body: bytes) -> None:
        """Take a document."""
        digest = hashlib.new(self.manifest.algorithm, body, usedforsecurity=False)
        self.sorter.extend((Entry(key, len(body), digest.hexdigest()),))

    def take_kept(self, key: str) -> None:
        """Take an object that an earlier run fetched, by reading the copy."""
        entry = digest_object(self.copy, key, self.manifest.algorithm)
        self.sorter.extend(() if entry is None else (entry,))

    def compare(self) -> None:
        """Find the differences, when all objects were taken."""
        for finding in self._differences():
            self.differences += 1
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(finding)

    def _differences(self) -> Iterator[Finding]:
        entries = self.sorter.sorted()
        if self.manifest.checksum is None:
            yield from self.manifest.findings(entries)
        elif (found := dandi_checksum(entries)) != self.manifest.checksum:
            yield Finding("", "digest", self.manifest.checksum, found)


@contextmanager
def holding(path: str | None, folder: str) -> Iterator[Holding | None]:
    """Provide the digests of the copy in `folder`; None without a manifest.

    Raises
    ------
    OptionError
        If `path` is not a manifest.
    """
    if path is None:
        yield None
        return
    with reading_manifest(path) as manifest, Sorter() as sorter:
        yield Holding(manifest, open_objects(folder), sorter)
