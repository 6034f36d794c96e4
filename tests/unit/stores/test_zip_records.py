"""Records of archives against Python's zipfile, also of sizes and numbers that no test writes."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import IO, cast

import pytest

from pyramid.stores.zip_records import (
    LOCAL,
    MAX_16,
    MAX_32,
    ArchiveError,
    End,
    Entry,
    central_header,
    data_start,
    end_records,
    local_header,
    read_directory,
    read_end,
)

LARGE = 5 * 2**30


class Sparse(io.RawIOBase):
    """A file whose last bytes are given, and whose others are 0."""

    def __init__(self, size: int, tail: bytes) -> None:
        self.size, self.tail, self.place = size, tail, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def tell(self) -> int:
        return self.place

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        first = self.place - (self.size - len(self.tail))
        held = bytes(max(-first, 0)) + self.tail[max(first, 0) :]
        found = held if size < 0 else held[:size]
        self.place += len(found)
        return found


def directory_of(entries: dict[str, tuple[int, int, int]]) -> tuple[End, bytes, int]:
    """Return the end, the bytes from the directory on, and the size of an archive of entries."""
    directory = b"".join(central_header(key, *entry) for key, entry in entries.items())
    stop = max(offset + len(local_header(key, size, crc)) + size for key, (size, crc, offset) in entries.items())
    end = End(len(entries), stop, len(directory))
    tail = directory + end_records(end, b"{}")
    return end, tail, stop + len(tail)


def test_sizes_and_offsets_over_4_gib_are_read_by_zipfile_and_here() -> None:
    first = len(local_header("0/c/0", LARGE, 7)) + LARGE
    entries = {"0/c/0": (LARGE, 7, 0), "0/c/1": (12, 8, first), "é": (MAX_32, 9, first + 200)}
    end, tail, size = directory_of(entries)
    with zipfile.ZipFile(cast("IO[bytes]", Sparse(size, tail))) as archive:
        assert {one.filename: (one.file_size, one.CRC, one.header_offset) for one in archive.infolist()} == entries
        assert archive.comment == b"{}"
    assert read_end(tail, size) == end
    found = read_directory(tail[: end.size], end)
    assert {key: (one.size, one.crc, one.offset) for key, one in found.items()} == entries


@pytest.mark.parametrize("number", [0, 1, MAX_16 - 1, MAX_16, MAX_16 + 1])
@pytest.mark.parametrize("offset", [0, MAX_32 - 1, MAX_32, MAX_32 + 1])
def test_the_last_records_say_what_was_written(number: int, offset: int) -> None:
    end = End(number, offset, 50 * number)
    tail = end_records(end, b"comment PK\5\6")
    assert read_end(tail, offset + end.size + len(tail)) == end


def test_records_of_zip64_are_there_whatever_the_size_and_the_last_one_has_true_numbers() -> None:
    records = end_records(End(3, 1000, 200), b"")
    assert records.startswith(b"PK\6\6")
    assert b"PK\6\7" in records
    assert struct.unpack("<4s4H2IH", records[-22:])[3:7] == (3, 3, 200, 1000)
    header = local_header("a", 5, 1)
    assert struct.unpack_from("<2I", header, 18) == (MAX_32, MAX_32)
    assert struct.unpack("<2H2Q", header[-20:]) == (1, 16, 5, 5)


def written(entries: dict[str, bytes], **options: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in entries.items():
            archive.writestr(name, body, **options)
    return file.getvalue()


def read(data: bytes) -> dict[str, Entry]:
    end = read_end(data[-66_000:], len(data))
    return read_directory(data[end.offset : end.offset + end.size], end)


def test_an_archive_of_zipfile_is_read_with_its_sums() -> None:
    bodies = {"zarr.json": b"{}", "0/c/0": bytes(5000), "folder/": b""}
    data = written(bodies)
    found = read(data)
    assert set(found) == {"zarr.json", "0/c/0"}
    for key, entry in found.items():
        start = data_start(data[entry.offset : entry.stop], entry, key)
        assert data[start : start + entry.size] == bodies[key]
        assert entry.crc == zlib.crc32(bodies[key])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a", "leads out"),
        ("/etc/passwd", "leads out"),
        ("a/../../b", "leads out"),
        ("a//b", "leads out"),
        ("./a", "leads out"),
        ("C:\\a", "leads out"),
    ],
)
def test_names_that_are_not_keys_are_refused(name: str, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        read(written({"zarr.json": b"{}", name: b"x"}))


def test_compressed_entries_are_refused_by_name() -> None:
    with pytest.raises(ArchiveError, match="'a' compressed"):
        read(written({"a": bytes(10_000)}, compress_type=zipfile.ZIP_DEFLATED))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_a_name_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(ArchiveError, match="two entries of the name 'a'"):
        read(file.getvalue())


def test_every_cut_is_found() -> None:
    data = written({"zarr.json": b"{}", "0/c/0": bytes(300)})
    for size in range(len(data)):
        with pytest.raises(ArchiveError):
            read(data[:size])


def test_sizes_beyond_what_follows_are_refused() -> None:
    crowded = {"a": (100, 0, 0), "b": (100, 0, 50)}
    end, tail, _ = directory_of(crowded)
    with pytest.raises(ArchiveError, match="go beyond"):
        read_directory(tail[: end.size], end)
    end, tail, _ = directory_of({"a": (100, 0, 0)})
    with pytest.raises(ArchiveError, match="go beyond"):
        read_directory(tail[: end.size], end._replace(offset=80))


def test_a_number_of_entries_without_room_is_refused_before_any_is_read() -> None:
    tail = end_records(End(2**60, 0, 0), b"")
    with pytest.raises(ArchiveError, match="no room"):
        read_end(tail, len(tail))


def test_any_changed_byte_of_the_records_is_an_error_or_an_archive() -> None:
    data = written({"zarr.json": b"{}", "0/c/0": bytes(30)})
    for place in range(read_end(data, len(data)).offset, len(data)):
        for value in (0, 1, 0x7F, 0xFF):
            changed = data[:place] + bytes([value]) + data[place + 1 :]
            try:
                found = read(changed)
            except ArchiveError:
                continue
            assert all(entry.offset + LOCAL.size + entry.size <= len(data) for entry in found.values())
