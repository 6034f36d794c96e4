"""The objects of an OME-Zarr in the order of a zipped one, and its comment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from pyramid.errors import SourceError, StorageError
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.hierarchy.unfinished import DOWNLOAD, check_finished
from pyramid.stores import Location, Objects
from pyramid.stores.objects import check_key
from pyramid.stores.zip_records import CENTRAL
from pyramid.stores.zipped import MAX_DIRECTORY_BYTES

_DOCUMENT = "zarr.json"
# Bytes of ZIP64 numbers that an entry of the directory may have.
MARGIN_BYTES = 28


def list_objects(objects: Objects) -> tuple[list[tuple[str, int]], bytes]:
    """Return key and size of all objects in their order, and the archive's comment.

    The order is that of RFC-9. The root's ``zarr.json`` is first, then the others by depth, then all the rest. A size
    of -1 is not known.

    Raises
    ------
    SourceError
        If there is not a finished OME-Zarr of Zarr 3, or more objects than an archive that is read here may have.
    StorageError
        If the storage fails, or cannot be listed.
    """
    comment = _comment(_root(objects), objects.location)
    keys = _files(objects.location) if objects.location.is_folder else _entries(objects)
    listed = sorted(keys, key=lambda one: _rank(one[0]))
    if sum(CENTRAL.size + len(key.encode()) for key, _ in listed) > MAX_DIRECTORY_BYTES - MARGIN_BYTES * len(listed):
        raise SourceError(
            f"{objects.location} has {len(listed)} objects, and an archive of so many cannot be read in place; convert "
            'it with shards="auto", which makes fewer'
        )
    return listed, comment


def _rank(key: str) -> tuple[bool, int, str]:
    return key.rpartition("/")[2] != _DOCUMENT, key.count("/"), key


def _root(objects: Objects) -> Node:
    """Return the root, which is an OME-Zarr of Zarr 3 and finished."""
    location = objects.location
    if location.archive is not None:
        raise SourceError(f"{location} is packed; give the folder of an OME-Zarr")
    if location.is_local and os.path.isdir(os.path.join(location.path, DOWNLOAD)):
        raise SourceError(f"{location} is an unfinished download; wait for it, or give its command again")
    if location.is_local and not os.path.isdir(location.path):
        what = "is a file, and not a folder" if os.path.lexists(location.path) else "does not exist"
        raise SourceError(f"{location} {what}; give the path of an OME-Zarr")
    try:
        node = read_node(objects)
        if node is not None:
            check_finished(node)
    except SourceError as error:
        raise SourceError(f"{location} cannot be packed: {error}") from error
    if node is None:
        raise SourceError(f"{location} is not a Zarr, as it has no zarr.json; give the folder that has one")
    if node.zarr_format != 3:
        raise SourceError(
            f"{location} is Zarr 2, as OME-Zarr 0.1 to 0.4 is, and a zipped OME-Zarr is Zarr 3; convert it to "
            "OME-Zarr 0.5 first"
        )
    return node


def _comment(root: Node, location: Location) -> bytes:
    """Return the comment of an archive, as RFC-9 has it."""
    version = root.ome.get("version")
    if not isinstance(version, str):
        raise SourceError(f"{location} is Zarr 3 but not OME-Zarr, as it names no version of it; give an OME-Zarr")
    document = {"ome": {"version": version[:100], "zipFile": {"centralDirectory": {"jsonFirst": True}}}}
    return json.dumps(document, separators=(",", ":")).encode()


def _entries(objects: Objects) -> Iterator[tuple[str, int]]:
    """Yield key and size of the objects of a store."""
    for key, size, _ in objects.entries():
        yield check_key(key), size


def _files(location: Location) -> Iterator[tuple[str, int]]:
    """Yield key and size of the files of a folder.

    Raises SourceError for a link, and for a name that no archive has.
    """
    for folder, folders, names in os.walk(location.path, onerror=_refuse):
        below = os.path.relpath(folder, location.path).replace(os.sep, "/")
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                raise SourceError(f"{path} is a link, and an archive has files only; put what it leads to in its place")
            if "\\" in name or not name.isprintable():
                raise SourceError(f"{path!r} has a name that no archive has; rename it")
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            yield name if below == "." else f"{below}/{name}", found.st_size


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename} cannot be listed: {error.strerror}", permanent=True) from error
