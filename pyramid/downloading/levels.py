"""Choice of some levels of an image, and metadata that names only those."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyramid.errors import OptionError
from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, encode_document
from pyramid.hierarchy.nodes import Node, join_path
from pyramid.ngff.values import check_path, mappings
from pyramid.tables import format_count

# Keys of an image in N5 that describe all of its levels, for neuroglancer.
_N5_GROUP_KEYS = ("axes", "units", "resolution", "downsamplingFactors", "scales", "pixelResolution")


def parse_levels(value: object) -> slice | None:
    """Parse levels given as ``2``, ``2:``, ``1:3`` or ``-1`` to a slice.

    They count as in Python. None, for all levels, stays None.

    Examples
    --------
    >>> parse_levels("2:"), parse_levels("1:3"), parse_levels(2), parse_levels("-1")
    (slice(2, None, None), slice(1, 3, None), slice(2, 3, None), slice(-1, None, None))

    Raises
    ------
    OptionError
        If the value is anything else.
    """
    if value is None:
        return None
    if isinstance(value, slice) and value.step in (None, 1):
        value = ":".join("" if part is None else str(part) for part in (value.start, value.stop))
    found = re.fullmatch(r"\s*(-?\d{1,9})?(:(-?\d{1,9})?)?\s*", str(value))
    if isinstance(value, bool) or found is None or not found[0].strip():
        raise OptionError(f"levels: {value!r} is not a level or a range of levels; write it as 2, 2: or 1:3")
    start = None if found[1] is None else int(found[1])
    if found[2] is None:
        return slice(start, None if start == -1 else (start or 0) + 1)
    if start is None and found[3] is None:
        return None
    return slice(start, None if found[3] is None else int(found[3]))


def format_levels(levels: slice | None) -> str | None:
    """Return the levels as a user writes them.

    Examples
    --------
    >>> format_levels(parse_levels("2")), format_levels(parse_levels("-2:"))
    ('2', '-2:')
    """
    if levels is None:
        return None
    if levels.start is not None and levels.stop == levels.start + 1 != 0:
        return str(levels.start)
    return ":".join("" if part is None else str(part) for part in (levels.start, levels.stop))


def with_levels(node: Node, levels: slice | None) -> Node:
    """Return a group with metadata that names only the chosen levels.

    The rest of an image's metadata is kept, and so are the paths of its levels. Consolidated metadata would name
    levels that are not there, and is left out. The same node is returned where all levels are taken.

    Raises
    ------
    OptionError
        If an image has none of the levels.
    """
    if levels is None or node.array is not None:
        return node
    held = _ome_with_levels(node, levels)
    attributes = {**node.attributes, "ome": held} if node.ome is not node.attributes else held
    key = join_path(node.path, ATTRIBUTE_KEYS[node.zarr_format])
    if node.zarr_format == "n5":
        documents = {name: _n5_with_levels(body, held) for name, body in node.documents.items()}
        return replace(node, attributes=attributes, documents=documents)
    if node.zarr_format == 2:
        documents = {name: body for name, body in node.documents.items() if name != ".zmetadata"}
        if held is not node.ome:
            documents[key] = encode_document(attributes)
        return replace(node, attributes=attributes, documents=documents)
    document = {**json.loads(node.documents[key]), "attributes": attributes}
    if held is node.ome and "consolidated_metadata" not in document:
        return node
    document.pop("consolidated_metadata", None)
    return replace(node, attributes=attributes, documents={key: encode_document(document)})


def _n5_with_levels(body: bytes, held: Mapping[str, Any]) -> bytes:
    """Return the document of an image in N5 with only the levels that are held.

    Keys of neuroglancer describe all levels, and are left out.
    """
    kept = set(image_paths(held.get("multiscales")))
    document = {name: value for name, value in json.loads(body).items() if name not in _N5_GROUP_KEYS}
    images = [
        {**image, "datasets": [dataset for dataset in mappings(image.get("datasets")) if dataset.get("path") in kept]}
        for image in mappings(document.get("multiscales"))
    ]
    return encode_document({**document, "multiscales": images} if images else document)


def image_paths(multiscales: object, levels: slice | None = None) -> list[str]:
    """Return the paths of the arrays that images name, each once.

    Broken entries name none.
    """
    found: dict[str, None] = {}
    for image in mappings(multiscales):
        for dataset in mappings(image.get("datasets"))[levels or slice(None)]:
            found[check_path(dataset.get("path"))] = None
    return list(found)


def _ome_with_levels(node: Node, levels: slice) -> Mapping[str, Any]:
    """Return the attributes of OME-Zarr with only the chosen levels."""
    if "multiscales" not in node.ome:
        return node.ome
    images = []
    for image in mappings(node.ome["multiscales"]):
        datasets = mappings(image.get("datasets"))
        if not datasets[levels]:
            name = node.path or "the image"
            found = format_count(len(datasets), "level")
            raise OptionError(f"levels: {name} has {found}, and {format_levels(levels)} takes none; give others")
        images.append({**image, "datasets": datasets[levels]})
    return {**node.ome, "multiscales": images}
