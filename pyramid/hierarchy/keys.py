"""The keys of an array's objects, from its shape and chunks alone: pure, and never a list of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyramid.errors import SourceError
from pyramid.hierarchy.extents import read_extents, read_named
from pyramid.hierarchy.nodes import Node, join, shown
from pyramid.model import Shape


@dataclass(frozen=True, slots=True)
class Grid:
    """Where an array's objects are: chunks, or shards where chunks are in them.

    Parameters
    ----------
    shape
        Objects on each axis.
    prefix
        What a key begins with, before the first index.
    separator
        What stands between indices, and between `prefix` and the first.
    """

    shape: Shape
    prefix: str
    separator: str

    @property
    def count(self) -> int:
        """How many objects there can be.

        Examples
        --------
        >>> Grid((2, 3), "", ".").count, Grid((), "c", "/").count, Grid((5, 0), "", ".").count
        (6, 1, 0)
        """
        return math.prod(self.shape)

    def keys(self) -> Iterator[str]:
        """The keys below the array in C order, one at a time.

        Examples
        --------
        >>> list(Grid((1, 2), "c", "/").keys()), list(Grid((2, 1), "", ".").keys())
        (['c/0/0', 'c/0/1'], ['0.0', '1.0'])
        >>> list(Grid((), "c", "/").keys()), list(Grid((), "", ".").keys())
        (['c'], ['0'])
        """
        first = [self.prefix] if self.prefix else []
        if not self.shape and not first:
            first = ["0"]
        for number in range(self.count):
            index = []
            for extent in reversed(self.shape):
                number, place = divmod(number, extent)
                index.append(str(place))
            yield self.separator.join([*first, *reversed(index)])


def grid_of(node: Node) -> Grid:
    """The grid of an array of Zarr 2 or 3.

    Raises
    ------
    SourceError
        For a document that lacks a shape or chunks, and for a grid or keys of a kind that is not known.
    """
    try:
        shape, unit = read_extents(node)
        prefix, separator = _spelling(node)
    except SourceError as error:
        place = join(node.path, "zarr.json" if node.zarr_format == 3 else ".zarray")
        raise SourceError(f"{place}: {error}") from None
    return Grid(tuple(-(-n // edge) for n, edge in zip(shape, unit, strict=True)), prefix, separator)


def _spelling(node: Node) -> tuple[str, str]:
    """Prefix and separator."""
    document = node.array or {}
    if node.zarr_format == 2:
        key, prefix, separator = "dimension_separator", "", document.get("dimension_separator", ".")
    else:
        if document.get("storage_transformers"):
            raise SourceError("its storage_transformers change keys in a way that is not known here")
        name, keys = read_named(document, key := "chunk_key_encoding")
        if name not in ("default", "v2"):
            raise SourceError(f"its {key} must be 'default' or 'v2', not {shown(name)}")
        prefix, usual = ("c", "/") if name == "default" else ("", ".")
        separator = keys.get("separator", usual)
    if separator != "." and separator != "/":
        raise SourceError(f"the separator of its {key} must be '.' or '/', not {shown(separator)}")
    return prefix, separator


def object_bytes(node: Node) -> int:
    """About how long an array's objects are before compression, at most 1 GiB; 0 for a group."""
    if node.array is None:
        return 0
    _, unit = read_extents(node)
    if node.zarr_format == 3:
        found = re.fullmatch(r"[a-z]+(\d{1,3})", str(node.array.get("data_type")))
        item_bits = int(found[1]) if found else 8
    else:
        found = re.fullmatch(r"[<>|][a-zA-Z](\d{1,3})", str(node.array.get("dtype")))
        item_bits = 8 * int(found[1]) if found else 8
    return min(math.prod(unit) * item_bits // 8, 2**30)
