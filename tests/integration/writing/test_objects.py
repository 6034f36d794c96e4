"""The objects that are written: which there are, and what is in them."""

from __future__ import annotations

import errno
import fcntl
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import pyramid
from pyramid.block import Buffers
from pyramid.planning.encoding import ALIGN_BYTES, MAX_STREAM_BYTES
from pyramid.writing.direct_io import O_DIRECT, DiskFile, WriteModeChooser
from pyramid.writing.objects import PARTIAL, FileWriter
from pyramid.writing.write_queue import WriteQueue
from tests.support.stores import digests, read_level


@pytest.fixture
def sparse() -> np.ndarray:
    """An image whose one corner holds something."""
    image = np.zeros((300, 300), "uint16")
    image[:40, :40] = 7
    return image


MOST = 2**20
CHUNKS = {"y": 50, "x": 50}


def test_every_chunk_is_there_empty_or_not(sparse: np.ndarray, tmp_path: Path) -> None:
    pyramid.convert(sparse, tmp_path / "a", chunks=CHUNKS, shards="none", levels=1)
    assert len([key for key in digests(tmp_path / "a") if key.startswith("0/c/")]) == 36


@pytest.mark.parametrize("shards", ["none", {"y": 100, "x": 100}])
def test_empty_chunks_are_left_out_where_that_is_asked_for(
    sparse: np.ndarray, shards: str | dict[str, int], tmp_path: Path
) -> None:
    pyramid.convert(sparse, tmp_path / "a", chunks=CHUNKS, shards=shards, levels=1, skip_empty=True)
    assert [key for key in digests(tmp_path / "a") if key.startswith("0/c/")] == ["0/c/0/0"]
    np.testing.assert_array_equal(read_level(tmp_path / "a", 0), sparse)


def test_a_negative_zero_is_no_empty_chunk(tmp_path: Path) -> None:
    pyramid.convert(np.full((8, 8), -0.0), tmp_path / "a", skip_empty=True)
    assert np.signbit(read_level(tmp_path / "a", 0)).all()


def test_chunks_of_a_shard_that_lie_outside_the_image_are_left_out(tmp_path: Path) -> None:
    image = np.arange(110 * 60, dtype="uint16").reshape(110, 60)
    options: dict[str, Any] = {"chunks": {"y": 10, "x": 10}, "codec": "none", "levels": 1}
    pyramid.convert(image, tmp_path / "a", shards={"y": 100, "x": 60}, **options)
    chunk_bytes, index_bytes = 10 * 10 * 2, 60 * 16 + 4
    assert (tmp_path / "a/0/c/0/0").stat().st_size == 60 * chunk_bytes + index_bytes
    assert (tmp_path / "a/0/c/1/0").stat().st_size == 6 * chunk_bytes + index_bytes
    np.testing.assert_array_equal(read_level(tmp_path / "a", 0), image)


def test_a_checksum_finds_a_chunk_that_was_damaged(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64), "uint8")
    pyramid.convert(image, tmp_path / "a", checksum=True, shards="none", codec="none", levels=1)
    chunk = tmp_path / "a/0/c/0/0"
    body = bytearray(chunk.read_bytes())
    body[100] ^= 1
    chunk.write_bytes(body)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(tmp_path / "a/0", mode="r")[...]


def test_nothing_but_objects_is_left(tmp_path: Path) -> None:
    pyramid.convert(np.zeros((300, 300)), tmp_path / "a")
    assert not (tmp_path / "a" / PARTIAL).exists()


def _write(folder: Path, key: str, pieces: Iterable[bytes]) -> None:
    """Write an object in pieces of at most MOST bytes, as an encoder does."""
    writer = FileWriter(str(folder))
    with WriteQueue(str(folder), Buffers(), MAX_STREAM_BYTES, writer.max_concurrent_writes) as queue:
        body = writer.begin(key, 30 * MOST, queue)
        try:
            for one in pieces:
                body.reserve(MOST)[: len(one)] = one
                body.advance(len(one))
        except BaseException:
            body.discard()
            raise
        body.flush()


@pytest.mark.parametrize("direct", [False, True])
def test_a_file_is_its_pieces_whatever_way_it_is_written(
    direct: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WriteModeChooser, "choose", lambda _: direct)
    rng = np.random.default_rng(0)
    pieces = [rng.bytes(int(size)) for size in rng.integers(1, MOST, 30)]
    _write(tmp_path, "0/c/0", pieces)
    assert (tmp_path / "0/c/0").read_bytes() == b"".join(pieces)
    assert list((tmp_path / PARTIAL).iterdir()) == []


def test_a_disk_that_knows_no_way_past_the_cache_is_written_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_open = os.open

    def refusing(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return system_open(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)
    monkeypatch.setattr(WriteModeChooser, "_choose", lambda _: True)
    _write(tmp_path, "0/c/0", [b"a" * 2**20] * 5)
    assert (tmp_path / "0/c/0").read_bytes() == b"a" * 5 * 2**20


def test_a_disk_that_takes_a_part_and_no_more_past_the_cache_is_written_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fussy(io.FileIO):
        """Takes an odd part of a write past the cache, and then nothing that is not aligned, as disks do."""

        taken = False

        def write(self, body: Any, /) -> int:
            if not fcntl.fcntl(self, fcntl.F_GETFL) & O_DIRECT:
                return super().write(body)
            if self.taken:
                raise OSError(errno.EINVAL, "Invalid argument")
            self.taken = True
            return super().write(body[: 5 * ALIGN_BYTES])

    monkeypatch.setattr(io, "FileIO", Fussy)
    monkeypatch.setattr(WriteModeChooser, "_choose", lambda _: True)
    pieces = [np.random.default_rng(number).bytes(MOST) for number in range(9)]
    _write(tmp_path, "0/c/0", pieces)
    assert (tmp_path / "0/c/0").read_bytes() == b"".join(pieces)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "0/c/0", [b"first"])

    def failing(_file: DiskFile, _body: memoryview) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(DiskFile, "_write", failing)
    with pytest.raises(OSError, match="Input/output"):
        _write(tmp_path, "0/c/0", [b"s" * MOST] * 9)
    assert (tmp_path / "0/c/0").read_bytes() == b"first"
    assert list((tmp_path / PARTIAL).iterdir()) == []
    FileWriter(str(tmp_path)).finish()
    assert not (tmp_path / PARTIAL).exists()


def test_an_object_whose_encoding_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _write(tmp_path, "0/c/0", _failing_after(9))
    assert digests(tmp_path) == {}


def _failing_after(count: int) -> Iterator[bytes]:
    for number in range(count, -1, -1):
        yield bytes(MOST * (number // number))
