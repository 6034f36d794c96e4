"""Frames of ND2: read by rows or unpacked within bounds, and refused where the file does not hold them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
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
from tests.support.vendors.nd2 import depth_loop, time_loop, write_nd2, write_old_nd2

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


def encode(pixels: NDArray[Any], **options: Any) -> bytes:
    encoder: Any = imagecodecs.jpeg2k_encode
    return bytes(encoder(pixels, **{"codecformat": "j2k", "level": 0, **options}))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_frames_by_jpeg_2000_are_those_that_the_library_reads(dtype: str, tmp_path: Path) -> None:
    path = write_old_nd2(tmp_path / "a.nd2", FRAMES.astype(dtype))
    source = open_source(path, Options())
    assert source.spec.axes == "czyx"
    np.testing.assert_array_equal(read(source), as_nd2_reads(path).swapaxes(0, 1))
    box = Box((1, 2, 3, 5), (1, 3, 7, 9))
    np.testing.assert_array_equal(read(source, box), read(source)[box.slices])


def in_tiles(edge: int) -> bytes:
    """A picture whose header says that it is in tiles."""
    whole = encode(np.zeros((20, 31), "u2"))
    return whole[:24] + struct.pack(">II", edge, edge) + whole[32:]


OTHERS: dict[str, tuple[bytes, str]] = {
    "vast": (encode(np.zeros((3000, 3000), "u2")), "it says that it has 3000 rows, 3000 columns and 1 samples"),
    "vast in boxes": (encode(np.zeros((3000, 3000), "u2"), codecformat="jp2"), "it says that it has 3000 rows"),
    "colours": (encode(np.zeros((20, 31, 3), "u2")), "it says that it has 20 rows, 31 columns and 3 samples"),
    "many tiles": (in_tiles(1), "in 620 tiles, which are more than it can have"),
    "smaller": (encode(np.zeros((10, 31), "u2")), r"it has the shape \(10, 31\) and the dtype uint16"),
    "other dtype": (encode(np.zeros((20, 31), "u1")), "it has the shape .* and the dtype uint8"),
    "no size": (b"\xff\x4f\xff\x51" + bytes(60), "its code stream has no possible size"),
    "no picture": (bytes(99), "it has no code stream of JPEG 2000"),
    "vast in the file": (bytes(2**21), "has 2097160 bytes, as no frame has"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_picture_that_is_not_a_frame_is_refused_before_it_is_decoded(kind: str, tmp_path: Path) -> None:
    other, match = OTHERS[kind]
    pictures = [encode(FRAMES[0, ..., 0]), other]
    refuse(write_old_nd2(tmp_path / "a.nd2", FRAMES[:1], pictures), match)


def test_a_stack_by_jpeg_2000_that_was_stopped_is_0_from_there_on(tmp_path: Path) -> None:
    pictures = [encode(FRAMES[i, ..., c]) for i in (0, 1) for c in (0, 1)]
    source = open_source(write_old_nd2(tmp_path / "a.nd2", FRAMES, pictures), Options())
    assert any("2 frames of the 6 of its experiment" in notice for notice in source.spec.notices)
    expected = np.where(np.arange(6)[:, None, None] < 2, np.moveaxis(FRAMES, 3, 0), 0)
    np.testing.assert_array_equal(read(source), expected)


def test_an_older_file_without_its_map_is_refused(tmp_path: Path) -> None:
    whole = write_old_nd2(tmp_path / "a.nd2", FRAMES).read_bytes()
    for data in (whole[:-1], whole[:-8] + struct.pack("<Q", 2**40)):
        (tmp_path / "b.nd2").write_bytes(data)
        refuse(tmp_path / "b.nd2", "cannot be read as ND2: .*it is cut off or damaged")
