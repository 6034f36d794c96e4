"""Filters of HDF5 chunks, by the numbers under which they are registered."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError

Bytes: TypeAlias = Any  # bytes, a view of memory, or an array of bytes

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD = 32000, 32001, 32004, 32008, 32015
# Names of filters for errors. Those that are decoded here need no plug-in.
NAMES: Mapping[int, str] = {
    **{1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32000: "lzf"},
    **{32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32017: "sz", 32019: "jpeg"},
    **{32022: "sz3", 32024: "sz3", 32026: "blosc2", 32028: "sperr", 32029: "h5z_jpegls"},
}
BITSHUFFLE_LZ4, BITSHUFFLE_ZSTD = 2, 3  # what the filter bitshuffle compresses with, in its fifth value
_BLOCK_BYTES = 8192  # of bitshuffle, where a chunk gives none


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of a dataset: its number, and the values that it was set up with."""

    number: int
    values: tuple[int, ...]


def can_decode(filters: tuple[Filter, ...]) -> bool:
    """Return whether all filters are decoded here."""
    return all(each.number in _DECODERS for each in filters)


def decode_chunk(data: Bytes, filters: tuple[Filter, ...], skipped: int, item_bytes: int, size_bytes: int) -> Bytes:
    """Undo the filters of a chunk.

    Parameters
    ----------
    data
        The chunk as it is stored.
    filters
        In the order in which they were applied.
    skipped
        A bit for each filter that this chunk went without.
    item_bytes, size_bytes
        Size of a pixel, and of the whole chunk after decoding. No decoder makes more bytes than that.

    Raises
    ------
    DecodeError
        If the data is damaged, or decodes to another size.
    """
    try:
        for number, each in reversed(list(enumerate(filters))):
            if not skipped >> number & 1:
                more = sum(4 for f in filters[:number] if f.number == FLETCHER32)
                data = _DECODERS[each.number](data, each, item_bytes, size_bytes + more)
    except DecodeError:
        raise
    except Exception as error:  # each codec raises its own exceptions
        raise DecodeError(" ".join(str(error).split()) or type(error).__name__) from error
    if len(data) != size_bytes:
        raise DecodeError(f"it decodes to {len(data)} bytes instead of {size_bytes}")
    return data


def _inflate(data: Bytes, _: Filter, __: int, size_bytes: int) -> Bytes:
    out = np.empty(size_bytes, np.uint8)
    return out[: len(_imagecodecs.deflate_decode(data, out=out))]  # libdeflate, over twice as fast as zlib


def _unshuffle(data: Bytes, own: Filter, item_bytes: int, _: int) -> Bytes:
    width = own.values[0] if own.values else item_bytes
    found = np.frombuffer(data, np.uint8)
    whole = found.size // width * width
    if width < 2 or whole == 0:
        return found
    out = np.empty(found.size, np.uint8)
    for number, column in enumerate(found[:whole].reshape(width, -1)):  # four times as fast as a transposed copy
        out[number:whole:width] = column
    out[whole:] = found[whole:]
    return out


def _check_sum(data: Bytes, _: Filter, __: int, ___: int) -> Bytes:
    content, stored = data[:-4], bytes(data[-4:])
    if len(stored) < 4 or int(_imagecodecs.h5checksum_fletcher32(content)) != int.from_bytes(stored, "little"):
        raise DecodeError("its checksum (fletcher32) is wrong")
    return content


def _lzf(data: Bytes, _: Filter, __: int, size_bytes: int) -> Bytes:
    out = np.empty(size_bytes, np.uint8)
    return out[: len(_imagecodecs.lzf_decode(data, out=out))]


def _zstd(data: Bytes, _: Filter, __: int, size_bytes: int) -> Bytes:
    out = np.empty(size_bytes, np.uint8)
    return out[: len(_imagecodecs.zstd_decode(data, out=out))]


