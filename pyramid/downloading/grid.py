"""The keys of an array's objects, from its shape and chunks alone: pure, and never a list of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.errors import SourceError
from pyramid.model import Shape
from pyramid.nodes import Node, join, shown

MAX_NDIM = 32


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
    document = node.array
    if document is None:
        raise SourceError(f"{node.path or 'the root'} is a group, and an array was looked for")
    place = join(node.path, "zarr.json" if node.zarr_format == 3 else ".zarray")
    shape = _lengths(document.get("shape"), 0, f"{place}: shape")
    if node.zarr_format == 3:
        chunks, prefix, separator = _read_v3(document, place)
    else:
        chunks = _lengths(document.get("chunks"), 1, f"{place}: chunks")
        prefix, separator = "", _separator(document.get("dimension_separator", "."), f"{place}: dimension_separator")
    if len(shape) != len(chunks):
        raise SourceError(f"{place}: a shape of {len(shape)} axes and chunks of {len(chunks)}")
    return Grid(tuple(-(-n // chunk) for n, chunk in zip(shape, chunks, strict=True)), prefix, separator)


def _read_v3(document: Mapping[str, Any], place: str) -> tuple[Shape, str, str]:
    """Chunk shape, prefix and separator."""
    if document.get("storage_transformers"):
        raise SourceError(f"{place}: storage_transformers change keys in a way that is not known here")
    name, grid = _named(document.get("chunk_grid"), f"{place}: chunk_grid")
    if name != "regular":
        raise SourceError(f"{place}: a chunk_grid is 'regular' here, not {shown(name)}")
    chunks = _lengths(grid.get("chunk_shape"), 1, f"{place}: chunk_shape")
    name, keys = _named(document.get("chunk_key_encoding"), f"{place}: chunk_key_encoding")
    if name not in ("default", "v2"):
        raise SourceError(f"{place}: a chunk_key_encoding is 'default' or 'v2' here, not {shown(name)}")
    usual = "/" if name == "default" else "."
    separator = _separator(keys.get("separator", usual), f"{place}: chunk_key_encoding")
    return chunks, "c" if name == "default" else "", separator


def _named(value: object, place: str) -> tuple[object, Mapping[str, Any]]:
    """Name and configuration of an extension point, which may be its name alone."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, Mapping):
        raise SourceError(f"{place}: there must be an object, not {shown(value)}")
    configuration = value.get("configuration", {})
    return value.get("name"), configuration if isinstance(configuration, Mapping) else {}


def _separator(value: object, place: str) -> str:
    if value != "." and value != "/":
        raise SourceError(f"{place}: the separator is '.' or '/', not {shown(value)}")
    return str(value)


def _lengths(value: object, least: int, place: str) -> Shape:
    """Whole numbers of at least `least`, one an axis."""
    if not isinstance(value, list) or len(value) > MAX_NDIM:
        raise SourceError(f"{place}: there must be a list of at most {MAX_NDIM} numbers, not {shown(value)}")
    for length in value:
        if isinstance(length, bool) or not isinstance(length, int) or length < least:
            raise SourceError(f"{place}: there must be whole numbers of at least {least}, not {shown(value)}")
    return tuple(value)


def object_bytes(node: Node) -> int:
    """About how long an array's objects are before compression, at most 1 GiB; 0 for a group."""
    if node.array is None:
        return 0
    if node.zarr_format == 3:
        chunks, _, _ = _read_v3(node.array, node.path)
        found = re.fullmatch(r"[a-z]+(\d{1,3})", str(node.array.get("data_type")))
        item_bits = int(found[1]) if found else 8
    else:
        chunks = _lengths(node.array.get("chunks"), 1, node.path)
        found = re.fullmatch(r"[<>|][a-zA-Z](\d{1,3})", str(node.array.get("dtype")))
        item_bits = 8 * int(found[1]) if found else 8
    return min(math.prod(chunks) * item_bits // 8, 2**30)
