"""The storage of an array: its grid of chunks, and its codecs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from pyramid.decoding.codecs import DECODERS
from pyramid.errors import SourceError
from pyramid.hierarchy.arrays import ArrayFacts, read_facts
from pyramid.hierarchy.dtypes import StoredDtype
from pyramid.hierarchy.keys import grid_of
from pyramid.hierarchy.nodes import Node
from pyramid.model import Box, Shape

_CRC = "crc32c"
# zarr-python's names in format 3 of the codecs that only format 2 specifies begin with this.
_NUMCODECS = "numcodecs."
# Largest chunk in memory that reaches far beyond its array. The memory of a chunk within its array is planned for.
_MAX_BEYOND_BYTES = 2**32


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array whose chunks can be decoded here.

    Parameters
    ----------
    shape, chunks
        Extent, and that of a chunk, in pixels.
    shards
        Extent of a shard in pixels; None where chunks are not in shards.
    dtype
        The stored dtype, with its byte order.
    prefix, separator
        Text before the first index of an object's key, and between indices.
    codec
        Name of the compressor in `DECODERS`; empty for none.
    checksums
        Number of checksums (crc32c) after the compressed bytes.
    fill_value
        The value of pixels whose chunk is missing.
    axis_order
        The array's axis of each axis of a stored chunk; empty if they are the same.
    index_at
        Whether a shard's index is at its start or its end.
    index_checksum
        Whether a checksum follows the index.
    is_n5
        Whether an object is a block of N5: with a header, and the indices in its key turned round.
    """

    shape: Shape
    chunks: Shape
    shards: Shape | None
    dtype: StoredDtype
    prefix: str
    separator: str = "/"
    codec: str = ""
    checksums: int = 0
    fill_value: complex = 0
    axis_order: tuple[int, ...] = ()
    index_at: Literal["start", "end"] = "end"
    index_checksum: bool = True
    is_n5: bool = False

    @property
    def object_shape(self) -> Shape:
        """Extent of an object in pixels: a shard, or a chunk."""
        return self.shards or self.chunks

    @property
    def object_grid(self) -> Shape:
        """Number of chunks of an object on each axis."""
        return tuple(n // c for n, c in zip(self.object_shape, self.chunks, strict=True))

    @property
    def chunk_bytes(self) -> int:
        """Size of a decoded chunk."""
        return math.prod(self.chunks) * self.dtype.itemsize

    def key(self, object_index: Shape) -> str:
        """Return the key of an object by its index in the grid of objects."""
        return self.prefix + self.separator.join(map(str, object_index[::-1] if self.is_n5 else object_index))

    def number_in_shard(self, chunk_index: Shape) -> int:
        """Return the position of a chunk in the index of its shard."""
        number = 0
        for position, count in zip(chunk_index, self.object_grid, strict=True):
            number = number * count + position % count
        return number

    def object_box(self, object_index: Shape) -> Box:
        """Return the region of an object, which may reach over the far edge."""
        start = tuple(i * n for i, n in zip(object_index, self.object_shape, strict=True))
        return Box(start, self.object_shape)


def stored_array(node: Node) -> StoredArray | None:
    """Return how the array of a node is stored.

    Returns
    -------
    StoredArray or None
        None for an array that needs a codec or a feature that is not here.

    Raises
    ------
    SourceError
        If the document is broken.

    Examples
    --------
    >>> document = {"shape": [9, 9], "chunks": [4, 4], "dtype": "<u2", "compressor": {"id": "zlib"}, "filters": None}
    >>> stored = stored_array(Node("0", 2, {}, document, {}))
    >>> stored.codec, stored.key((0, 2))
    ('zlib', '0/0.2')
    """
    facts, grid = read_facts(node), grid_of(node)
    prefix = "".join([node.path, "/" if node.path else "", grid.prefix, grid.separator if grid.prefix else ""])
    plain = StoredArray(
        facts.shape, facts.chunks, facts.shards, facts.dtype, prefix, grid.separator, is_n5=node.zarr_format == "n5"
    )
    _check_sizes(plain)
    found = _of_v2(node, facts, plain) if node.zarr_format != 3 else _of_v3(facts, plain)
    if found is None or not found.shape or not all(found.shape):
        return None
    fill_value = _fill_value((node.array or {}).get("fill_value"), found.dtype)
    return None if fill_value is None else replace(found, fill_value=fill_value)


def _check_sizes(plain: StoredArray) -> None:
    if plain.shards and any(n % c for n, c in zip(plain.shards, plain.chunks, strict=True)):
        raise SourceError(f"its shards of {plain.shards} pixels are not made of whole chunks of {plain.chunks}")
    held = math.prod(map(min, plain.chunks, plain.shape)) * plain.dtype.itemsize
    if plain.chunk_bytes > max(_MAX_BEYOND_BYTES, 2 * held):
        raise SourceError(f"its chunks of {plain.chunks} pixels are far larger than its shape of {plain.shape}")


def _of_v2(node: Node, facts: ArrayFacts, plain: StoredArray) -> StoredArray | None:
    document = node.array or {}
    order = document.get("order", "C")
    if document.get("filters") or order not in ("C", "F"):
        return None
    names = [str(codec.get("id")) for codec in facts.codecs]
    if any(name not in DECODERS for name in names):
        return None
    axis_order = tuple(reversed(range(len(facts.shape)))) if order == "F" else ()
    return replace(plain, codec=next(iter(names), ""), axis_order=axis_order)


def _of_v3(facts: ArrayFacts, plain: StoredArray) -> StoredArray | None:
    codecs = list(facts.codecs)
    if facts.shards is None:
        return _with_codecs(codecs, plain)
    if len(codecs) != 1:  # a shard that is itself encoded
        return None
    settings = _settings(codecs[0])
    index_codecs = settings.get("index_codecs")
    if not isinstance(index_codecs, list):
        return None
    names = [codec.get("name") if isinstance(codec, Mapping) else codec for codec in index_codecs]
    at = settings.get("index_location", "end")
    if names not in (["bytes"], ["bytes", _CRC]) or at not in ("start", "end"):
        return None
    if _settings(index_codecs[0]).get("endian", "little") != "little":
        return None
    inner = [{"name": codec} if isinstance(codec, str) else codec for codec in settings.get("codecs", ())]
    return _with_codecs(inner, replace(plain, index_at=at, index_checksum=_CRC in names))


def _with_codecs(codecs: list[Mapping[str, Any]], plain: StoredArray) -> StoredArray | None:
    """Return `plain` with the codecs of its chunks, or None if one is not known.

    The order is: transpose, bytes, a compressor, checksums.
    """
    axis_order: tuple[int, ...] = ()
    if codecs and codecs[0].get("name") == "transpose":
        order = _settings(codecs[0]).get("order")
        if not isinstance(order, list) or any(type(axis) is not int for axis in order):
            return None
        axis_order = tuple(order)
        if sorted(axis_order) != list(range(len(plain.shape))):
            return None
        codecs = codecs[1:]
    if not codecs or codecs[0].get("name") != "bytes":
        return None
    endian = _settings(codecs[0]).get("endian", "little")
    names = [_short_name(codec) for codec in codecs[1:]]
    checksums = len(names)
    while checksums and names[-checksums] != _CRC:
        checksums -= 1
    compressors = names[: len(names) - checksums]
    if len(compressors) > 1 or any(name not in DECODERS for name in compressors) or endian not in ("little", "big"):
        return None
    if set(names[len(compressors) :]) > {_CRC}:
        return None
    dtype = replace(plain.dtype, big_endian=endian == "big" and plain.dtype.itemsize > 1)
    return replace(plain, dtype=dtype, codec=next(iter(compressors), ""), checksums=checksums, axis_order=axis_order)


def _settings(codec: object) -> Mapping[str, Any]:
    settings = codec.get("configuration", {}) if isinstance(codec, Mapping) else {}
    return settings if isinstance(settings, Mapping) else {}


def _short_name(codec: Mapping[str, Any]) -> str:
    """Return the name in `DECODERS`, except of a checksum that need not be at the end."""
    name, short = str(codec.get("name")), str(codec.get("name")).removeprefix(_NUMCODECS)
    return name if short == _CRC and "location" in _settings(codec) else short


def _fill_value(value: object, dtype: StoredDtype) -> complex | None:
    """Return the number that stands for missing pixels; None if it is not known."""
    if value is None:
        return 0
    if dtype.kind in "iu":
        return _integer(value, np.iinfo(dtype.name))
    if isinstance(value, int):
        return value if dtype.kind == "b" else _float(value)
    if isinstance(value, float):
        return value
    if dtype.kind in "f" and value in ("NaN", "Infinity", "-Infinity"):
        return _float(str(value).replace("Infinity", "inf"))
    if dtype.kind == "c" and isinstance(value, list) and len(value) == 2:
        part_type = StoredDtype("f", dtype.itemsize // 2)
        real, imaginary = (None if part is None else _fill_value(part, part_type) for part in value)
        return None if real is None or imaginary is None else complex(real.real, imaginary.real)
    return None


def _integer(value: object, limits: np.iinfo[Any]) -> int | None:
    """Return a whole number within limits."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return int(whole) if isinstance(whole, int) and limits.min <= whole <= limits.max else None


def _float(value: int | str) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
