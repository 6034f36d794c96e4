"""Shapes of an array and of its objects, read and checked from its document.

Documents come from anyone. Nothing else in them is looked at, so that arrays of any dtype and codec can be copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.errors import SourceError
from pyramid.hierarchy.nodes import Node, shown
from pyramid.model import Shape

# The most axes, and the most pixels on an axis: as many as NumPy 1 and an int64 can hold.
MAX_NDIM = 32
MAX_EXTENT = 2**63 - 1


def read_extents(node: Node) -> tuple[Shape, Shape]:
    """Read the shape of an array and of one of its objects, in pixels.

    An object is a shard, or a chunk where chunks are not in shards.

    Raises
    ------
    SourceError
        If a key is missing or broken, or the grid is of a kind that is not known.

    Examples
    --------
    >>> read_extents(Node("0", 2, {}, {"shape": [9, 9], "chunks": [4, 4]}, {}))
    ((9, 9), (4, 4))
    """
    document = node.array or {}
    shape = read_lengths(document, "shape", 0)
    if node.zarr_format == 2:
        return shape, read_lengths(document, "chunks", 1, len(shape))
    name, grid = read_named(document, "chunk_grid")
    if name != "regular":
        raise SourceError(f"its chunk_grid is {shown(name)}, and only a 'regular' one can be read here")
    return shape, read_lengths(grid, "chunk_shape", 1, len(shape))


def read_lengths(document: Mapping[str, Any], key: str, least: int, ndim: int | None = None) -> Shape:
    """Read a list of whole numbers of at least `least`, one for each axis.

    There must be `ndim` of them, or at most `MAX_NDIM` where `ndim` is None.

    Raises
    ------
    SourceError
        If the value is anything else.
    """
    value: Any = document.get(key)
    counts = isinstance(value, list) and (len(value) <= MAX_NDIM if ndim is None else len(value) == ndim)
    if not counts or not all(type(length) is int and least <= length <= MAX_EXTENT for length in value):
        count = f"at most {MAX_NDIM}" if ndim is None else ndim
        raise SourceError(f"its {key} must be a list of {count} whole numbers of at least {least}, not {shown(value)}")
    return tuple(value)


def read_named(document: Mapping[str, Any], key: str) -> tuple[object, Mapping[str, Any]]:
    """Read the name and configuration of one of Zarr's extension points.

    It may be given by only its name.

    Examples
    --------
    >>> read_named({"chunk_key_encoding": "default"}, "chunk_key_encoding")
    ('default', {})
    """
    value = document.get(key)
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, Mapping):
        raise SourceError(f"its {key} must be an object with a name, not {shown(value)}")
    configuration = value.get("configuration", {})
    return value.get("name"), configuration if isinstance(configuration, Mapping) else {}
