"""Chunks of HDF5 that unpack to more than their size: no filter takes memory for that."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from typing import Any

import imagecodecs
import pytest

from pyramid.decoding.codecs import DecodeError
from pyramid.readers.hdf5 import filters as own
from pyramid.readers.hdf5.filters import Filter, decode_chunk

_imagecodecs: Any = imagecodecs  # its annotations are narrower than what it takes
VAST = bytes(2**24)
CHUNK_BYTES = 4096
MOST_BYTES = 2**20
LZ4_BODY = bytes(_imagecodecs.lz4_encode(VAST))
SIZED = struct.pack(">I", len(LZ4_BODY)) + LZ4_BODY

BOMBS: dict[str, tuple[int, tuple[int, ...], bytes]] = {
    "deflate": (own.DEFLATE, (), zlib.compress(VAST)),
    "lzf": (own.LZF, (), bytes(_imagecodecs.lzf_encode(VAST))),
    "blosc": (own.BLOSC, (), bytes(_imagecodecs.blosc_encode(VAST))),
    "zstd": (own.ZSTD, (), bytes(_imagecodecs.zstd_encode(VAST))),
    "lz4, as it says": (own.LZ4, (), struct.pack(">QI", len(VAST), len(VAST)) + SIZED),
    "lz4, unlike it says": (own.LZ4, (), struct.pack(">QI", CHUNK_BYTES, CHUNK_BYTES) + SIZED),
    "bitshuffle, as it says": (own.BITSHUFFLE, (0, 0, 1, 0, 2), struct.pack(">QI", len(VAST), 2**24) + SIZED),
    "bitshuffle, unlike it says": (own.BITSHUFFLE, (0, 0, 1, 0, 2), struct.pack(">QI", CHUNK_BYTES, 4096) + SIZED),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_chunk_is_unpacked_to_its_size_and_no_further(kind: str) -> None:
    number, values, data = BOMBS[kind]
    tracemalloc.start()
    with pytest.raises(DecodeError):
        decode_chunk(data, (Filter(number, values),), 0, 1, CHUNK_BYTES)
    assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    tracemalloc.stop()
