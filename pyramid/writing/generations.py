"""Levels that replace others, at paths of their own until one document names them.

New levels are written into a folder ``v1``, ``v2``, … of a group, which no metadata names. They become its levels when
one document is replaced. So readers see the old or the new, on disk and on object storage, and a run that is killed
leaves the old.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator

from pyramid.hierarchy.nodes import Node
from pyramid.ngff.values import list_or_empty, mapping_or_empty
from pyramid.stores import Objects


def generation_of(node: Node) -> int:
    """Return how often levels were replaced, from their paths.

    Examples
    --------
    >>> image = {"multiscales": [{"datasets": [{"path": "v2/0"}]}]}
    >>> generation_of(Node("", 2, image, None, {})), generation_of(Node("", 2, {}, None, {}))
    (2, 0)
    """
    found = (re.match(r"v(\d{1,9})/", path) for path in level_paths(node))
    return max((int(match[1]) for match in found if match), default=0)


def level_paths(node: Node | None) -> list[str]:
    """Return the paths of the levels of all images that a group names."""
    images = [] if node is None else map(mapping_or_empty, list_or_empty(node.ome.get("multiscales")))
    return [
        str(mapping_or_empty(dataset).get("path"))
        for image in images
        for dataset in list_or_empty(image.get("datasets"))
    ]


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path leads through, the outermost first.

    Examples
    --------
    >>> list(folders_of("a/b/0"))
    ['a', 'a/b']
    """
    parts = path.split("/")[:-1]
    yield from ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def remove_paths(group: Objects, paths: Iterable[str]) -> None:
    """Remove everything below some paths of a group."""
    for path in paths:
        for key in list(group.keys(f"{path}/")):
            group.delete(key)
        if group.location.is_local:
            shutil.rmtree(os.path.join(group.location.path, path), ignore_errors=True)
