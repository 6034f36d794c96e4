"""Blocks of N5: a header with the size of the block, and its encoded pixels.

Source: https://github.com/saalfeldlab/n5, "file-system specification".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.model import Shape

# The mode of a block that has a number of values of its own; the other mode of numbers is 0.
_VARIABLE = 1
# Bytes of mode and number of axes, and of the extent on each axis.
_FIXED_BYTES, _EXTENT_BYTES = 4, 4


def header_bytes(ndim: int) -> int:
    """Return the size of a block's header."""
    return _FIXED_BYTES + _EXTENT_BYTES * ndim


def make_header(shape: Shape) -> bytes:
    """Return the header of a block.

    Examples
    --------
    >>> make_header((4, 5)).hex(" ", 4)
    '00000002 00000005 00000004'
    """
    return struct.pack(f">HH{len(shape)}I", 0, len(shape), *reversed(shape))


def read_header(data: memoryview, chunks: Shape) -> tuple[Shape, memoryview]:
    """Return the shape of a block, in C order, and its encoded pixels.

    Raises
    ------
    DecodeError
        If the header is cut, or does not fit a block of at most `chunks` pixels.
    """
    if len(data) < _FIXED_BYTES:
        raise DecodeError(f"it has {len(data)} bytes, fewer than the header of a block")
    mode, ndim = struct.unpack_from(">HH", data)
    if mode not in (0, _VARIABLE):
        raise DecodeError(f"its header gives mode {mode}, and pixels have mode 0 or 1")
    if ndim != len(chunks):
        raise DecodeError(f"its header gives {ndim} axes instead of {len(chunks)}")
    end = header_bytes(ndim) + (_EXTENT_BYTES if mode == _VARIABLE else 0)
    if len(data) < end:
        raise DecodeError(f"it has {len(data)} bytes, fewer than the header of a block")
    shape = tuple(reversed(struct.unpack_from(f">{ndim}I", data, _FIXED_BYTES)))
    if not all(1 <= n <= most for n, most in zip(shape, chunks, strict=True)):
        raise DecodeError(f"its header gives {shape} pixels, and a block has at most {chunks}")
    if mode == _VARIABLE and struct.unpack_from(">I", data, end - _EXTENT_BYTES) != (math.prod(shape),):
        raise DecodeError("its header gives another number of values than pixels")
    return shape, data[end:]


def decode_block(
    data: memoryview, chunks: Shape, out: NDArray[np.uint8], decode: Callable[[memoryview, NDArray[np.uint8]], None]
) -> None:
    """Fill `out`, the bytes of a whole chunk, with a block that may be smaller.

    Pixels outside the block become 0.

    Parameters
    ----------
    data
        The block as it is stored.
    chunks
        Shape of a chunk in C order.
    out
        Memory of the chunk.
    decode
        Decodes pixels into memory of their size.
    """
    shape, encoded = read_header(data, chunks)
    if shape == chunks:
        decode(encoded, out)
        return
    item_bytes = out.size // math.prod(chunks)
    pixels: NDArray[Any] = np.empty(math.prod(shape) * item_bytes, np.uint8)
    decode(encoded, pixels)
    whole = out.reshape(*chunks, item_bytes)
    whole[...] = 0
    whole[tuple(slice(n) for n in shape)] = pixels.reshape(*shape, item_bytes)
