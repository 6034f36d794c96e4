"""Documents of arrays that are odd or hostile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyramid.decoding import ArrayReader, DecodeError, stored_array
from pyramid.decoding.shard import EMPTY
from pyramid.errors import SourceError
from pyramid.hierarchy.nodes import Node
from pyramid.model import Box
from pyramid.stores import open_objects

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def node_of(**changed: Any) -> Node:
    grid = {"name": "regular", "configuration": {"chunk_shape": changed.pop("chunks", [4, 4])}}
    document = {"shape": [4, 4], "data_type": "uint16", "chunk_grid": grid, "chunk_key_encoding": "default"}
    return Node("", 3, {}, {**document, "codecs": [BYTES], "fill_value": 0, **changed}, {})


def sharded(**changed: Any) -> list[dict[str, Any]]:
    settings = {"chunk_shape": [2, 2], "codecs": [BYTES], "index_codecs": [BYTES], **changed}
    return [{"name": "sharding_indexed", "configuration": settings}]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("uint16", 1.5),
        ("int64", 2**63),
        ("int32", float("nan")),
        ("uint64", float("inf")),
        ("complex64", [True, None]),
        ("float32", 10**400),
    ],
)
def test_a_fill_value_that_no_pixel_can_have_is_left_to_zarr(dtype: str, value: Any) -> None:
    assert stored_array(node_of(data_type=dtype, fill_value=value)) is None


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("uint16", 7.0, 7),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("int64", 2**53 + 1, 2**53 + 1),
        ("bool", 1, True),
        ("float32", 3, 3.0),
        ("complex64", ["-Infinity", 2], complex("-inf+2j")),
    ],
)
def test_a_fill_value_is_exact(dtype: str, value: Any, expected: Any) -> None:
    stored = stored_array(node_of(data_type=dtype, fill_value=value))
    assert stored is not None
    assert stored.fill_value == expected


@pytest.mark.parametrize(
    "codecs",
    [
        [{"id": "bytes"}],
        [{"name": "transpose", "configuration": {"order": ["a", 0]}}, BYTES],
        [{"name": "transpose", "configuration": {"order": [1.0, 0.0]}}, BYTES],
        [{"name": "transpose", "configuration": {"order": 5}}, BYTES],
        [BYTES, {"name": "numcodecs.crc32c", "configuration": {"location": "start"}}],
        sharded(index_codecs=None),
        sharded(index_codecs=5),
        sharded(codecs=[{"id": "bytes"}]),
    ],
)
def test_odd_codecs_are_left_to_zarr(codecs: list[Any]) -> None:
    assert stored_array(node_of(codecs=codecs)) is None


def test_shards_are_made_of_whole_chunks() -> None:
    with pytest.raises(SourceError, match="not made of whole chunks"):
        stored_array(node_of(codecs=sharded(chunk_shape=[3, 2])))


@pytest.mark.parametrize("extent", [10**6, 2**62])
def test_chunks_that_would_fill_the_memory_are_refused(extent: int) -> None:
    with pytest.raises(SourceError, match="far larger than its shape"):
        stored_array(node_of(chunks=[extent, extent]))
    assert stored_array(node_of(chunks=[extent, extent], shape=[extent, extent])) is not None


@pytest.mark.parametrize(
    ("offset", "size"),
    [(100, 8), (24, 0), (0, 0), (24, 2**40), (2**63, 8), (EMPTY - 3, 12), (EMPTY, 8), (0, EMPTY), (24, 2**62)],
)
@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_an_index_that_points_nowhere_is_damaged(offset: int, size: int, scheme: str, tmp_path: Any) -> None:
    objects = open_objects(f"memory://documents{tmp_path}" if scheme == "memory" else str(tmp_path))
    pixels = np.arange(16, dtype="<u2").tobytes()
    index = np.array([(0, 8), (8, 8), (16, 8), (offset, size)], "<u8").tobytes()
    objects.put("c/0/0", pixels + index)
    stored = stored_array(node_of(codecs=sharded()))
    assert stored is not None
    with pytest.raises(DecodeError, match="c/0/0"):
        ArrayReader(objects, objects, stored).read(Box((0, 0), (4, 4)), np.empty((4, 4), "u2"))


def test_a_shard_of_more_chunks_than_an_index_can_have_may_be_missing() -> None:
    objects = open_objects("memory://documents/many")
    stored = stored_array(node_of(chunks=[2**40, 2**40], shape=[2**40, 2**40], codecs=sharded(chunk_shape=[1, 1])))
    assert stored is not None
    out = np.ones((2, 2), "u2")
    ArrayReader(objects, objects, stored).read(Box((2**40 - 2, 5), (2, 2)), out)
    assert not out.any()
