"""The keys of a store: listed, or as metadata names them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pyramid.concurrency.pool import Pool
from pyramid.downloading.walk import Branch, Walk
from pyramid.errors import OptionError, SourceError, TargetError
from pyramid.hierarchy.keys import grid_of
from pyramid.hierarchy.nodes import join_path, read_node
from pyramid.hierarchy.unfinished import DOWNLOAD, is_in_progress
from pyramid.manifests.files import IN_STORE
from pyramid.stores import Location, Readable

# Links to folders that a notice names.
_MAX_NAMED = 3


class StoreKeys:
    """The keys of a store, in any order.

    Parameters
    ----------
    objects
        The store.
    pool
        The threads that request metadata.
    max_objects
        The most keys that are taken from shapes of arrays, which may promise any number.

    Attributes
    ----------
    are_listed
        Whether the store lists its keys. Otherwise those of missing chunks are among them.
    notices
        Parts that are left out, and why.
    """

    def __init__(self, objects: Readable, pool: Pool, max_objects: int) -> None:
        self._objects = objects
        self._pool = pool
        self._max_objects = max_objects
        location = objects.location
        self.are_listed = not location.scheme.startswith("http") or location.archive is not None
        self.notices: list[str] = []

    def check(self) -> None:
        """Raise SourceError if nothing is there, or it is being written."""
        location = self._objects.location
        if location.is_folder:
            if not os.path.lexists(location.path):
                raise SourceError(f"{location} does not exist; check the path")
            if not os.path.isdir(location.path):
                raise SourceError(f"{location} is a file, and a store is a folder; give the path of the folder")
            if os.path.isdir(os.path.join(location.path, DOWNLOAD)):
                raise SourceError(f"{location} is an unfinished download; wait for it, or give the command again")
        try:
            node = read_node(self._objects)
        except SourceError:  # broken metadata is part of a store too, and its digests are those of its bytes
            return
        if node is not None and node.array is None and is_in_progress(node):
            raise SourceError(
                f"{location} is not whole: its conversion is not finished; wait for it, or go on with resume=True"
            )

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        if not self.are_listed:
            yield from self._walked()
            return
        yield from self._files() if self._objects.location.is_folder else self._objects.keys()

    def _walked(self) -> Iterator[str]:
        """Yield the keys that metadata names, of which some may be missing."""
        walk = Walk(self._objects, None, self._pool)
        try:
            root = walk.start()
        except SourceError as error:
            raise SourceError(
                f"{error}. Plain HTTP cannot list what is there, so only what metadata names can be found"
            ) from error
        for number, key in enumerate(_keys_below(root), 1):
            if number > self._max_objects:
                raise OptionError(
                    f"max_objects: the metadata of {self._objects.location} names more than {self._max_objects} "
                    "objects; allow more"
                )
            yield key
        if walk.lacking:
            raise SourceError(
                f"{self._objects.location}: {walk.lacking[0]}, so its keys are not known; give a path or a bucket, "
                "whose keys can be listed"
            )
        self.notices += walk.notices

    def _files(self) -> Iterator[str]:
        """Yield the files of a folder, and note links to folders, which are not followed."""
        root, links = self._objects.location.path, 0
        for folder, folders, names in os.walk(root, onerror=_refuse):
            below = Path(folder).relative_to(root).as_posix()
            yield from (name if below == "." else f"{below}/{name}" for name in names)
            for name in folders:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    links += 1
                    if links <= _MAX_NAMED:
                        self.notices.append(f"{path} is a link to a folder and not followed: what is in it is left out")
        if links > _MAX_NAMED:
            self.notices.append(f"{links} links to folders are not followed")


def check_stdout(location: Location) -> None:
    """Raise TargetError if the output of this process goes to a file in a local store.

    The file would be a part of the store's manifest, half written.
    """
    try:
        out = os.fstat(1)
    except OSError:  # it is closed
        return
    if not location.is_local or not stat.S_ISREG(out.st_mode) or not os.path.isdir(location.path):
        return
    for folder, _, names in os.walk(location.path):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.samestat(os.lstat(path), out):
                raise TargetError(f"{path}, to which the manifest goes, {IN_STORE}; give another file")


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename} cannot be listed: {error.strerror}") from error


def _keys_below(branch: Branch) -> Iterator[str]:
    yield from branch.node.documents
    yield from branch.files
    if branch.node.array is not None:
        for key in grid_of(branch.node).keys():  # noqa: SIM118  (a grid is not a mapping)
            yield join_path(branch.node.path, key)
    for child in branch.children:
        yield from _keys_below(child)
