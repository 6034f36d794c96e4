"""The documents of arrays of Zarr 2 as those of Zarr 3 over the same chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.dtypes import StoredDtype
from pyramid.hierarchy.nodes import Node

_SHUFFLES = {0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}
# The shuffle of Blosc that depends on the dtype: of bits where an item is one byte, else of bytes.
_AUTO_SHUFFLE = -1


class NeedsConversionError(SourceError):
    """A store that a later version cannot describe as it is."""


def array_v3(node: Node, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the document of Zarr 3 of an array of Zarr 2, over the same chunks.

    Parameters
    ----------
    node
        The array.
    names
        The names of its axes; None for an array that is not a level.

    Raises
    ------
    NeedsConversionError
        If the core of Zarr 3 cannot say how its chunks are stored.
    SourceError
        If the document is broken.
    """
    document, facts = node.array or {}, read_facts(node)
    if document.get("filters"):
        raise NeedsConversionError(f"{node.place}: its filters are not in the core of Zarr 3")
    fill = document.get("fill_value")
    separator = document.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise SourceError(f"{node.place}: dimension_separator is {short_repr(separator)}, and it must be '.' or '/'")
    return {
        "shape": list(facts.shape),
        "data_type": facts.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(facts.chunks)}},
        "chunk_key_encoding": {"name": "v2", "configuration": {"separator": separator}},
        "fill_value": _fill(fill, facts.dtype),
        "codecs": _codecs(node, facts.dtype, len(facts.shape)),
        "attributes": dict(node.attributes),
        **({"dimension_names": list(names)} if names is not None else {}),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def _fill(value: object, dtype: StoredDtype) -> object:
    """Return the fill value; where there is none, zero."""
    if dtype.kind == "b":
        return bool(value)
    if value is None:
        return [0.0, 0.0] if dtype.kind == "c" else 0.0 if dtype.kind == "f" else 0
    return int(value) if dtype.kind in "iu" and isinstance(value, float) and value.is_integer() else value


def _codecs(node: Node, dtype: StoredDtype, ndim: int) -> list[dict[str, Any]]:
    document = node.array or {}
    codecs: list[dict[str, Any]] = []
    if document.get("order", "C") == "F" and ndim > 1:
        codecs.append({"name": "transpose", "configuration": {"order": list(range(ndim))[::-1]}})
    endian = "big" if dtype.big_endian else "little"
    codecs.append({"name": "bytes", **({"configuration": {"endian": endian}} if dtype.itemsize > 1 else {})})
    compressor = document.get("compressor")
    return codecs if compressor is None else [*codecs, _compressor(node, compressor, dtype)]


def _compressor(node: Node, codec: Mapping[str, Any], dtype: StoredDtype) -> dict[str, Any]:
    """Return a compressor of Zarr 2 as the codec of Zarr 3 that reads the same bytes."""
    name = codec.get("id")
    if name == "blosc":
        shuffle = codec.get("shuffle", 1)
        if shuffle == _AUTO_SHUFFLE:
            shuffle = 2 if dtype.itemsize == 1 else 1
        if shuffle in _SHUFFLES:
            settings = {"cname": codec.get("cname", "lz4"), "clevel": codec.get("clevel", 5)}
            more = {"shuffle": _SHUFFLES[shuffle], "typesize": dtype.itemsize, "blocksize": codec.get("blocksize", 0)}
            return {"name": "blosc", "configuration": {**settings, **more}}
    if name == "zstd":
        settings = {"level": codec.get("level", 0), "checksum": bool(codec.get("checksum", False))}
        return {"name": "zstd", "configuration": settings}
    if name == "gzip":
        return {"name": "gzip", "configuration": {"level": codec.get("level", 1)}}
    raise NeedsConversionError(f"{node.place}: its compressor {short_repr(name)} is not in the core of Zarr 3")
