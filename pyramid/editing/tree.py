"""All documents below a URL, and their changes to a later version of OME-Zarr.

Documents are found by a listing of the store, and not by what the metadata names. So an image, its labels, a plate, a
series and arrays of other programs are one case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.editing.arrays import NeedsConversionError, array_v3
from pyramid.editing.attributes import CONSOLIDATED
from pyramid.editing.documents import Change
from pyramid.editing.versions import upgrade_attributes
from pyramid.errors import SourceError
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.documents import ROOT_KEYS, encode_document
from pyramid.hierarchy.nodes import Node, join_path, read_document, read_node
from pyramid.hierarchy.unfinished import check_finished
from pyramid.model import Shape
from pyramid.ngff import FORMATS, parse_versioned
from pyramid.stores import Objects

# The document of a node of Zarr 3, and those of one of Zarr 2.
_V3 = "zarr.json"
_V2 = (CONSOLIDATED, *(key for key in ROOT_KEYS if key != _V3))


@dataclass(frozen=True)
class Hierarchy:
    """The nodes below a URL, in the format of the root.

    Parameters
    ----------
    root
        The root, a group.
    nodes
        All nodes by path.
    keys
        The keys of all documents, of both formats.
    """

    root: Node
    nodes: Mapping[str, Node]
    keys: frozenset[str]

    def pixel_bytes(self) -> int:
        """Return the bytes of all arrays before compression."""
        return sum(read_facts(node).nbytes for node in self.nodes.values() if node.array is not None)


def read_hierarchy(objects: Objects) -> Hierarchy:
    """Read all documents below a URL.

    Raises
    ------
    SourceError
        If the root is not a group, or a document is broken or unfinished.
    """
    root = read_node(objects, "", kind="group")
    if root is None or root.zarr_format == "n5":
        raise SourceError("it holds no group of Zarr; give the path or URL of an OME-Zarr")
    keys = frozenset(key for key in objects.keys("") if key.rpartition("/")[2] in (_V3, *_V2))
    paths = sorted({key.rpartition("/")[0] for key in keys if key.rpartition("/")[2] != CONSOLIDATED})
    nodes = {}
    for path in paths:
        node = root if not path else read_node(objects, path, root.zarr_format)
        if node is None:
            raise SourceError(f"{path}: it is not of Zarr {root.zarr_format}, as the root is; give it by itself")
        check_finished(node)
        nodes[path] = node
    return Hierarchy(root, nodes, keys)


def plan_changes(objects: Objects, tree: Hierarchy, target: str) -> list[Change]:
    """Return the changes to a version: deepest first, the root's last, removals after.

    Raises
    ------
    NeedsConversionError
        If the version cannot be reached without other chunks.
    SourceError
        If a document is broken, or says what is not read here.
    """
    attributes = {path: _upgraded(tree, node, target) for path, node in tree.nodes.items() if node.array is None}
    order = sorted(tree.nodes, key=lambda path: (-path.count("/") - bool(path), path))
    to_v3 = tree.root.zarr_format == 2 and FORMATS[target].zarr_format == 3
    if to_v3:
        names = _axis_names(tree, attributes)
        after = {path: _document(tree.nodes[path], attributes.get(path), names.get(path)) for path in order}
        made = [change for path in order for change in _new(objects, tree, path, after[path])]
        return [*made, *_removals(objects, tree, set(tree.nodes))]
    if tree.root.zarr_format == 2:
        _check_keys(tree)
    replaced = [change for path in order for change in _replaced(tree.nodes[path], attributes.get(path))]
    if tree.root.zarr_format == 3:
        return [*replaced, *_removals(objects, tree, set(tree.nodes))]
    copies = (join_path(path, CONSOLIDATED) for path in tree.nodes)
    stale = [Change(key, read_document(objects, key), None) for key in copies if replaced and key in tree.keys]
    return [*stale, *replaced]


def _upgraded(tree: Hierarchy, node: Node, target: str) -> dict[str, Any]:
    def shape(path: str) -> Shape:
        level = tree.nodes.get(join_path(node.path, path))
        if level is None or level.array is None:
            raise SourceError(f"{node.place}: its level {path} does not exist; find it, or leave it out of multiscales")
        return read_facts(level).shape

    ome = node.ome
    if "multiscales" in ome:
        for level in parse_versioned(node.attributes)[1].datasets:
            shape(level.path)
    try:
        return upgrade_attributes(node.attributes, target, shape)
    except SourceError as error:
        raise type(error)(f"{node.place}: {error}") from None


def _axis_names(tree: Hierarchy, attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the names of the axes of each level, by the path of its array."""
    found = {}
    for path, given in attributes.items():
        if "multiscales" in (tree.nodes[path].ome):
            image = parse_versioned(given)[1]
            item = given["ome"]["multiscales"][0]
            axes = item.get("axes") or item["coordinateSystems"][0]["axes"]
            for level in image.datasets:
                found[join_path(path, level.path)] = [str(axis["name"]) for axis in axes]
    return found


def _document(node: Node, attributes: Mapping[str, Any] | None, names: list[str] | None) -> dict[str, Any]:
    if node.array is not None:
        return array_v3(node, names)
    return {"attributes": attributes or {}, "zarr_format": 3, "node_type": "group"}


def _new(objects: Objects, tree: Hierarchy, path: str, document: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the change that adds a document of Zarr 3, unless it has been added."""
    key, after = join_path(path, _V3), encode_document(document)
    before = read_document(objects, key) if key in tree.keys else None
    if before is not None and before != after:
        raise SourceError(f"{key} exists, and differs from what is in the documents of Zarr 2; remove one of them")
    if before is None:
        yield Change(key, None, after)


def _removals(objects: Objects, tree: Hierarchy, paths: set[str]) -> list[Change]:
    """Return the removal of all documents of Zarr 2, the root's first."""
    keys = [join_path(path, name) for path in sorted(paths, key=lambda path: (path.count("/"), path)) for name in _V2]
    return [Change(key, read_document(objects, key), None) for key in keys if key in tree.keys]


def _replaced(node: Node, attributes: Mapping[str, Any] | None) -> Iterator[Change]:
    if attributes is None or attributes == node.attributes:
        return
    if node.zarr_format == 2:
        key = join_path(node.path, ".zattrs")
        yield Change(key, node.documents.get(key), encode_document(attributes))
        return
    key = join_path(node.path, _V3)
    document = {**json.loads(node.documents[key]), "attributes": attributes}
    document.pop("consolidated_metadata", None)  # the copies of the documents of members are old now
    yield Change(key, node.documents[key], encode_document(document))


def _check_keys(tree: Hierarchy) -> None:
    """Raise NeedsConversionError where keys of chunks have dots instead of slashes."""
    for path, node in tree.nodes.items():
        separator = "/" if node.array is None else node.array.get("dimension_separator", ".")
        if separator != "/" and len(read_facts(node).shape) > 1:
            raise NeedsConversionError(
                f"{path}: the keys of its chunks have dots, and those of OME-Zarr 0.4 have slashes"
            )
