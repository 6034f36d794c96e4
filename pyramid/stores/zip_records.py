"""The records of a zip archive whose entries are stored, as bytes.

The source is APPNOTE.TXT 6.3.10 of PKWARE; section numbers are its own. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

# Records by their signatures and fields: 4.3.7, 4.3.12, 4.3.16, 4.3.14 and 4.3.15.
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR = struct.Struct("<4sIQI")
LOCAL_SIGN, CENTRAL_SIGN, END_SIGN = b"PK\3\4", b"PK\1\2", b"PK\5\6"
END64_SIGN, LOCATOR_SIGN = b"PK\6\6", b"PK\6\7"

# The greatest numbers of fields of 2 and 4 bytes; they mean that the number is in a ZIP64 field.
MAX_16, MAX_32 = 2**16 - 1, 2**32 - 1
# Bytes at the end of an archive that hold its last records, however long the comment is.
MAX_TAIL_BYTES = END.size + MAX_16 + LOCATOR.size + END64.size
# The tag of the extra field with numbers of 8 bytes.
_ZIP64 = 1
# The version of the format that has ZIP64, and that of Unix as the system that wrote it.
_VERSION, _UNIX = 45, 3 << 8
# Date and permissions of every entry: equal stores make equal archives.
_DATE, _MODE = 1 << 5 | 1, 0o100644 << 16
# Flags: encrypted, patched, strongly encrypted, masked; and names in UTF-8.
_CLOSED, _UTF8 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13, 1 << 11


class ArchiveError(ValueError):
    """An archive that breaks a rule; the text follows its name."""


class Entry(NamedTuple):
    """An entry of an archive: its size and CRC-32, and the offset of its local header.

    `stop` is the offset of what follows it: the next entry, or the directory.
    """

    size: int
    crc: int
    offset: int
    stop: int


class End(NamedTuple):
    """The last records: number of entries, and offset and size of the directory."""

    number: int
    offset: int
    size: int


def local_header(key: str, size: int, crc: int) -> bytes:
    """Return the header before an entry's bytes, with ZIP64 sizes whatever the size.

    Examples
    --------
    >>> len(local_header("zarr.json", 10, 0))
    59
    """
    name = key.encode()
    extra = struct.pack("<2H2Q", _ZIP64, 16, size, size)
    fields = (_VERSION, _flags(name), 0, 0, _DATE, crc, MAX_32, MAX_32, len(name), len(extra))
    return LOCAL.pack(LOCAL_SIGN, *fields) + name + extra


def central_header(key: str, size: int, crc: int, offset: int) -> bytes:
    """Return the header in the directory, with those numbers in ZIP64 that need it."""
    name = key.encode()
    large = [number for number in (size, size, offset) if number >= MAX_32]
    extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""
    sizes = (min(size, MAX_32), min(size, MAX_32), len(name), len(extra), 0, 0, 0, _MODE, min(offset, MAX_32))
    fields = (_UNIX | _VERSION, _VERSION, _flags(name), 0, 0, _DATE, crc, *sizes)
    return CENTRAL.pack(CENTRAL_SIGN, *fields) + name + extra


def end_records(end: End, comment: bytes) -> bytes:
    """Return the records after the directory, with those of ZIP64 whatever the size.

    The last record has the true numbers where they fit, for readers without ZIP64.
    """
    count, offset, size = end
    end64 = END64.pack(END64_SIGN, END64.size - 12, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, offset)
    locator = LOCATOR.pack(LOCATOR_SIGN, 0, offset + size, 1)
    shown = min(count, MAX_16)
    last = END.pack(END_SIGN, 0, 0, shown, shown, min(size, MAX_32), min(offset, MAX_32), len(comment))
    return end64 + locator + last + comment


def read_end(tail: bytes, archive_bytes: int) -> End:
    """Return the numbers of the last records.

    Parameters
    ----------
    tail
        The last `MAX_TAIL_BYTES` of the archive, or all of it.
    archive_bytes
        Size of the archive.

    Raises
    ------
    ArchiveError
        If there are none, or they contradict each other.
    """
    place = _find_end(tail)
    disk, first, here, count, size, offset, _ = END.unpack_from(tail, place)[1:]
    if (disk, first) not in ((0, 0), (MAX_16, MAX_16)):
        raise ArchiveError("is one part of an archive in several files, which RFC-9 excludes")
    stop = archive_bytes - len(tail) + place
    at = place - LOCATOR.size
    if at >= 0 and tail.startswith(LOCATOR_SIGN, at):
        stop = LOCATOR.unpack_from(tail, at)[2]
        at = stop - (archive_bytes - len(tail))
        if not (0 <= at <= place - END64.size) or not tail.startswith(END64_SIGN, at):
            raise ArchiveError("has a ZIP64 record at another place than it says, so it is damaged")
        here, count, size, offset = END64.unpack_from(tail, at)[6:]
    if here != count or offset + size != stop:
        raise ArchiveError("has a directory at another place than it says, so it is cut or damaged")
    if count * CENTRAL.size > size:
        raise ArchiveError(f"says that it has {count} entries, and its directory has no room for them")
    return End(count, offset, size)


def _find_end(tail: bytes) -> int:
    """Return the place of the last record, whose comment ends where the archive ends."""
    place = len(tail) + 1
    while (place := tail.rfind(END_SIGN, 0, place)) >= 0:
        rest = len(tail) - place - END.size
        if rest >= 0 and END.unpack_from(tail, place)[-1] == rest:
            return place
        place += len(END_SIGN) - 1
    raise ArchiveError("is not a whole zip archive: its last record is missing, so it is cut or of another kind")


def read_directory(data: bytes, end: End) -> dict[str, Entry]:
    """Return the entries of a directory by key, in the order of their bytes.

    Raises
    ------
    ArchiveError
        If an entry is compressed or encrypted, has a name that is not a key or that another has, or bytes that are
        outside of the archive or belong to another entry.
    """
    found = sorted(_entries(data, end), key=lambda one: one[1])
    keys: dict[str, Entry] = {}
    stops = [offset for _, offset, _, _ in found[1:]] + [end.offset]
    for (name, offset, size, crc), stop in zip(found, stops, strict=False):
        key = _key(name)
        if offset + LOCAL.size + len(name) + size > stop:
            raise ArchiveError(f"says that {key!r} has {size} bytes, which go beyond what follows or the end")
        if key.endswith("/"):
            continue
        if key in keys:
            raise ArchiveError(f"has two entries of the name {key!r}")
        keys[key] = Entry(size, crc, offset, stop)
    return keys


def _entries(data: bytes, end: End) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield name, offset, size and CRC-32 of each entry."""
    at = 0
    for _ in range(end.number):
        if len(data) < at + CENTRAL.size or not data.startswith(CENTRAL_SIGN, at):
            raise ArchiveError("has a directory that is damaged")
        fields = CENTRAL.unpack_from(data, at)[3:]
        flags, method, _, _, crc, packed, size, names, extras, comments, disk, _, _, offset = fields
        at += CENTRAL.size
        name = data[at : at + names]
        shown = name.decode(errors="replace")
        packed, size, offset, disk = _wide(data[at + names : at + names + extras], packed, size, offset, disk)
        at += names + extras + comments
        if disk not in (0, MAX_16) or at > len(data):
            raise ArchiveError("has a directory that is damaged")
        if flags & _CLOSED:
            raise ArchiveError(f"has the entry {shown!r} encrypted")
        if method or packed != size:
            raise ArchiveError(f"has the entry {shown!r} compressed by zip, and only entries that are stored are read")
        yield name, offset, size, crc
    if at != len(data):
        raise ArchiveError("has a directory with more than its entries, so it is damaged")


