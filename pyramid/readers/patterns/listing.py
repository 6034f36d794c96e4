"""The files below a folder or a URL, or those that a glob names, listed once."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pyramid.errors import SourceError, StorageError, with_remedy
from pyramid.readers.fingerprint import digest
from pyramid.readers.loops import tiffs_of
from pyramid.readers.paths import WILD, local_path
from pyramid.stores import locate, open_objects

if TYPE_CHECKING:
    from pyramid.options.convert import Options
    from pyramid.stores import Objects

# Folders below the given one in which TIFFs are looked for: a folder of times with folders of channels.
MAX_DEPTH = 2
# The most files of a folder or bucket: a listing that goes on beyond is of another place than was meant.
MAX_FILES = 2_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a listing.

    Parameters
    ----------
    name
        Its path below the base of the listing.
    size_bytes
        Its size; -1 where a listing does not have it.
    tag
        Its time of change in nanoseconds, at a URL the store's tag; empty where a listing does not have it.
    """

    name: str
    size_bytes: int = -1
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The TIFFs of an image, by their names below a base.

    Parameters
    ----------
    base
        The folder or URL.
    entries
        The files.
    given
        What the user gave, without secrets, as messages name it.
    glob
        The wild part of a glob; empty if a folder was given.
    """

    base: str
    entries: tuple[Entry, ...]
    given: str
    glob: str = ""

    @property
    def names(self) -> list[str]:
        """The names of the files."""
        return [entry.name for entry in self.entries]

    def only(self, names: Iterable[str]) -> Listing:
        """Return the listing of some of its files."""
        kept = set(names)
        return self.of([entry for entry in self.entries if entry.name in kept])

    def of(self, entries: Sequence[Entry]) -> Listing:
        """Return a listing of some of its entries."""
        return Listing(self.base, tuple(entries), self.given, self.glob)

    def digest(self) -> str:
        """Return a digest of names, sizes and tags."""
        ordered = sorted((entry.name, entry.size_bytes, entry.tag) for entry in self.entries)
        return digest(f"{name}\0{size} {tag}\n".encode(errors="surrogateescape") for name, size, tag in ordered)


def split_glob(path: str, wild: str = WILD) -> tuple[str, str]:
    """Split a path into the folder that holds all its files, and the rest.

    Examples
    --------
    >>> split_glob("/data/run*/img_*.tif"), split_glob("*.tif")
    (('/data', 'run*/img_*.tif'), ('', '*.tif'))
    """
    parts = path.split("/")
    wilds = (i for i, part in enumerate(parts) if any(letter in part for letter in wild))
    # a folder may have such a letter in its own name
    first = next((i for i in wilds if not os.path.exists("/".join(parts[: i + 1]))), len(parts))
    return "/".join(parts[:first]) or ("/" if first == 1 and path.startswith("/") else ""), "/".join(parts[first:])


def list_files(source: object, options: Options, depth: int | None) -> Listing:
    """List the TIFFs of a folder, a glob, or a URL.

    Parameters
    ----------
    source
        What the user gave.
    options
        Those of the URL's store are `source_storage_options`.
    depth
        Folders between a folder and its files. None for the fewest that have TIFFs.

    Raises
    ------
    SourceError
        If nothing can be listed.
    """
    path = local_path(source)
    if path is None:
        return _list_url(str(source), options, depth)
    if path.is_dir():
        found = tuple(_walk(str(path), MAX_DEPTH if depth is None else depth, exact=depth is not None))
        return Listing(str(path), found, f"the folder {path}")
    base, wild = split_glob(str(path))
    names = glob.iglob(wild, root_dir=base, recursive=True)
    entries = (_entry(os.path.join(base, name), name) for name in names if _is_tiff(name))
    return Listing(base, tuple(entry for entry in entries if entry is not None), f"the pattern {path}", wild)


def _is_tiff(name: str) -> bool:
    """Return whether a name is that of a TIFF that is not hidden."""
    last = name.rpartition("/")[2]
    return bool(tiffs_of([last])) and not any(part.startswith(".") for part in name.split("/"))


def _entry(path: str, name: str) -> Entry | None:
    """Return a file of this machine; None for a folder, or a link that leads nowhere."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Entry(name, found.st_size, str(found.st_mtime_ns)) if os.path.isfile(path) else None


def _walk(base: str, depth: int, *, exact: bool) -> list[Entry]:
    """Return the TIFFs at a depth, or at the first depth that has some."""
    level = [""]
    for below in range(depth + 1):
        files, folders = [], []
        for folder in level:
            for entry in _scan(base, folder):
                name = f"{folder}{entry.name}"
                if entry.is_dir():
                    folders.append(f"{name}/")
                elif _is_tiff(entry.name) and entry.is_file():
                    found = entry.stat()
                    files.append(Entry(name, found.st_size, str(found.st_mtime_ns)))
            if len(files) > MAX_FILES:
                raise _too_many(base)
        if (files and not exact) or below == depth:
            return files
        level = sorted(folder for folder in folders if not folder.rpartition("/")[0].rpartition("/")[2].startswith("."))
    return []


def _scan(base: str, folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.join(base, folder)) as entries:
            yield from entries
    except OSError as error:
        raise SourceError(
            f"{error.filename or base} cannot be listed: {error.strerror}; ask its owner for the right to read it"
        ) from error


def _too_many(base: object) -> SourceError:
    return SourceError(f"{base} holds more than {MAX_FILES} files; give a folder or a pattern with fewer")


def _list_url(url: str, options: Options, depth: int | None) -> Listing:
    base, wild = split_glob(url.rstrip("/"), "*")
    objects = open_objects(base, options.source_storage_options)
    try:
        entries = tuple(_below(objects, wild))
    except StorageError as error:
        raise SourceError(with_remedy(error, "check the address, and that the credentials allow to list")) from error
    shown = f"{locate(base)}/{wild}" if wild else str(locate(base))
    if not wild:
        entries = _at_depth(entries, depth)
    return Listing(base, entries, shown, wild)


def _below(objects: Objects, wild: str) -> Iterator[Entry]:
    parts = wild.split("/")
    for number, (key, size_bytes, tag) in enumerate(objects.entries()):
        if number > MAX_FILES:
            raise _too_many(objects.location)
        if _is_tiff(key) and (not wild or _matches(key.split("/"), parts)):
            yield Entry(key, size_bytes, tag or "")


def _matches(names: list[str], parts: list[str]) -> bool:
    """Return whether each part of a key matches that of a glob."""
    return len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts))


def _at_depth(entries: tuple[Entry, ...], depth: int | None) -> tuple[Entry, ...]:
    depths = [entry.name.count("/") for entry in entries]
    wanted = depth if depth is not None else min(depths, default=0)
    if depth is None and wanted > MAX_DEPTH:
        return ()
    return tuple(entry for entry, found in zip(entries, depths, strict=True) if found == wanted)


def base_name(listing: Listing) -> str:
    """Return the name of an image of many files: that of their folder."""
    location = locate(listing.base)
    return PurePosixPath(location.path).name or location.bucket or "image"
