"""A file at a URL as a `SourceFile`, which is read by ranges.

Each process reads through a store of its own. If the server does not support ranges, each process fetches the whole
file once, into a temporary file.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pyramid import stores
from pyramid.errors import SourceError, StorageError, with_remedy
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.cached_file import SeekableFile
from pyramid.readers.files.file import LocalFile, has_changed
from pyramid.readers.files.prefetch import PrefetchedFile, submit
from pyramid.readers.files.temporary_copy import read_copy
from pyramid.readers.fingerprint import END_BYTES, digest

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# First bytes of a file that are fetched to see its kind: they mostly hold the first page's tags too.
HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL.

    Parameters
    ----------
    objects
        The store that reads it; it pickles without its secrets.
    size_bytes, tag
        Its size when it was opened, and the tag by which the server marked this version, if it gave one.
    head
        Its first bytes.
    by_ranges
        Whether its server sends parts of it.
    opening
        Different each time that it is opened, so that nothing is kept of a file that was written again.
    """

    objects: stores.Objects = field(repr=False, compare=False)
    size_bytes: int = field(compare=False)
    head: bytes = field(repr=False, compare=False)
    by_ranges: bool = field(default=True, compare=False)
    tag: str | None = field(default=None, compare=False)
    opening: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.objects.location.path).name

    def __str__(self) -> str:
        """Return the URL, without secrets."""
        return str(self.objects.location)

    def __reduce__(self) -> tuple[type[RemoteFile], tuple[stores.Objects, int, bytes, bool, str | None, str]]:
        return RemoteFile, (self.objects, self.size_bytes, b"", self.by_ranges, self.tag, self.opening)

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence if the whole file has to be fetched, else nothing."""
        if self.by_ranges:
            return ()
        return (f"the server of {self} does not support range requests: each process fetches the whole file once",)

    def fingerprint(self) -> dict[str, Any]:
        """Return its size, its tag, and a digest of its first and last bytes."""
        last = self.fetch(Span(max(0, self.size_bytes - END_BYTES), self.size_bytes))
        first = self.head[:END_BYTES] or self.fetch(Span(0, min(END_BYTES, self.size_bytes)))
        return {"bytes": self.size_bytes, "tag": self.tag, "ends": digest([first, last])}

    def open(self) -> io.RawIOBase:
        """Open the file to seek in; small blocks are fetched and kept."""
        if not self.head:  # unpickled in another process than the one that looked at it
            self._check()
        return SeekableFile(self.fetch, self.size_bytes, str(self), self.head)

    @contextmanager
    def reading(self, spans: Iterable[Span], others: Mapping[str, LocalFile] | None = None) -> Iterator[_OneFile]:
        """Open the file for a read of `spans`, which are fetched ahead."""
        del others
        check = submit(self._check)
        try:
            with PrefetchedFile(self.fetch, self.size_bytes, spans) as file:
                yield _OneFile(str(self), file)
        except SourceError:
            check.result()  # raises if the file has changed, which then is the cause
            raise
        check.result()

    def fetch(self, span: Span) -> bytes:
        """Return all bytes of a span within the file."""
        if not self.by_ranges:
            return read_copy(self.opening, self.objects, self.size_bytes, span)
        try:
            data = self.objects.get_range("", span.start, span.stop)
        except StorageError as error:
            raise SourceError(str(error)) from error
        if len(data) != span.stop - span.start:
            raise has_changed(self)
        return data

    def _check(self) -> None:
        if not self.by_ranges:
            return  # a copy does not change
        try:
            fingerprint = self.objects.fingerprint("")
        except StorageError as error:
            raise SourceError(str(error)) from error
        if fingerprint != (self.size_bytes, self.tag):
            raise has_changed(self)


@dataclass(frozen=True, slots=True)
class _OneFile:
    """A single file: other files that its metadata names are not read."""

    url: str
    file: PrefetchedFile

    def __getitem__(self, path: str) -> PrefetchedFile:
        """Return the file, whose path must be its URL."""
        if path != self.url:
            raise SourceError(f"{self.url} names another file, {path}, which is not read from a URL; copy both here")
        return self.file


def remote_file(url: str, options: Options) -> RemoteFile | None:
    """Look at a file at a URL and return it; None if it does not exist.

    Raises
    ------
    SourceError
        If the server refuses or is out of reach.
    OptionError
        For an invalid URL, or an option that its store does not have.
    """
    objects = stores.open_objects(url, options.source_storage_options)
    try:
        return file_of_store(objects)
    except StorageError as error:
        raise SourceError(with_remedy(error, "check the address and the credentials")) from error


def file_of_store(objects: stores.Objects) -> RemoteFile | None:
    """Look at the file that is the object at a store's own URL.

    Returns
    -------
    RemoteFile or None
        None if it does not exist.

    Raises
    ------
    StorageError
        If the server refuses or is out of reach.
    """
    fingerprint = objects.fingerprint("")
    if fingerprint is None:
        return None
    size_bytes, tag = fingerprint
    head = objects.get_range("", 0, min(size_bytes, HEAD_BYTES))
    return RemoteFile(objects, size_bytes, head, objects.knows_ranges, tag)
