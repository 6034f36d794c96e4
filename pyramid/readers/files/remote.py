"""A file at a URL as a `Place`: read by ranges, each process through a store of its own.

Where the server knows no ranges, each process fetches the whole once, into a temporary file.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pyramid import stores
from pyramid.errors import SourceError, StorageError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.cached_file import SeekableFile
from pyramid.readers.files.prefetch import Ahead, threads
from pyramid.readers.files.temporary_copy import copies
from pyramid.stores.web import WebObjects

if TYPE_CHECKING:
    from pyramid.options.convert import Options

HEAD_BYTES = 1 << 16  # to tell what it is; the first page's tags lie there too, mostly


@dataclass(frozen=True, slots=True, eq=False)
class RemoteFile:
    """A file at a URL.

    Parameters
    ----------
    objects
        What reads it; it pickles without its secrets.
    size_bytes, tag
        Its size when it was opened, and what else told it from another then, if anything did.
    head
        Its first bytes.
    by_ranges
        Whether its server gives parts of it.
    opening
        Different for each time that it is opened, so that nothing is kept of a file that was written anew.
    """

    objects: stores.Objects = field(repr=False)
    size_bytes: int
    head: bytes = field(repr=False)
    by_ranges: bool = True
    tag: str | None = None
    opening: str = field(default_factory=lambda: uuid.uuid4().hex, repr=False)

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.objects.location.path).name

    @property
    def is_local(self) -> bool:
        """It is not."""
        return False

    def __str__(self) -> str:
        """The URL without anything secret."""
        return str(self.objects.location)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFile) and self.opening == other.opening

    def __hash__(self) -> int:
        return hash(self.opening)

    def __reduce__(self) -> tuple[type[RemoteFile], tuple[stores.Objects, int, bytes, bool, str | None, str]]:
        return RemoteFile, (self.objects, self.size_bytes, b"", self.by_ranges, self.tag, self.opening)

    @property
    def notices(self) -> tuple[str, ...]:
        """What is out of the ordinary in how it is read."""
        if self.by_ranges:
            return ()
        return (f"the server of {self} knows no ranges: each process that reads fetches the whole of it once",)

    def open(self) -> io.RawIOBase:
        """The file, of which small blocks are fetched and kept."""
        if not self.head:  # it comes from another process: there it was looked at
            self._check()
        return SeekableFile(self.fetch, self.size_bytes, str(self), self.head)

    @contextmanager
    def reading(self, spans: Iterable[Span]) -> Iterator[_OneFile]:
        """The file, of which `spans` are fetched ahead."""
        check = threads(os.getpid()).submit(copy_context().run, self._check)
        try:
            with Ahead(self.fetch, self.size_bytes, spans) as ahead:
                yield _OneFile(str(self), ahead)
        except SourceError:
            check.result()  # what went wrong went wrong because of the change
            raise
        check.result()

    def fetch(self, span: Span) -> bytes:
        """The bytes of a span within the file, all of them."""
        if not self.by_ranges:
            return copies.find(self.opening, self.objects, self.size_bytes).read(span)
        try:
            data = self.objects.get_range("", span.start, span.stop)
        except StorageError as error:
            raise SourceError(str(error)) from error
        if len(data) != span.stop - span.start:
            raise self._changed()
        return data

    def _check(self) -> None:
        if not self.by_ranges:
            return  # a copy does not change
        try:
            fingerprint = self.objects.fingerprint("")
        except StorageError as error:
            raise SourceError(str(error)) from error
        if fingerprint != (self.size_bytes, self.tag):
            raise self._changed()

    def _changed(self) -> SourceError:
        return SourceError(f"{self} has changed since it was opened; start again")


@dataclass(frozen=True, slots=True)
class _OneFile:
    """A file that is alone: what it says of files beside it is not followed."""

    place: str
    file: Ahead

    def __getitem__(self, path: str) -> Ahead:
        """The file."""
        if path != self.place:
            raise SourceError(f"{self.place} names another file, {path}, which is not read from a URL; copy both here")
        return self.file


def remote_file(url: str, options: Options) -> RemoteFile | None:
    """The file at a URL, None where there is none.

    Raises
    ------
    SourceError
        Where the server refuses or is out of reach.
    OptionError
        For what is no URL, or no option of its store.
    """
    objects = stores.open_objects(url, options.source_storage_options)
    try:
        fingerprint = objects.fingerprint("")
        if fingerprint is None:
            return None
        size_bytes, tag = fingerprint
        head = objects.get_range("", 0, min(size_bytes, HEAD_BYTES))
        by_ranges = not isinstance(objects, WebObjects) or objects.knows_ranges
        return RemoteFile(objects, size_bytes, head, by_ranges, tag)
    except StorageError as error:
        remedy = "" if "; check" in str(error) else "; check the address and the credentials"
        raise SourceError(f"{error}{remedy}") from error
