"""The types of a CZI's pixels, and the decoders of its tiles."""

from __future__ import annotations

import math
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.decoding.pictures import check_size, jpeg_size
from pyramid.model import Shape

# Dtype and samples of each type of pixels that is read, as the format numbers them.
PIXEL_TYPES: dict[int, tuple[str, int]] = {
    0: ("<u1", 1),
    1: ("<u2", 1),
    2: ("<f4", 1),
    3: ("<u1", 3),
    4: ("<u2", 3),
    8: ("<f4", 3),
    9: ("<u1", 4),
    12: ("<i4", 1),
    13: ("<f8", 1),
}
NAMES = {10: "complex numbers", 11: "complex numbers of three colours"}  # of types that are not read
RAW, JPEG, LZW, JPEG_XR, ZSTD, ZSTD_SHUFFLED = 0, 1, 2, 4, 5, 6
COMPRESSIONS = (RAW, JPEG, LZW, JPEG_XR, ZSTD, ZSTD_SHUFFLED)
_HEAD_BYTES, _SHUFFLE = 3, 1  # of the longer head before shuffled data, and the mark and the flag in it
_codecs: Any = imagecodecs  # its annotations do not accept memory views
_PICTURES = {JPEG: _codecs.jpeg8_decode, JPEG_XR: _codecs.jpegxr_decode}  # whose data say rows and samples


def decode_tile(data: NDArray[np.uint8], compression: int, pixel_type: int, shape: Shape) -> NDArray[Any]:
    """Return the pixels of a tile, with samples in the order red, green, blue.

    Parameters
    ----------
    data
        The tile's bytes in the file.
    compression, pixel_type
        As the format numbers them; both are known ones.
    shape
        Rows, columns and samples.

    Raises
    ------
    DecodeError
        If the data is not that of such a tile.
    """
    name, samples = PIXEL_TYPES[pixel_type]
    dtype = np.dtype(name)
    if compression in _PICTURES:
        if compression == JPEG:  # one of several scans is held as a whole before its shape is compared
            check_size(jpeg_size(data.data), math.prod(shape))
        # Given the memory, they raise an error for another shape or dtype before they decode.
        pixels: NDArray[Any] = _PICTURES[compression](data, out=np.empty(shape, dtype))
        return pixels
    size_bytes = math.prod(shape) * dtype.itemsize
    if compression == LZW:
        data = np.frombuffer(_codecs.lzw_decode(data, out=size_bytes), np.uint8)
    elif compression != RAW:
        data = _decode_zstd(data, compression, size_bytes)
    if data.nbytes < size_bytes:
        raise DecodeError(f"it has {data.nbytes} bytes instead of {size_bytes}")
    return as_rgb(data[:size_bytes].view(dtype).reshape(shape), samples)


def as_rgb(pixels: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return pixels as red, green, blue, which are stored in reverse."""
    if samples < len("rgb"):
        return pixels
    return pixels[..., [2, 1, 0, *range(len("rgb"), samples)]]


def _decode_zstd(data: NDArray[np.uint8], compression: int, size_bytes: int) -> NDArray[np.uint8]:
    is_shuffled, head = False, 0
    if compression == ZSTD_SHUFFLED:
        head = int(data[0]) if data.size else 0
        if head not in (1, _HEAD_BYTES) or data.size < head:
            raise DecodeError(f"its head has {head} bytes, and is not known")
        if head == _HEAD_BYTES:
            mark, flags = int(data[1]), int(data[2])
            if mark != _SHUFFLE:
                raise DecodeError(f"its head has the mark {mark}, which is not known")
            is_shuffled = bool(flags & _SHUFFLE)
    decoded = np.frombuffer(_codecs.zstd_decode(data[head:], out=size_bytes), np.uint8)
    if is_shuffled:  # the low bytes of all pixels, then the high ones
        return np.ascontiguousarray(decoded[: decoded.size // 2 * 2].reshape(2, -1).T).reshape(-1)
    return decoded
