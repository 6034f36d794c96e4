"""Write the documents that make an array or a group, in Zarr 2, Zarr 3 and N5.

They are made here and not by a library, whose configuration belongs to the whole process. Another part of the process
may have set an order of axes or a codec that differs from those of the chunks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyramid.hierarchy.dtypes import StoredDtype, dtype_of_name
from pyramid.hierarchy.n5 import N5_KEY, N5_VERSION
from pyramid.model import Shape, StoreFormat

# Documents that make a folder a Zarr or an N5, if one of them is at its root. Those that can hold ``multiscales`` come
# first, because they are removed first.
ROOT_KEYS = ("zarr.json", ".zattrs", ".zgroup", ".zarray", N5_KEY)
# The document with the attributes of a group, by the Zarr format.
ATTRIBUTE_KEYS: Mapping[StoreFormat, str] = {3: "zarr.json", 2: ".zattrs", "n5": N5_KEY}
# The document that makes a path an array, by the format.
ARRAY_KEYS: Mapping[StoreFormat, str] = {3: "zarr.json", 2: ".zarray", "n5": N5_KEY}

# The codecs of a shard's index: those that the specification recommends, and that all readers have.
_INDEX_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """The shape of an array, and how its pixels become objects.

    Parameters
    ----------
    shape, chunks
        Extent, and that of a chunk, in pixels.
    shards
        Extent of a shard in pixels; None where chunks are not in shards, as always in format 2.
    dtype
        NumPy name of the pixels' dtype; they are stored little-endian.
    fill_value
        The value of pixels whose chunk is missing.
    codecs
        The codecs of a chunk after its pixels have become bytes, as the format has them; at most one in format 2.
    dimension_names
        The name of each axis; None to leave them out, as always in format 2.
    attributes
        Further attributes, in N5 only.
    """

    shape: Shape
    chunks: Shape
    shards: Shape | None
    dtype: str
    fill_value: float
    codecs: Sequence[Mapping[str, Any]]
    dimension_names: Sequence[str] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def group_documents(zarr_format: StoreFormat, attributes: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the documents of a group by key; one of N5 is that of the root.

    Examples
    --------
    >>> sorted(group_documents(2, {"a": 1})), sorted(group_documents(3, {}))
    (['.zattrs', '.zgroup'], ['zarr.json'])
    """
    if zarr_format == "n5":
        return {N5_KEY: encode_document({"n5": N5_VERSION, **attributes})}
    if zarr_format == 2:
        return {".zgroup": encode_document({"zarr_format": 2}), ".zattrs": encode_document(attributes)}
    return {"zarr.json": encode_document({"attributes": attributes, "zarr_format": 3, "node_type": "group"})}


def array_documents(zarr_format: StoreFormat, form: ArrayForm) -> dict[str, bytes]:
    """Return the documents of an array by key.

    Examples
    --------
    >>> form = ArrayForm((8, 8), (4, 4), None, "uint8", 0, ())
    >>> sorted(array_documents(2, form)), json.loads(array_documents(3, form)["zarr.json"])["codecs"]
    (['.zarray', '.zattrs'], [{'name': 'bytes'}])
    """
    if zarr_format == "n5":
        return {N5_KEY: encode_document({**_array_n5(form), **form.attributes})}
    if zarr_format == 2:
        return {".zarray": encode_document(_array_v2(form)), ".zattrs": encode_document({})}
    return {"zarr.json": encode_document(_array_v3(form))}


def _array_v2(form: ArrayForm) -> dict[str, Any]:
    return {
        "shape": form.shape,
        "chunks": form.chunks,
        "dtype": _dtype(form).typestr,
        "fill_value": _fill_value(form),
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
        "compressor": next(iter(form.codecs), None),
        "zarr_format": 2,
    }


def _array_n5(form: ArrayForm) -> dict[str, Any]:
    return {
        "dimensions": form.shape[::-1],
        "blockSize": form.chunks[::-1],
        "dataType": form.dtype,
        "compression": next(iter(form.codecs)),
    }


def _array_v3(form: ArrayForm) -> dict[str, Any]:
    return {
        "shape": form.shape,
        "data_type": form.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": form.shards or form.chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": _fill_value(form),
        "codecs": _codecs_v3(form),
        "attributes": {},
        **({"dimension_names": list(form.dimension_names)} if form.dimension_names else {}),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def _codecs_v3(form: ArrayForm) -> list[Mapping[str, Any]]:
    one_byte = _dtype(form).itemsize == 1
    as_bytes = {"name": "bytes"} if one_byte else {"name": "bytes", "configuration": {"endian": "little"}}
    codecs: list[Mapping[str, Any]] = [as_bytes, *form.codecs]
    if form.shards is None:
        return codecs
    sharding = {
        "chunk_shape": form.chunks,
        "codecs": codecs,
        "index_codecs": _INDEX_CODECS,
        "index_location": "end",
    }
    return [{"name": "sharding_indexed", "configuration": sharding}]


def _fill_value(form: ArrayForm) -> bool | int | float:
    """Return the fill value as JSON writes it for the dtype.

    It is true or false, a whole number, or a decimal.
    """
    numbers: dict[str, type[bool] | type[int] | type[float]] = {"b": bool, "i": int, "u": int, "f": float}
    return numbers[_dtype(form).kind](form.fill_value)


def _dtype(form: ArrayForm) -> StoredDtype:
    dtype = dtype_of_name(form.dtype)
    assert dtype is not None  # a plan has only dtypes of pixels
    return dtype


def encode_document(document: Mapping[str, Any]) -> bytes:
    """Return a document as it is stored: JSON that a person can read."""
    return json.dumps(document, indent=2).encode()
