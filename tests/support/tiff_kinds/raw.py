"""A writer of TIFFs tag by tag, for kinds whose tags do not keep to the standard."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tags: TypeAlias = Mapping[int, tuple[int, int, bytes]]  # by code: type, count, and the bytes of the value
SHORT, LONG, RATIONAL, ASCII, UNDEFINED = 3, 4, 5, 2, 7
FIRST = 8  # where the first page's directory may begin


def number(value: int) -> tuple[int, int, bytes]:
    """One number of 32 bits."""
    return LONG, 1, struct.pack("<I", value)


def text(value: str | bytes) -> tuple[int, int, bytes]:
    """A text that ends with a NUL."""
    encoded = (value.encode() if isinstance(value, str) else value) + b"\0"
    return ASCII, len(encoded), encoded


def plane_tags(shape: Sequence[int], dtype: str) -> dict[int, tuple[int, int, bytes]]:
    """The tags of a grey page of one strip, without its offset."""
    item = np.dtype(dtype)
    kind = {"u": 1, "i": 2, "f": 3}[item.kind]
    return {
        256: number(shape[1]),
        257: number(shape[0]),
        258: (SHORT, 1, struct.pack("<H", 8 * item.itemsize)),
        259: (SHORT, 1, struct.pack("<H", 1)),
        262: (SHORT, 1, struct.pack("<H", 1)),
        277: (SHORT, 1, struct.pack("<H", 1)),
        278: number(shape[0]),
        279: number(shape[0] * shape[1] * item.itemsize),
        339: (SHORT, 1, struct.pack("<H", kind)),
    }


def write(
    path: Path, pages: Sequence[tuple[Tags, NDArray[np.generic]]], *, gap: bytes = b"", pixels_first: bool = False
) -> list[int]:
    """Write pages, each as its directory, its long values and its pixels; return the directories' offsets.

    `gap` is put after the header. The pixels of a page may be those of several planes; with `pixels_first` they follow
    the directory at once, before its long values.
    """
    out = bytearray(struct.pack("<2sHI", b"II", 42, 0) + gap)
    link, offsets = 4, []
    for tags, pixels in pages:
        out += b"\0" * (len(out) % 2)
        begin = len(out)
        offsets.append(begin)
        struct.pack_into("<I", out, link, begin)
        after = begin + 2 + 12 * (len(tags) + 1) + 4
        values = bytearray()
        entries = b""
        strip = (
            after
            if pixels_first
            else after + sum(len(value) + len(value) % 2 for _, _, value in tags.values() if len(value) > 4)
        )
        if pixels_first:
            after += pixels.nbytes
        for code, (kind, count, value) in sorted({**tags, 273: number(strip)}.items()):
            if len(value) > 4:
                entries += struct.pack("<HHII", code, kind, count, after + len(values))
                values += value + b"\0" * (len(value) % 2)
            else:
                entries += struct.pack("<HHI", code, kind, count) + value.ljust(4, b"\0")
        link = begin + 2 + len(entries)
        out += struct.pack("<H", len(tags) + 1) + entries + struct.pack("<I", 0)
        data = np.ascontiguousarray(pixels).tobytes()
        out += data + values if pixels_first else values + data
    path.write_bytes(out)
    return offsets