def _wide(extra: bytes, packed: int, size: int, offset: int, disk: int) -> tuple[int, int, int, int]:
    """Return numbers of an entry, from the ZIP64 field where they are there (4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        numbers = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if tag != _ZIP64:
            continue
        wide = iter(struct.unpack_from(f"<{len(numbers) // 8}Q", numbers))
        size = next(wide, size) if size == MAX_32 else size
        packed = next(wide, packed) if packed == MAX_32 else packed
        offset = next(wide, offset) if offset == MAX_32 else offset
        break
    return packed, size, offset, disk


def _key(name: bytes) -> str:
    """Return the key of an entry; a folder's ends with a slash."""
    try:
        key = name.decode()
    except UnicodeDecodeError:
        raise ArchiveError(f"has an entry whose name {name[:80]!r} is not UTF-8") from None
    parts = key.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key:
        raise ArchiveError(f"has an entry named {key[:80]!r}, which leads out of it or is not a key")
    return key


def data_start(header: bytes, entry: Entry, key: str) -> int:
    """Return the offset of an entry's bytes in the archive.

    Parameters
    ----------
    header
        The bytes from its local header on.
    entry, key
        The entry as the directory has it.

    Raises
    ------
    ArchiveError
        If the local header is of another entry, or leaves no room for the bytes.
    """
    if len(header) < LOCAL.size or not header.startswith(LOCAL_SIGN):
        raise ArchiveError(f"has no entry where {key!r} should begin, so it is damaged or was changed")
    names, extras = LOCAL.unpack_from(header)[-2:]
    start: int = entry.offset + LOCAL.size + names + extras
    if header[LOCAL.size : LOCAL.size + names] != key.encode() or start + entry.size > entry.stop:
        raise ArchiveError(f"has another entry where {key!r} should be, so it is damaged or was changed")
    return start


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8
