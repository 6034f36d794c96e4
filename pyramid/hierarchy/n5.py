"""The documents of N5: ``attributes.json`` of datasets and groups.

N5 lists axes with the fastest first, and stores numbers big-endian. Here a dataset is described as an array of Zarr
format 2 is, with axes in C order, so that all that reads arrays reads N5 too. What differs is the name of a block, with
its indices in N5's order, and its header (`pyramid.decoding.n5_block`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.dtypes import StoredDtype, dtype_of_name
from pyramid.ngff.n5 import DTYPES

# The document of a dataset and of a group.
N5_KEY = "attributes.json"
# The version of the specification, in the attributes of the root. Readers refuse a higher major version than theirs.
N5_VERSION = "4.0.0"


def has_n5_dtype(dtype: StoredDtype) -> bool:
    """Return whether N5 has a dtype.

    Examples
    --------
    >>> has_n5_dtype(StoredDtype("u", 2)), has_n5_dtype(StoredDtype("f", 2)), has_n5_dtype(StoredDtype("b", 1))
    (True, False, False)
    """
    return dtype.name in DTYPES


def is_dataset(attributes: Mapping[str, Any]) -> bool:
    """Return whether a document is that of a dataset."""
    return "dimensions" in attributes and "dataType" in attributes


def read_dataset(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset's storage as a Zarr 2 document has it, with axes in C order.

    Values that are broken stay as they are, for those who read them to refuse.

    Raises
    ------
    SourceError
        If its dtype is not one of numbers.

    Examples
    --------
    >>> attributes = {"dimensions": [7, 5], "blockSize": [5, 4], "dataType": "uint16", "compressionType": "gzip"}
    >>> document = read_dataset(attributes)
    >>> document["shape"], document["chunks"], document["dtype"], document["compressor"]
    ([5, 7], [4, 5], '>u2', {'type': 'gzip', 'id': 'gzip'})
    """
    dtype = dtype_of_name(attributes.get("dataType"))
    if dtype is None or not has_n5_dtype(dtype):
        raise SourceError(f"its dataType {short_repr(attributes.get('dataType'))} is not one of numbers")
    return {
        "shape": _reversed(attributes.get("dimensions")),
        "chunks": _reversed(attributes.get("blockSize")),
        "dtype": StoredDtype(dtype.kind, dtype.itemsize, big_endian=dtype.itemsize > 1).typestr,
        "compressor": _read_compression(attributes),
        "filters": None,
        "fill_value": 0,
        "order": "C",
        "dimension_separator": "/",
    }


def _read_compression(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    given = attributes.get("compression", attributes.get("compressionType", "raw"))
    settings = dict(given) if isinstance(given, Mapping) else {"type": given}
    name = settings.get("type")
    if name == "raw":
        return None
    if name == "gzip" and settings.get("useZlib") is True:
        name = "zlib"
    known = {"bzip2": "bz2", "lz4": "lz4-blocks"}
    return {**settings, "id": known.get(str(name), name)}


def _reversed(value: object) -> object:
    return value[::-1] if isinstance(value, list) else value
