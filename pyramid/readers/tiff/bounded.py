"""Decoders of strips and tiles that take no more memory than a strip or tile has.

tifffile gives the decoders of plain bytes, such as Deflate, the size that they may fill. Those of pictures get none,
and take whatever the picture claims. So JPEG and JPEG 2000 are compared with the page before they are decoded, and
the others are decoded into memory of the shape of a strip or tile, which they compare with the picture first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.decoding.pictures import check_size, jpeg_2000_size, jpeg_size, most_encoded_bytes
from pyramid.model import Shape
from pyramid.readers.tiff.pages import JPEG, JPEG_2000
from pyramid.readers.tiff.stored_page import StoredPage

_imagecodecs: Any = imagecodecs  # its annotations accept neither arrays nor memory views

_RGBA = 4
_WEBP_MOVES, _WEBP_FLAGS_AT = 2, 20  # the bit of a WebP that has frames, and the byte that it is in
_ZSTD_START, _ZLIB_START = b"\x28\xb5\x2f\xfd", b"\x78"


def _decode_webp(data: bytes, out: NDArray[Any]) -> Any:  # noqa: ANN401  (as all decoders)
    """Decode one picture, with alpha where the page has it, as an opaque one may not."""
    if data[12:16] == b"VP8X" and data[_WEBP_FLAGS_AT] & _WEBP_MOVES:
        raise DecodeError("it is a moving picture")
    return _imagecodecs.webp_decode(data, hasalpha=out.shape[-1] == _RGBA or None, out=out)


def _decode_lerc(data: bytes, out: NDArray[Any]) -> Any:  # noqa: ANN401  (as all decoders)
    """Decode LERC, which may be compressed once more."""
    most = most_encoded_bytes(out.nbytes)
    if data.startswith(_ZSTD_START):
        data = _imagecodecs.zstd_decode(data, out=most)
    elif data.startswith(_ZLIB_START):
        data = _imagecodecs.deflate_decode(data, out=most)
    return _imagecodecs.lerc_decode(data, out=out)


# Decoders that compare the picture with their memory before they take any, by TIFF's numbers of compressions.
_INTO: Mapping[int, Callable[..., Any]] = {
    22610: _imagecodecs.jpegxr_decode,
    34887: _decode_lerc,
    34927: _decode_webp,
    34933: _imagecodecs.png_decode,
    34934: _imagecodecs.jpegxr_decode,
    50001: _decode_webp,
    50002: _imagecodecs.jpegxl_decode,
    52546: _imagecodecs.jpegxl_decode,
}


def decode_segment(page: StoredPage, encoded: bytes, number: int, shapes: Iterable[Shape]) -> NDArray[Any]:
    """Return the pixels of a strip or tile: depth, length, width, samples.

    Parameters
    ----------
    page
        The page.
    encoded, number
        Its bytes, and its number among the strips or tiles of the page.
    shapes
        Shapes that it may have on the dimensions of the page, the most likely first. None is larger than those of
        all strips or tiles.

    Raises
    ------
    DecodeError
        If the picture claims another size. Decoders raise errors of many other kinds.
    """
    coding = page.coding
    codec = _INTO.get(coding.compression)
    if codec is not None:
        return _decode_into(codec, encoded, shapes, coding.dtype.newbyteorder("="))
    if coding.compression in JPEG:
        check_size(jpeg_size((coding.jpegheader or b"") + encoded), math.prod(coding.segment))
    elif coding.compression in JPEG_2000:
        check_size(jpeg_2000_size(encoded), math.prod(coding.segment))
    decoded: NDArray[Any] = coding.decode(encoded, number, jpegtables=page.jpegtables, jpegheader=coding.jpegheader)[0]
    return decoded


def _decode_into(
    codec: Callable[..., Any], encoded: bytes, shapes: Iterable[Shape], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return the pixels of a picture of one of some shapes."""
    error: ValueError | None = None
    for _, depth, length, width, samples in shapes:
        memory = np.empty((depth * length, width, samples)[: 2 if samples == 1 else 3], dtype)
        try:
            decoded: NDArray[Any] = codec(encoded, out=memory)
        except ValueError as found:  # it has another shape or dtype
            error = found
        else:
            return decoded.reshape(depth, length, width, samples)
    raise DecodeError(f"it is not such a picture as the page has: {error}") from error
