"""The files of a zipped OME-Zarr, written to a folder.

It gets its name when it is whole.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import IO

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import SourceError, StorageError, TargetError, ending_with_remedy
from pyramid.stores import Location, Objects
from pyramid.writing.errors import wrap_errors

# Requests at a time where the archive is not on this machine.
REQUESTS = 16


def check_folder(location: Location) -> None:
    """Raise TargetError if a folder cannot be written to: it is a URL, or not free."""
    if not location.is_local:
        raise TargetError(f"{location} is a URL, and an archive is unpacked to a folder here; give a path")
    if location.archive is not None and not os.path.isfile(location.path):
        raise TargetError(f"{location} is named as an archive, and a folder is written; give another name")
    if os.path.isdir(location.path) and not os.path.islink(location.path):
        if os.listdir(location.path):
            raise TargetError(f"{location} exists and is not empty; give another folder")
    elif os.path.lexists(location.path):
        raise TargetError(f"{location} is a file or a link; give another folder")


def check_keys(keys: Collection[str], archive: str) -> None:
    """Raise SourceError if an entry is a file and a folder at once."""
    for key in keys:
        above = key
        while above := above.rpartition("/")[0]:
            if above in keys:
                raise SourceError(f"{archive} has {above!r} as a file and as a folder, so it is damaged")


@ending_with_remedy()
def write_folder(
    objects: Objects, keys: Sequence[str], location: Location, copied: Callable[[int], object] = lambda _size: None
) -> None:
    """Write objects as files below a folder, whole or not at all.

    `copied` is called with the size of each piece of an object, and less than 0 for those that are read again.

    Raises
    ------
    TargetError
        If a file cannot be written.
    SourceError
        If an object is damaged, or cannot be read.
    """
    around, name = os.path.split(location.path)
    partial = os.path.join(around, f".{name[:200]}-{uuid.uuid4().hex}")
    try:
        with wrap_errors(str(location), "the folder"):
            os.makedirs(partial)
            for _ in map_concurrently(
                lambda key: _write(objects, key, partial, copied), keys, 1 if objects.location.is_local else REQUESTS
            ):
                pass
            os.rename(partial, location.path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(objects: Objects, key: str, folder: str, copied: Callable[[int], object]) -> None:
    """Write one object as a file."""
    path = os.path.join(folder, *key.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        try:
            objects.fetch(key, _File(file, copied))
        except StorageError as error:
            raise SourceError(str(error)) from error


class _File:
    """A file that an object is written to."""

    def __init__(self, file: IO[bytes], copied: Callable[[int], object]) -> None:
        self._file = file
        self._copied = copied

    def write(self, piece: bytes, /) -> None:
        self._file.write(piece)
        self._copied(len(piece))

    def restart(self) -> None:
        self._copied(-self._file.tell())
        self._file.seek(0)
        self._file.truncate()
