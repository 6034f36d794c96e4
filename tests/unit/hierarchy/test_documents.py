"""Documents of arrays and groups against those that zarr makes of the same."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

from pyramid.hierarchy.documents import ArrayForm, array_documents, group_documents
from pyramid.ngff import FORMATS
from pyramid.options.choices import N5_CODECS
from pyramid.options.convert import Options
from pyramid.planning.encoding import choose_encoding
from pyramid.writing.codecs import CODECS, compressors

DTYPES = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
)
# Those that Zarr has.
ZARR_CODECS = [name for name in CODECS if name not in N5_CODECS]
Format = Literal[2, 3]


def encoded_with(options: Options, zarr_format: Format, item_bytes: int) -> list[dict[str, Any]]:
    encoding = choose_encoding(options, item_bytes, FORMATS["0.5" if zarr_format == 3 else "0.4"])
    return compressors(encoding, zarr_format, item_bytes)


def made_by_zarr(zarr_format: Format, form: ArrayForm) -> dict[str, Any]:
    store: dict[str, Any] = {}
    codecs: Any = list(form.codecs)
    names: Any = {"name": "default" if zarr_format == 3 else "v2", "separator": "/"}
    zarr.create_array(
        MemoryStore(store),
        shape=form.shape,
        chunks=form.chunks,
        shards=form.shards,
        dtype=np.dtype(form.dtype),
        compressors=codecs if zarr_format == 3 else next(iter(codecs), None),
        fill_value=form.fill_value,
        zarr_format=zarr_format,
        chunk_key_encoding=names,
        dimension_names=form.dimension_names,
    )
    return {key: json.loads(body.to_bytes()) for key, body in store.items()}


def parsed(documents: dict[str, bytes]) -> dict[str, Any]:
    return {key: json.loads(body) for key, body in documents.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("codec", ZARR_CODECS)
def test_arrays_of_format_3_are_those_of_zarr(dtype: str, codec: str) -> None:
    codecs = encoded_with(Options(codec=codec, checksum=codec == "zstd"), 3, np.dtype(dtype).itemsize)
    for shards in (None, (8, 32)):
        form = ArrayForm((20, 70), (4, 16), shards, dtype, 0, codecs, "yx")
        assert parsed(array_documents(3, form)) == made_by_zarr(3, form)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("codec", ZARR_CODECS)
def test_arrays_of_format_2_are_those_of_zarr(dtype: str, codec: str) -> None:
    form = ArrayForm((20, 70), (4, 16), None, dtype, 0, encoded_with(Options(codec=codec), 2, np.dtype(dtype).itemsize))
    assert parsed(array_documents(2, form)) == made_by_zarr(2, form)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_groups_are_those_of_zarr(zarr_format: Format) -> None:
    store: dict[str, Any] = {}
    attributes = {"a": [1, 2.5, None, {"b": "µm"}]}
    zarr.create_group(MemoryStore(store), zarr_format=zarr_format, attributes=attributes)
    expected = {key: json.loads(body.to_bytes()) for key, body in store.items()}
    for document in expected.values():
        if document.get("consolidated_metadata", 1) is None:
            del document["consolidated_metadata"]  # zarr 3.0 writes null, which means the same as no key
    assert parsed(group_documents(zarr_format, attributes)) == expected


def test_what_zarr_is_configured_to_write_changes_nothing() -> None:
    form = ArrayForm((20, 70), (4, 16), None, "uint16", 0, encoded_with(Options(), 2, 2))
    before = array_documents(2, form)
    with zarr.config.set({"array.order": "F", "json_indent": None}):
        assert array_documents(2, form) == before
