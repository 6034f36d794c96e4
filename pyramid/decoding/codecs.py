"""Decoders of chunks, by the names that documents of arrays give them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable, Mapping, Sized
from typing import Any, TypeAlias

import google_crc32c
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.planning.encoding import CRC_BYTES

# Decodes into an array of the expected size, and returns the part that was filled.
Decoder: TypeAlias = Callable[["bytes | memoryview", NDArray[np.uint8]], Sized]

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views


# Bytes before each block that lz4-java writes: a mark, the method, both sizes and a checksum. And the method of a block
# that is stored as it is.
_LZ4_HEADER_BYTES, _LZ4_RAW = 21, 1


class DecodeError(ValueError):
    """The bytes of a chunk or an index are damaged."""


def crc32c(data: memoryview | bytes) -> bytes:
    """Return the checksum at the end of a chunk or an index."""
    return int(google_crc32c.value(bytes(data))).to_bytes(CRC_BYTES, "little")


def without_crc32c(data: memoryview) -> memoryview:
    """Return data without the checksum at its end, which must be right."""
    data, checksum = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if crc32c(data) != checksum:
        raise DecodeError("its crc32c is wrong")
    return data


def _copy(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    if len(data) == out.size:
        np.copyto(out, np.frombuffer(data, np.uint8))
    return data


def _blosc(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    """Decode a buffer whose header gives both of its sizes.

    Blosc itself reads past the end of a buffer that is cut off.
    """
    decoded, _, encoded = struct.unpack_from("<3I", data, 4)
    if encoded > len(data):
        raise DecodeError(f"it has {len(data)} bytes instead of {encoded}")
    if decoded != out.size:
        return range(decoded)
    filled: Sized = _imagecodecs.blosc_decode(data, numthreads=1, out=out)
    return filled


def _bz2(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    with bz2.open(io.BytesIO(data)) as file:
        return _fill(file, out)


def _gzip(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    """Decode one member quickly, or as many as there are."""
    filled: Sized = _imagecodecs.gzip_decode(data, out=out)
    if len(filled) == out.size:
        return filled
    with gzip.open(io.BytesIO(data)) as file:
        return _fill(file, out)


def _fill(file: io.BufferedIOBase, out: NDArray[np.uint8]) -> Sized:
    """Read all of a file, and one byte more than fits if it goes on."""
    filled = 0
    while filled < out.size and (count := file.readinto(out.data[filled:])):
        filled += count
    return range(filled + len(file.read(1)))


def _lz4(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    (decoded,) = struct.unpack_from("<I", data)
    if decoded != out.size:
        return range(decoded)
    filled: Sized = _imagecodecs.lz4_decode(data, header=True, out=out)
    return filled


def _xz(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    with lzma.open(io.BytesIO(data)) as file:
        return _fill(file, out)


def _lz4_blocks(data: bytes | memoryview, out: NDArray[np.uint8]) -> Sized:
    """Decode the stream of blocks that lz4-java writes, or the one block of z5.

    A stream ends with an empty block.
    """
    view, filled = memoryview(data), 0
    if bytes(view[:8]) != b"LZ4Block":
        one: Sized = _imagecodecs.lz4_decode(data, out=out)
        return one
    while True:
        magic, method, packed, plain = struct.unpack_from("<8sBII", view)
        body = view[_LZ4_HEADER_BYTES : _LZ4_HEADER_BYTES + packed]
        if magic != b"LZ4Block" or len(body) != packed or filled + plain > out.size:
            raise DecodeError("its LZ4 blocks are damaged")
        if not plain:
            return range(filled)
        piece = out[filled : filled + plain]
        if method >> 4 == _LZ4_RAW:
            piece[...] = np.frombuffer(body, np.uint8)
        elif len(_imagecodecs.lz4_decode(body, out=piece)) != plain:
            raise DecodeError("its LZ4 blocks are damaged")
        filled, view = filled + plain, view[_LZ4_HEADER_BYTES + packed :]


# By the name in Zarr format 3 and the id in format 2; an empty name stands for bytes that are stored as they are.
DECODERS: Mapping[str, Decoder] = {
    "": _copy,
    "blosc": _blosc,
    "bz2": _bz2,
    "gzip": _gzip,
    "lz4": _lz4,
    "lz4-blocks": _lz4_blocks,
    "xz": _xz,
    "zlib": lambda data, out: _imagecodecs.deflate_decode(data, out=out),  # libdeflate, over twice as fast as zlib
    "zstd": lambda data, out: _imagecodecs.zstd_decode(data, out=out),
}


def decode_into(name: str, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
    """Fill `out` with decoded bytes.

    Raises
    ------
    DecodeError
        If the data is damaged, or decodes to another size.
    """
    try:
        filled = len(DECODERS[name](data, out))
    except Exception as error:  # each codec raises its own exceptions
        raise DecodeError(" ".join(str(error).split()) or type(error).__name__) from error
    if filled != out.size:
        raise DecodeError(f"it decodes to {filled} bytes instead of {out.size}")
