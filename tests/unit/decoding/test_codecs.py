"""Chunks that are complete, in parts, cut off, or of another size than they should have."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from numcodecs import BZ2, LZ4, Blosc, GZip, Zlib, Zstd

from pyramid.decoding import DecodeError
from pyramid.decoding.codecs import decode_into

RAW = bytes(range(256)) * 40
CODECS = {codec.codec_id: codec for codec in (BZ2(1), LZ4(), Blosc("lz4"), GZip(1), Zlib(1), Zstd(1, checksum=True))}


def decoded(name: str, data: bytes, size: int = len(RAW)) -> bytes:
    out = np.empty(size, np.uint8)
    decode_into(name, data, out)
    return out.tobytes()


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("less", [1, 2, 4, 8, 16])
def test_a_chunk_that_is_cut_off_is_damaged(name: str, less: int) -> None:
    whole = bytes(CODECS[name].encode(RAW))
    assert decoded(name, whole) == RAW
    with pytest.raises(DecodeError):
        decoded(name, whole[:-less])


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [1, len(RAW) - 1, len(RAW) + 1])
def test_a_chunk_of_another_size_is_damaged(name: str, size: int) -> None:
    with pytest.raises(DecodeError):
        decoded(name, bytes(CODECS[name].encode(RAW)), size)


@pytest.mark.parametrize(("name", "compress"), [("gzip", gzip.compress), ("bz2", bz2.compress)])
def test_members_follow_each_other(name: str, compress: Any) -> None:
    members = compress(RAW[:5000]) + compress(b"") + compress(RAW[5000:])
    assert decoded(name, members) == RAW
    for size in (4999, len(RAW) - 1, len(RAW) + 1):
        with pytest.raises(DecodeError):
            decoded(name, members, size)


@pytest.mark.parametrize("size", [-1, 5000, 2**31 - 1])
def test_the_size_in_front_of_lz4_must_be_right(size: int) -> None:
    body = bytes(CODECS["lz4"].encode(RAW))[4:]
    with pytest.raises(DecodeError, match="instead of 10240"):
        decoded("lz4", struct.pack("<i", size) + body)


BOMBS = {**{name: codec.encode for name, codec in CODECS.items()}, "xz": lambda data: lzma.compress(data, preset=0)}


@pytest.mark.parametrize("name", BOMBS)
def test_a_chunk_is_decoded_to_its_size_and_no_further(name: str) -> None:
    data = bytes(BOMBS[name](bytes(2**24)))
    tracemalloc.start()
    with pytest.raises(DecodeError):
        decoded(name, data, 4096)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
