"""Images and arrays in a local folder, for errors that offer them instead of it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pyramid.errors import PyramidError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.hierarchy.nodes import Node, join_path, read_node
from pyramid.ngff.groups import LAYOUT_KEY
from pyramid.stores import open_objects

# The most entries of a folder that are looked at: enough to name what is in it.
MAX_ENTRIES = 1000
# Folders below the given one in which images are looked for: a scene in a folder holds them in the second.
_DEPTH = 2
# Keys of the metadata of an image, and of groups of images.
_IMAGES = ("multiscales", "plate", "well", LAYOUT_KEY)


@dataclass(frozen=True, slots=True)
class Within:
    """Paths of what a folder holds, below it.

    Parameters
    ----------
    images
        Images, and groups of images: plates, wells and collections.
    arrays
        Zarr arrays that belong to none of these images.
    """

    images: tuple[str, ...]
    arrays: tuple[str, ...]


def find_within(folder: str) -> Within:
    """Return the images and arrays of a local folder, and of groups in it.

    What cannot be read is left out.
    """
    images: list[str] = []
    arrays: list[str] = []
    for path, node in _nodes(folder, "", _DEPTH):
        (images if node.array is None else arrays).append(path)
    return Within(tuple(images), tuple(arrays))


def entry_names(folder: str) -> list[str]:
    """Return names in a folder; none if it is missing or may not be listed."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, MAX_ENTRIES)]
    except OSError:
        return []


def _nodes(folder: str, below: str, depth: int) -> Iterator[tuple[str, Node]]:
    """Yield images and arrays with their paths, also those in other groups."""
    for name in sorted(entry_names(os.path.join(folder, below))):
        path = join_path(below, name)
        node = _read(os.path.join(folder, path))
        if node is None:
            continue
        if node.array is not None or any(key in node.ome for key in _IMAGES):
            yield path, node
        elif depth > 1:
            yield from _nodes(folder, path, depth - 1)


def _read(folder: str) -> Node | None:
    """Return the array or group of a folder; None if none can be read."""
    if not any(os.path.isfile(os.path.join(folder, key)) for key in ROOT_KEYS):
        return None
    try:
        return read_node(open_objects(folder))
    except PyramidError:
        return None
