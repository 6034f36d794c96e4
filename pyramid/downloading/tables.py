"""What a group holds that only its encoding says: the tables beside an image, as AnnData writes them.

AnnData names the encoding of each group in its attributes, and for most encodings the members are fixed or listed.
What a mapping holds is listed nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.hierarchy.nodes import Node

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
# Groups that convention places beside an image or in a plate, each with a list of its own name.
LISTS = ("labels", "tables")
# Attributes that are followed, or that name nothing else.
_KNOWN = frozenset(
    {
        *("multiscales", "omero", "plate", "well", "series", "version", "image-label", "labels", "tables", "ome"),
        *("bioformats2raw.layout", "pyramid", "_creator", "consolidated_metadata"),
    }
)
_MAX_LOOKED_AT = 1000


def encoded_members(node: Node) -> tuple[str, ...] | None:
    """Return the names of what a group may hold by its encoding; None where it has none that says so.

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
    """Whether a group that is there to hold others says nowhere what it holds."""
    name = node.path.rpartition("/")[2]
    if name in LISTS and not isinstance(node.ome.get(name), list):
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
            place = node.path or "the root"
            found.append(f"{place}: its attribute {name[:40]!r} names {path[:80]!r}, which is not followed")
    return found


def _first_path(value: Any) -> str | None:  # noqa: ANN401  (any JSON)
    """Return the first text under a key ``path`` in a value, of which no more than a part is looked at."""
    waiting = [value]
    for _ in range(_MAX_LOOKED_AT):
        if not waiting:
            return None
        one = waiting.pop()
        if isinstance(one, Mapping):
            path = one.get("path")
            if isinstance(path, str) and path:
                return path
            waiting += list(one.values())[:_MAX_LOOKED_AT]
        elif isinstance(one, list):
            waiting += one[:_MAX_LOOKED_AT]
    return None
