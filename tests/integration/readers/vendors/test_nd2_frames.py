"""Frames of ND2: read by rows or unpacked within bounds, and refused where the file does not hold them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import nd2
import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.vendors.nd2 import frames as frames_module
from pyramid.testing.sources import read
from tests.support.vendors.nd2 import depth_loop, time_loop, write_nd2

FRAMES = np.random.default_rng(6).integers(0, 4000, (6, 20, 31, 2)).astype("u2")
LOOPS = [time_loop(2, 500.0), depth_loop(3, 1.5)]


def refuse(path: Path, match: str) -> None:
    with pytest.raises(SourceError, match=match) as raised:
        read(open_source(path, Options()))
    assert "\n" not in str(raised.value)


def as_nd2_reads(path: Path) -> NDArray[Any]:
    with nd2.ND2File(path) as file:
        return np.asarray(file.asarray())


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("padding", [0, 12])
def test_frames_are_those_that_the_library_reads(lossless: bool, padding: int, tmp_path: Path) -> None:
    path = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS, lossless=lossless, padding_bytes=padding)
    source = open_source(path, Options())
    np.testing.assert_array_equal(read(source), as_nd2_reads(path).swapaxes(1, 2))
    np.testing.assert_array_equal(read(source), np.moveaxis(FRAMES.reshape(2, 3, 20, 31, 2), -1, 1))
    box = Box((1, 1, 1, 3, 5), (1, 1, 2, 7, 9))
    np.testing.assert_array_equal(read(source, box), read(source)[box.slices])


def test_a_frame_is_unpacked_to_its_size_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS, lossless=True, packed_zeros_bytes=2**26)
    unpacked: list[int] = []
    make = zlib.decompressobj

    class Counted:
        def __init__(self) -> None:
            self.inner = make()

        def decompress(self, data: Any, most: int) -> bytes:
            found = self.inner.decompress(data, most)
            unpacked.append(len(found))
            return found

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    np.testing.assert_array_equal(read(open_source(path, Options()))[0, 0, 0], FRAMES[0, ..., 0])
    assert unpacked == [FRAMES[0].nbytes] * len(FRAMES)


def test_metadata_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MAX_METADATA_BYTES", 2**22)
    packed = bytes([76]) + bytes(11) + zlib.compress(bytes(2**23))
    path = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS, extra={b"ImageMetadataLV!": packed})
    refuse(path, "its metadata 'ImageMetadataLV' is too large when unpacked; the file is damaged")
    nested = packed
    for _ in range(4):
        nested = bytes([76]) + bytes(11) + zlib.compress(nested)
    path = write_nd2(tmp_path / "b.nd2", FRAMES, LOOPS, extra={b"CustomDataVar|X!": nested})
    refuse(path, "is too large when unpacked")


def test_frames_that_are_not_where_the_map_says_are_refused(tmp_path: Path) -> None:
    whole = write_nd2(tmp_path / "a.nd2", FRAMES, LOOPS).read_bytes()
    name = b"ImageDataSeq|4!"
    at = whole.rindex(name) + len(name)
    for place in (len(whole), 2**62, 7):
        (tmp_path / "b.nd2").write_bytes(whole[:at] + struct.pack("<Q", place) + whole[at + 8 :])
        refuse(tmp_path / "b.nd2", "is not at byte 7, as its map says|cannot be read|bytes .* are needed")
    (tmp_path / "c.nd2").write_bytes(whole[:-1])
    refuse(tmp_path / "c.nd2", "it has no map of its frames at its end; it is cut off or damaged")
    lossless = write_nd2(tmp_path / "d.nd2", FRAMES, LOOPS, lossless=True).read_bytes()
    start = lossless.index(zlib.compress(FRAMES[2].tobytes()))
    (tmp_path / "e.nd2").write_bytes(lossless[:start] + bytes(9) + lossless[start + 9 :])
    refuse(tmp_path / "e.nd2", "frame 2 cannot be unpacked: .*; the file is damaged")
