"""What an array's document says of it, read without zarr and without a request: metadata needs neither."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramid.errors import SourceError
from pyramid.hierarchy.extents import read_extents, read_lengths
from pyramid.hierarchy.nodes import Node, shown
from pyramid.model import Shape

MAX_CODECS = 32
MAX_CODEC_DEPTH = 4

# The dtypes that both formats have; what is left out, as text and times, is no pixel.
_KINDS = "biufc"
_V3_NAMES = frozenset(
    ["bool", "float16", "float32", "float64", "complex64", "complex128"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)


@dataclass(frozen=True, eq=False)
class ArrayFacts:
    """An array, as its document has it.

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
    dtype: np.dtype[Any]
    codecs: tuple[Mapping[str, Any], ...]

    @property
    def nbytes(self) -> int:
        """Bytes before compression."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_facts(node: Node) -> ArrayFacts:
    """What the document of an array says.

    Raises
    ------
    SourceError
        With the key that is missing, broken or of a kind that is not known.

    Examples
    --------
    >>> document = {"shape": [9, 9], "chunks": [4, 4], "dtype": "<u2", "compressor": {"id": "zlib"}, "filters": None}
    >>> facts = read_facts(Node("0", 2, {}, document, {}))
    >>> facts.shape, facts.chunks, facts.nbytes, facts.codecs
    ((9, 9), (4, 4), 162, ({'id': 'zlib'},))
    """
    document = node.array or {}
    shape, unit = read_extents(node)
    if node.zarr_format == 2:
        filters = document.get("filters")
        told = [*(filters if isinstance(filters, list) else ()), document.get("compressor")]
        codecs = _codecs([codec for codec in told if codec is not None])
        return ArrayFacts(shape, unit, None, _dtype_v2(document.get("dtype")), codecs)
    codecs = _codecs(document.get("codecs"))
    chunks, shards = _chunks(codecs, unit)
    return ArrayFacts(shape, chunks, shards, _dtype_v3(document.get("data_type")), codecs)


def codec_names(codecs: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """Short names of codecs, those within a shard in its place; how numbers become bytes is left out.

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


def _configuration(codec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings of a codec, which in Zarr format 2 lie beside its name."""
    held = codec.get("configuration", codec)
    return held if isinstance(held, Mapping) else {}


def _chunks(codecs: tuple[Mapping[str, Any], ...], unit: Shape) -> tuple[Shape, Shape | None]:
    """Chunks and shards of Zarr format 3, of what one object holds."""
    for codec in codecs:
        if codec["name"] == "sharding_indexed":
            return read_lengths(_configuration(codec), "chunk_shape", 1, len(unit)), unit
    return unit, None


def _codecs(value: object, depth: int = MAX_CODEC_DEPTH) -> tuple[Mapping[str, Any], ...]:
    """A list of codecs, some of which may be their name alone; bounded, those within shards too."""
    if not isinstance(value, list | tuple) or len(value) > MAX_CODECS or depth == 0:
        raise SourceError(f"its codecs must be a list of at most {MAX_CODECS} objects, not {shown(value)}")
    codecs = [{"name": codec} if isinstance(codec, str) else codec for codec in value]
    for codec in codecs:
        if not isinstance(codec, Mapping) or not isinstance(codec.get("name", codec.get("id")), str):
            raise SourceError(f"its codec {shown(codec)} has no name")
        if "codecs" in _configuration(codec):
            _codecs(_configuration(codec)["codecs"], depth - 1)
    return tuple(codecs)


def _dtype_v2(value: object) -> np.dtype[Any]:
    try:
        dtype = np.dtype(value) if isinstance(value, str) else None
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or dtype.kind not in _KINDS or dtype.names or dtype.shape:
        raise SourceError(f"its dtype {shown(value)} is none that pixels have")
    return dtype


def _dtype_v3(value: object) -> np.dtype[Any]:
    if not isinstance(value, str) or value not in _V3_NAMES:
        raise SourceError(f"its data_type {shown(value)} is none that pixels have")
    return np.dtype(value)
