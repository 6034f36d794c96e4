"""Regions of arrays that zarr-python wrote, in any layout: our decoder and zarr read the same pixels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import BZ2, LZ4, Blosc, GZip, Zlib, Zstd
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

from pyramid.decoding import ArrayReader, DecodeError, stored_array
from pyramid.hierarchy.nodes import read_node
from pyramid.image.lazy_pixels import LazyPixels
from pyramid.model import Box
from pyramid.stores import Readable, open_objects
from pyramid.stores.zarr_store import ObjectsStore

NUMBERS = itertools.count()
DTYPES = ("bool", "uint8", "int16", ">u2", "uint32", "float32", ">f8", "complex64", "int64")
COMPRESSORS_V2 = (None, Blosc("zstd", 3), Blosc("lz4"), Blosc("zlib", 1), GZip(1), Zlib(1), Zstd(1), LZ4(), BZ2(1))
COMPRESSORS_V3 = ((), (BloscCodec(cname="lz4"),), (GzipCodec(level=1),), (ZstdCodec(level=0),))


@st.composite
def layouts(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Arguments of `zarr.create_array`, or of a v3 array with codecs of its own, and its chunks."""
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, 20)) for _ in range(ndim))
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    dtype = draw(st.sampled_from(DTYPES))
    fill_value = draw(st.sampled_from([0, 1])) if np.dtype(dtype).kind != "f" else draw(st.sampled_from([0.0, np.nan]))
    made: dict[str, Any] = {"shape": shape, "dtype": dtype, "fill_value": fill_value}
    if draw(st.booleans()):
        separator = draw(st.sampled_from("./"))
        made |= {
            "zarr_format": 2,
            "chunks": chunks,
            "compressors": draw(st.sampled_from(COMPRESSORS_V2)),
            "order": draw(st.sampled_from("CF")),
            "chunk_key_encoding": {"name": "v2", "separator": separator},
        }
        return made, chunks
    ending = (Crc32cCodec(),) if draw(st.booleans()) else ()
    order = draw(st.permutations(range(ndim)))
    filters = [TransposeCodec(order=order)] if draw(st.booleans()) else []
    serializer: Any = BytesCodec(endian=draw(st.sampled_from(["little", "big"])))
    compressors: Any = (*draw(st.sampled_from(COMPRESSORS_V3)), *ending)
    name = draw(st.sampled_from(["default", "v2"]))
    made |= {"zarr_format": 3, "chunk_key_encoding": {"name": name, "separator": draw(st.sampled_from("./"))}}
    if draw(st.booleans()):
        shards = tuple(c * draw(st.integers(1, 3)) for c in chunks)
        location: Any = draw(st.sampled_from(["start", "end"]))
        serializer = ShardingCodec(
            chunk_shape=chunks,
            codecs=[*filters, serializer, *compressors],
            index_location=location,
        )
        return made | {"chunks": shards, "serializer": serializer, "filters": None, "compressors": None}, chunks
    return made | {
        "chunks": chunks,
        "filters": filters,
        "serializer": serializer,
        "compressors": compressors,
    }, chunks


def opened(url: str) -> ArrayReader:
    objects = Readable(open_objects(url))
    node = read_node(objects, "a")
    assert node is not None
    stored = stored_array(node)
    assert stored is not None
    return ArrayReader(objects, objects, stored)


@given(data=st.data(), layout=layouts())
def test_a_region_is_what_zarr_reads(data: st.DataObject, layout: tuple[dict[str, Any], tuple[int, ...]]) -> None:
    made, _ = layout
    url = f"memory://decoding/{next(NUMBERS)}"
    array = zarr.create_array(ObjectsStore(open_objects(url)), name="a", **made)
    shape = made["shape"]
    half = tuple(slice(0, -(-n // 2)) for n in shape)
    rng = np.random.default_rng(0)
    array[half] = rng.integers(0, 100, [s.stop for s in half]).astype(made["dtype"])  # the other chunks are missing
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    box = Box(start, tuple(data.draw(st.integers(1, n - a)) for a, n in zip(start, shape, strict=True)))
    expected = np.asarray(array[box.slices])
    out = np.ones(box.shape, np.dtype(made["dtype"]).newbyteorder("="))
    opened(url).read(box, out)
    np.testing.assert_array_equal(out, expected)


@given(data=st.data(), layout=layouts())
def test_an_index_is_that_of_numpy(data: st.DataObject, layout: tuple[dict[str, Any], tuple[int, ...]]) -> None:
    made, _ = layout
    url = f"memory://decoding/{next(NUMBERS)}"
    array = zarr.create_array(ObjectsStore(open_objects(url)), name="a", **made)
    pixels = np.random.default_rng(0).integers(0, 100, made["shape"]).astype(made["dtype"])
    array[...] = pixels
    lazy = LazyPixels(opened(url))
    index: tuple[Any, ...] = tuple(
        data.draw(st.one_of(st.integers(0, n - 1), st.slices(n)))  # whole numbers are never negative here
        for n in made["shape"]
    )
    if data.draw(st.booleans()):  # Dask hands over one list at most
        n = made["shape"][-1]
        index = (*(slice(None) for _ in made["shape"][1:]), data.draw(st.lists(st.integers(0, n - 1), min_size=1)))
    found = lazy[index]
    assert found.dtype == lazy.dtype
    np.testing.assert_array_equal(found, pixels[index])


@pytest.mark.parametrize(
    "changed",
    [
        {"filters": [{"id": "delta", "dtype": "<u2"}]},
        {"compressor": {"id": "lzma"}},
        {"order": "K"},
        {"fill_value": "many"},
    ],
)
def test_what_is_not_known_is_left_to_zarr(changed: dict[str, Any]) -> None:
    url = f"memory://decoding/{next(NUMBERS)}"
    zarr.create_array(ObjectsStore(open_objects(url)), name="a", shape=(4, 4), dtype="u2", zarr_format=2)
    node = read_node(open_objects(url), "a")
    assert node is not None
    assert node.array is not None
    node = type(node)(node.path, 2, node.attributes, {**node.array, **changed}, node.documents)
    assert stored_array(node) is None


@pytest.mark.parametrize("compressor", COMPRESSORS_V2)
def test_damaged_chunks_are_never_pixels(compressor: Any) -> None:
    url = f"memory://decoding/{next(NUMBERS)}"
    objects = open_objects(url)
    array = zarr.create_array(
        ObjectsStore(objects),
        name="a",
        shape=(40, 50),
        chunks=(40, 50),
        dtype="u2",
        zarr_format=2,
        compressors=compressor,
    )
    array[...] = np.arange(2000).reshape(40, 50)
    key = opened(url).stored.key((0, 0))
    whole = objects.get(key)
    assert whole is not None
    for damaged in (b"", whole[: len(whole) // 2], b"\xff" * 30):
        objects.put(key, damaged)
        with pytest.raises(DecodeError, match=f"{key}: the chunk at \\(0, 0\\) is damaged"):
            opened(url).read(Box((0, 0), (40, 50)), np.empty((40, 50), "u2"))
