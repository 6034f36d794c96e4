"""Members of the tables next to an image, known by their encodings (AnnData's).

AnnData names the encoding of each group in its attributes. For most encodings the members are fixed or listed; those of
a mapping are listed nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.hierarchy.nodes import Node
from pyramid.ngff.groups import OTHER_GROUPS

# The members of a group by its encoding, as AnnData's specification fixes them.
_FIXED: Mapping[str, tuple[str, ...]] = {
    "anndata": ("X", "layers", "obs", "obsm", "obsp", "raw", "uns", "var", "varm", "varp"),
    "raw": ("X", "var", "varm"),
    "categorical": ("codes", "categories"),
    "csr_matrix": ("data", "indices", "indptr"),
    "csc_matrix": ("data", "indices", "indptr"),
    "nullable-integer": ("values", "mask"),
    "nullable-boolean": ("values", "mask"),
    "nullable-string-array": ("values", "mask"),
}
# Attributes that are followed, or that name nothing else.
_KNOWN = frozenset(
    {
        *OTHER_GROUPS,
        *("multiscales", "omero", "plate", "well", "series", "version", "image-label", "ome"),
        *("bioformats2raw.layout", "pyramid", "_creator", "consolidated_metadata"),
    }
)
# The most values of an attribute that are searched for a path: attributes come from anyone.
_MAX_LOOKED_AT = 1000


def encoded_members(node: Node) -> tuple[str, ...] | None:
    """Return the names of the members that a group may have by its encoding.

    Returns
    -------
    tuple of str or None
        None where the group has no encoding, or one that does not name its members.

    Examples
    --------
    >>> encoded_members(Node("t", 2, {"encoding-type": "csr_matrix"}, None, {}))
    ('data', 'indices', 'indptr')
    >>> encoded_members(Node("t", 2, {"encoding-type": "dataframe", "column-order": ["a"], "_index": "i"}, None, {}))
    ('i', 'a')
    """
    encoding = node.attributes.get("encoding-type")
    if encoding == "dataframe":
        columns = node.attributes.get("column-order")
        names = [node.attributes.get("_index"), *(columns if isinstance(columns, list) else [])]
        return tuple(name for name in names if isinstance(name, str) and name)
    return _FIXED.get(encoding) if isinstance(encoding, str) else None


def names_nothing(node: Node) -> bool:
    """Return whether a group of tables, labels or members names none of them."""
    name = node.path.rpartition("/")[2]
    if name in OTHER_GROUPS and not isinstance(node.ome.get(name), list):
        return True
    return isinstance(node.attributes.get("encoding-type"), str) and encoded_members(node) is None


def unknown_paths(node: Node) -> list[str]:
    """Return sentences for attributes that name paths and are not followed.

    Examples
    --------
    >>> unknown_paths(Node("", 2, {"multiscales": [], "masks": [{"path": "masks/0"}]}, None, {}))
    ["the root: its attribute 'masks' names 'masks/0', which is not followed"]
    """
    held = {**node.attributes, **node.ome}
    found = []
    for name, value in held.items():
        path = None if name in _KNOWN else _first_path(value)
        if path is not None:
            found.append(f"{node.place}: its attribute {name[:40]!r} names {path[:80]!r}, which is not followed")
    return found


def _first_path(value: Any) -> str | None:  # noqa: ANN401  (any JSON)
    """Return the first text under a key ``path`` in a value.

    At most `_MAX_LOOKED_AT` parts of the value are searched.
    """
    waiting = [value]
    for _ in range(_MAX_LOOKED_AT):
        if not waiting:
            return None
        part = waiting.pop()
        if isinstance(part, Mapping):
            path = part.get("path")
            if isinstance(path, str) and path:
                return path
            waiting += list(part.values())[:_MAX_LOOKED_AT]
        elif isinstance(part, list):
            waiting += part[:_MAX_LOOKED_AT]
    return None
