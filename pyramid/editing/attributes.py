"""New attributes of an array or group, as changes of its documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyramid.editing.documents import Change
from pyramid.hierarchy.documents import encode_document
from pyramid.hierarchy.nodes import Node, join_path, parse_document, read_document
from pyramid.ngff.values import mapping_or_empty
from pyramid.stores import Objects

# The copies of all documents of a hierarchy of Zarr 2, which some writers add.
CONSOLIDATED = ".zmetadata"


def change_attributes(
    objects: Objects, node: Node, attributes: Mapping[str, Any], *, stale: bool = False
) -> list[Change]:
    """Return the changes that give a group other attributes.

    There are none if the attributes are the same. The copy of a Zarr 2 document in the group's own ``.zmetadata``
    follows. All other keys of documents stay. Only the copies of the documents of members, in a document of Zarr 3, are
    removed where they are `stale`.
    """
    if node.zarr_format == 3:
        key = join_path(node.path, "zarr.json")
        before = json.loads(node.documents[key])
        document = {**before, "attributes": attributes}
        if stale:
            document.pop("consolidated_metadata", None)
        if document == {"attributes": {}, **before}:
            return []
        return [Change(key, node.documents[key], encode_document(document))]
    if attributes == node.attributes:
        return []
    key = join_path(node.path, ".zattrs")
    change = Change(key, node.documents.get(key), encode_document(attributes))
    return [change, *consolidate(objects, {key: attributes})]


def consolidate(objects: Objects, documents: Mapping[str, Any], without: str | None = None) -> list[Change]:
    """Return the change of ``.zmetadata`` that follows from changed documents.

    There is none where the store has no ``.zmetadata``.

    Parameters
    ----------
    objects
        The store.
    documents
        The changed documents by key.
    without
        Prefix of the keys that are removed.
    """
    body = read_document(objects, CONSOLIDATED)
    if body is None:
        return []
    document = dict(parse_document(body, CONSOLIDATED))
    held = {**mapping_or_empty(document.get("metadata")), **documents}
    if without is not None:
        held = {key: value for key, value in held.items() if not key.startswith(without)}
    after = encode_document({**document, "metadata": held})
    return [] if after == body else [Change(CONSOLIDATED, body, after)]
