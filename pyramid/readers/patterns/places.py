"""The folder or URL of the files of an image, from which each is opened by name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pyramid.errors import SourceError, StorageError
from pyramid.readers.files.file import SourceFile, has_changed, local_file
from pyramid.readers.files.remote import file_of_store
from pyramid.stores import Objects, locate, open_objects
from pyramid.stores.below import ObjectBelow

if TYPE_CHECKING:
    from pyramid.options.convert import Options
    from pyramid.readers.patterns.listing import Listing
    from pyramid.readers.tiff.source import ParsedTiff


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The image of each file that is read, and the letters of its dimensions."""

    series: int | str | None = None
    axes: str | None = None

    def parse(self, file: SourceFile) -> ParsedTiff:
        """Return the structure of a file."""
        from pyramid.options.convert import Options  # noqa: PLC0415
        from pyramid.readers.tiff.source import parse_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

        return parse_tiff_file(file, Options(series=self.series, axes=self.axes, ome_xml=False))


class Place(Protocol):
    """A folder or URL with the files of an image; hashable, and small to pickle."""

    @property
    def is_remote(self) -> bool:
        """True if each read waits for a network."""
        ...

    def shown(self, name: str) -> str:
        """Return the path or URL of a file, without secrets."""
        ...

    def parse(self, name: str) -> ParsedTiff:
        """Open a file, and return its structure.

        Raises
        ------
        SourceError
            If it is out of reach, has changed since it was listed, or is not a TIFF that can be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine.

    Parameters
    ----------
    path
        The folder.
    newest_ns
        The latest time of change of a file when they were listed: one with a later time has changed.
    size_bytes
        The size of each file; None if they differ.
    options
        How each file is read.
    """

    path: str
    newest_ns: int
    size_bytes: int | None
    options: FileOptions

    @property
    def is_remote(self) -> bool:
        """Always False."""
        return False

    def shown(self, name: str) -> str:
        """Return the path of a file."""
        return os.path.join(self.path, name)

    def parse(self, name: str) -> ParsedTiff:
        """Open a file, and return its structure."""
        file = local_file(self.shown(name))
        if file.changed_ns > self.newest_ns or self.size_bytes not in (None, file.size_bytes):
            raise has_changed(file)
        return self.options.parse(file)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files below a URL.

    Parameters
    ----------
    url
        The URL, without secrets.
    objects
        The store that reads them; it pickles without its secrets.
    options
        How each file is read.
    """

    url: str
    objects: Objects = field(repr=False, compare=False)
    options: FileOptions

    @property
    def is_remote(self) -> bool:
        """Always True."""
        return True

    def shown(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}"

    def parse(self, name: str) -> ParsedTiff:
        """Open a file, and return its structure."""
        try:
            file = file_of_store(ObjectBelow(self.objects, name))
        except StorageError as error:
            raise SourceError(str(error)) from error
        if file is None:
            raise SourceError(f"{self.shown(name)} does not exist any more; it was there when the files were listed")
        return self.options.parse(file)


def place_of_files(listing: Listing, options: Options, each: FileOptions) -> Place:
    """Return the place of listed files."""
    location = locate(listing.base)
    if location.is_local:
        sizes = {entry.size_bytes for entry in listing.entries}
        newest_ns = max(int(entry.tag) for entry in listing.entries)
        return Folder(listing.base, newest_ns, sizes.pop() if len(sizes) == 1 else None, each)
    return Bucket(str(location), open_objects(listing.base, options.source_storage_options), each)