def _blosc(data: Bytes, _: Filter, __: int, size_bytes: int) -> Bytes:
    """Decode a buffer whose header gives its sizes.

    Blosc itself reads past the end of a buffer that is cut off.
    """
    decoded, _block, encoded = struct.unpack_from("<3I", data, 4)
    if encoded > len(data) or decoded > size_bytes:
        raise DecodeError(f"it claims {encoded} bytes that decode to {decoded}")
    out = np.empty(size_bytes, np.uint8)
    return out[: len(_imagecodecs.blosc_decode(data, numthreads=1, out=out))]


def _lz4(data: Bytes, _: Filter, __: int, size_bytes: int) -> Bytes:
    total, block = struct.unpack_from(">QI", data)
    out = np.empty(_within(total, size_bytes), np.uint8)
    at = 12
    for start in range(0, total, max(block, 1)):
        part = out[start : start + block]
        body, at = _sized(data, at)
        if len(body) == part.size:
            part[...] = np.frombuffer(body, np.uint8)
        else:
            _filled(_imagecodecs.lz4_decode(body, out=part), part)
    return out


def _unbitshuffle(data: Bytes, own: Filter, item_bytes: int, size_bytes: int) -> Bytes:
    """Undo bitshuffle, and the codec after it.

    Its values are two versions, the size of an item, the items of a block, and the codec.
    """
    width = own.values[2] if len(own.values) > 2 and own.values[2] else item_bytes
    codec = own.values[4] if len(own.values) > 4 else 0
    if codec not in (BITSHUFFLE_LZ4, BITSHUFFLE_ZSTD):
        block = own.values[3] if len(own.values) > 3 else 0
        return np.frombuffer(
            _imagecodecs.bitshuffle_decode(memoryview(data), itemsize=width, blocksize=block), np.uint8
        )
    total, block_bytes = struct.unpack_from(">QI", data)
    out = np.empty(_within(total, size_bytes), np.uint8)
    decode = _imagecodecs.lz4_decode if codec == BITSHUFFLE_LZ4 else _imagecodecs.zstd_decode
    at, start = 12, 0
    block_bytes = block_bytes or _BLOCK_BYTES
    rest = total % (8 * width)  # pixels beyond the last whole eight are stored as they are
    while start < total - rest:
        size = min(block_bytes, (total - rest - start))
        body, at = _sized(data, at)
        part = np.empty(size, np.uint8)
        _filled(decode(body, out=part), part)
        out[start : start + size] = np.frombuffer(
            _imagecodecs.bitshuffle_decode(part.data, itemsize=width, blocksize=size // width), np.uint8
        )
        start += size
    out[start:] = np.frombuffer(data[at : at + rest], np.uint8)
    return out


def _within(total: int, size_bytes: int) -> int:
    if total > size_bytes:
        raise DecodeError(f"it claims to decode to {total} bytes instead of {size_bytes}")
    return total


def _sized(data: Bytes, at: int) -> tuple[Bytes, int]:
    """Return a body after its own size of four bytes, and the place after it."""
    (size,) = struct.unpack_from(">I", data, at)
    if at + 4 + size > len(data):
        raise DecodeError("it is cut off")
    return data[at + 4 : at + 4 + size], at + 4 + size


def _filled(decoded: Any, part: NDArray[np.uint8]) -> None:  # noqa: ANN401  (whatever a codec returns)
    if len(decoded) != part.size:
        raise DecodeError(f"a block of it decodes to {len(decoded)} bytes instead of {part.size}")


_Decoder: TypeAlias = Callable[[Bytes, Filter, int, int], Bytes]
_DECODERS: Mapping[int, _Decoder] = {
    DEFLATE: _inflate,
    SHUFFLE: _unshuffle,
    FLETCHER32: _check_sum,
    LZF: _lzf,
    BLOSC: _blosc,
    LZ4: _lz4,
    BITSHUFFLE: _unbitshuffle,
    ZSTD: _zstd,
}
