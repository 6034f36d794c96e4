"""Shape, dtype and codecs of an array, read and checked from its document.

Metadata needs neither the zarr library nor a request. `read_extents` reads no more than a download needs, so that
arrays of any dtype and codec can be copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.dtypes import StoredDtype, dtype_of_name, dtype_of_typestr
from pyramid.hierarchy.nodes import Node
from pyramid.model import Shape

# The most axes, and the most pixels on an axis: as many as NumPy 1 and an int64 can hold.
MAX_NDIM = 32
MAX_EXTENT = 2**63 - 1
# The most codecs of a chunk, and how deep shards may be nested: documents come from anyone.
MAX_CODECS = 32
MAX_CODEC_DEPTH = 4


@dataclass(frozen=True, eq=False)
class ArrayFacts:
    """An array, as its document describes it.

    Parameters
    ----------
    shape
        Pixels on each axis.
    chunks, shards
        Pixels of a chunk and of a shard; `shards` is None where chunks are not in shards.
    dtype
        The pixels' dtype.
    codecs
        The codecs in the order in which they encode, each with its ``name`` (``id`` in Zarr format 2).
    """

    shape: Shape
    chunks: Shape
    shards: Shape | None
    dtype: StoredDtype
    codecs: tuple[Mapping[str, Any], ...]

    @property
    def nbytes(self) -> int:
        """Bytes before compression."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_facts(node: Node) -> ArrayFacts:
    """Read the shape, chunks, dtype and codecs in the document of an array.

    Raises
    ------
    SourceError
        If a key is missing, broken or of a kind that is not known; the error names the key.

    Examples
    --------
    >>> document = {"shape": [9, 9], "chunks": [4, 4], "dtype": "<u2", "compressor": {"id": "zlib"}, "filters": None}
    >>> facts = read_facts(Node("0", 2, {}, document, {}))
    >>> facts.shape, facts.chunks, facts.nbytes, facts.codecs
    ((9, 9), (4, 4), 162, ({'id': 'zlib'},))
    """
    document = node.array or {}
    shape, object_shape = read_extents(node)
    if node.zarr_format != 3:
        filters = document.get("filters")
        listed = [*(filters if isinstance(filters, list) else ()), document.get("compressor")]
        codecs = _codecs([codec for codec in listed if codec is not None])
        return ArrayFacts(shape, object_shape, None, _dtype(document, "dtype", dtype_of_typestr), codecs)
    codecs = _codecs(document.get("codecs"))
    chunks, shards = _chunks(codecs, object_shape)
    return ArrayFacts(shape, chunks, shards, _dtype(document, "data_type", dtype_of_name), codecs)


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
    if node.zarr_format != 3:
        return shape, read_lengths(document, "chunks", 1, len(shape))
    name, grid = read_named(document, "chunk_grid")
    if name != "regular":
        raise SourceError(f"its chunk_grid is {short_repr(name)}, and only a 'regular' one can be read here")
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
        raise SourceError(
            f"its {key} must be a list of {count} whole numbers of at least {least}, not {short_repr(value)}"
        )
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
        raise SourceError(f"its {key} must be an object with a name, not {short_repr(value)}")
    configuration = value.get("configuration", {})
    return value.get("name"), configuration if isinstance(configuration, Mapping) else {}


def codec_names(codecs: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """Yield short names of codecs, with those within a shard in its place.

    The codec that makes bytes of numbers is left out.

    Examples
    --------
    >>> list(codec_names(({"name": "bytes"}, {"name": "blosc", "configuration": {"cname": "lz4"}})))
    ['blosc:lz4']
    """
    for codec in codecs:
        name = codec.get("name", codec.get("id"))
        configuration = _configuration(codec)
        if "codecs" in configuration:
            yield from codec_names(_codecs(configuration["codecs"]))
        elif name != "bytes":
            yield f"{name}:{configuration['cname']}" if "cname" in configuration else str(name)


def chunk_codecs(facts: ArrayFacts) -> list[Mapping[str, Any]]:
    """Return the codecs of a chunk, also where it is in a shard."""
    if len(facts.codecs) == 1 and facts.codecs[0].get("name") == "sharding_indexed":
        return list(_codecs(_configuration(facts.codecs[0]).get("codecs", ())))
    return list(facts.codecs)


def _configuration(codec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a codec; in Zarr format 2 they are next to its name."""
    held = codec.get("configuration", codec)
    return held if isinstance(held, Mapping) else {}


def _chunks(codecs: tuple[Mapping[str, Any], ...], object_shape: Shape) -> tuple[Shape, Shape | None]:
    """Return the shapes of chunks and shards in Zarr format 3."""
    for codec in codecs:
        if codec.get("name") == "sharding_indexed":
            return read_lengths(_configuration(codec), "chunk_shape", 1, len(object_shape)), object_shape
    return object_shape, None


def _codecs(value: object, depth: int = MAX_CODEC_DEPTH) -> tuple[Mapping[str, Any], ...]:
    """Check a list of codecs, and return each as an object with its name.

    A codec may be given by only its name. Codecs within shards are checked too, down to `depth`.
    """
    if not isinstance(value, list | tuple) or len(value) > MAX_CODECS or depth == 0:
        raise SourceError(f"its codecs must be a list of at most {MAX_CODECS} objects, not {short_repr(value)}")
    codecs = [{"name": codec} if isinstance(codec, str) else codec for codec in value]
    for codec in codecs:
        if not isinstance(codec, Mapping) or not isinstance(codec.get("name", codec.get("id")), str):
            raise SourceError(f"its codec {short_repr(codec)} has no name")
        if "codecs" in _configuration(codec):
            _codecs(_configuration(codec)["codecs"], depth - 1)
    return tuple(codecs)


def _dtype(document: Mapping[str, Any], key: str, parse: Callable[[object], StoredDtype | None]) -> StoredDtype:
    dtype = parse(document.get(key))
    if dtype is None:
        raise SourceError(f"its {key} {short_repr(document.get(key))} is not supported for pixels")
    return dtype
