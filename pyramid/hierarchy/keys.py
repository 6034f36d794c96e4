"""Keys of an array's objects, computed one by one from its shape and chunks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.arrays import read_extents, read_named
from pyramid.hierarchy.documents import ARRAY_KEYS
from pyramid.hierarchy.nodes import Node, join_path
from pyramid.model import Shape


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid of an array's objects: its shards, or its chunks where there are none.

    Parameters
    ----------
    shape
        Objects on each axis.
    prefix
        Text with which a key begins, before the first index.
    separator
        Text between indices, and between `prefix` and the first index.
    is_turned
        Whether the last index is the first in a key, as in N5.
    """

    shape: Shape
    prefix: str
    separator: str
    is_turned: bool = False

    @property
    def count(self) -> int:
        """The number of objects that there can be.

        Examples
        --------
        >>> Grid((2, 3), "", ".").count, Grid((), "c", "/").count, Grid((5, 0), "", ".").count
        (6, 1, 0)
        """
        return math.prod(self.shape)

    def keys(self) -> Iterator[str]:
        """Yield the keys below the array in C order.

        Examples
        --------
        >>> list(Grid((1, 2), "c", "/").keys()), list(Grid((2, 1), "", ".").keys())
        (['c/0/0', 'c/0/1'], ['0.0', '1.0'])
        >>> list(Grid((), "c", "/").keys()), list(Grid((), "", ".").keys())
        (['c'], ['0'])
        """
        for number in range(self.count):
            yield self.key(self.index(number))

    def index(self, number: int) -> Shape:
        """Return the index of an object by its number in C order.

        Examples
        --------
        >>> Grid((2, 3), "", ".").index(4)
        (1, 1)
        """
        index = []
        for extent in reversed(self.shape):
            number, position = divmod(number, extent)
            index.append(position)
        return tuple(reversed(index))

    def key(self, index: Shape) -> str:
        """Return the key of an object below the array, by its index.

        Examples
        --------
        >>> Grid((2, 3), "c", "/").key((1, 2))
        'c/1/2'
        """
        first = [self.prefix] if self.prefix else [] if self.shape else ["0"]
        return self.separator.join([*first, *map(str, index[::-1] if self.is_turned else index)])

    def number_of(self, key: str) -> int | None:
        """Return the number of the object at a key; None if no object has that key.

        Examples
        --------
        >>> Grid((2, 3), "c", "/").number_of("c/1/2"), Grid((2, 3), "c", "/").number_of("c/2/0")
        (5, None)
        """
        parts = key.split(self.separator)[1 if self.prefix else 0 :]
        if len(parts) != len(self.shape) or not all(part.isascii() and part.isdigit() for part in parts):
            return 0 if not self.shape and key == self.key(()) else None
        number = 0
        for part, extent in zip(parts[::-1] if self.is_turned else parts, self.shape, strict=True):
            if int(part) >= extent:
                return None
            number = number * extent + int(part)
        return number if self.key(self.index(number)) == key else None


def grid_of(node: Node) -> Grid:
    """Return the grid of an array.

    Raises
    ------
    SourceError
        If the document lacks a shape or chunks, or has a grid or keys of a kind that is not known.
    """
    try:
        shape, object_shape = read_extents(node)
        prefix, separator = _key_encoding(node)
    except SourceError as error:
        key = join_path(node.path, ARRAY_KEYS[node.zarr_format])
        raise SourceError(f"{key}: {error}") from None
    counts = tuple(-(-n // edge) for n, edge in zip(shape, object_shape, strict=True))
    return Grid(counts, prefix, separator, is_turned=node.zarr_format == "n5")


def _key_encoding(node: Node) -> tuple[str, str]:
    """Return the prefix and the separator of an array's keys."""
    document = node.array or {}
    if node.zarr_format != 3:
        key, prefix, separator = "dimension_separator", "", document.get("dimension_separator", ".")
    else:
        if document.get("storage_transformers"):
            raise SourceError("its storage_transformers change keys in a way that is not known here")
        name, keys = read_named(document, key := "chunk_key_encoding")
        if name not in ("default", "v2"):
            raise SourceError(f"its {key} must be 'default' or 'v2', not {short_repr(name)}")
        prefix, usual = ("c", "/") if name == "default" else ("", ".")
        separator = keys.get("separator", usual)
    if separator != "." and separator != "/":
        raise SourceError(f"the separator of its {key} must be '.' or '/', not {short_repr(separator)}")
    return prefix, separator


def object_bytes(node: Node) -> int:
    """Estimate the bytes of one of an array's objects before compression.

    Returns
    -------
    int
        At most 1 GiB; 0 for a group.
    """
    if node.array is None:
        return 0
    _, object_shape = read_extents(node)
    if node.zarr_format == 3:
        found, unit_bits = re.fullmatch(r"[a-z]+(\d{1,3})", str(node.array.get("data_type"))), 1
    else:
        found, unit_bits = re.fullmatch(r"[<>|][a-zA-Z](\d{1,3})", str(node.array.get("dtype"))), 8
    item_bits = unit_bits * int(found[1]) if found else 8
    return min(math.prod(object_shape) * item_bits // 8, 2**30)
