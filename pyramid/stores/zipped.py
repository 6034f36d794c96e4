"""Objects in a zipped OME-Zarr (RFC-9): ranges of one object of another store."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyramid.errors import DamageError, StorageError
from pyramid.stores.objects import ByteSink, Fingerprint, Objects, check_key, no_object
from pyramid.stores.zip_records import (
    LOCAL,
    MAX_16,
    MAX_TAIL_BYTES,
    ArchiveError,
    Entry,
    data_start,
    read_directory,
    read_end,
)

if TYPE_CHECKING:
    from pyramid.stores.location import Location

# Bytes of a directory at most: some two million entries, which fit into memory.
MAX_DIRECTORY_BYTES = 2**28
# Bytes of an entry that are fetched with one request when it is read in pieces.
PIECE_BYTES = 2**23
# Directories that a process keeps, for workers that open an archive for each task.
_MAX_KEPT = 4
_kept: OrderedDict[tuple[Location, Fingerprint], dict[str, Entry]] = OrderedDict()
_keeping = threading.Lock()


class ZippedObjects(Objects):
    """Objects of an archive at and below a location, to be read only.

    The directory is read once, at the first request. Whole objects are held against their CRC-32.

    Parameters
    ----------
    inner
        The store of the archive, whose empty key is the archive.
    location
        The location of the objects: that of the archive, or one in it.
    prefix
        The path in the archive.
    reopen
        The function and its arguments that open the objects again after pickling.
    """

    def __init__(self, inner: Objects, location: Location, prefix: str, reopen: tuple[Any, ...]) -> None:
        self.inner = inner
        self.location = location
        self.checks_whole = inner.checks_whole
        self._prefix = prefix
        self._reopen = reopen
        self._loading = threading.Lock()
        self._directory: dict[str, Entry] | None = None
        self._starts: dict[str, int] = {}

    def get(self, key: str) -> bytes | None:
        """Return the whole object, or None if it is missing: one request."""
        if self._is_archive(key):
            return self.inner.get("")
        found = self._find(key)
        if found is None:
            return None
        name, entry = found
        room = entry.stop - entry.offset - entry.size
        if name in self._starts or room > LOCAL.size + 2 * MAX_16:
            body = self._part(name, entry, 0, entry.size)
        else:
            whole = self._read(entry.offset, entry.stop)
            first = self._start(name, entry, whole) - entry.offset
            body = whole[first : first + entry.size]
        self._check(name, entry, zlib.crc32(body))
        return body

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`: one request, at first two."""
        if self._is_archive(key):
            return self.inner.get_range("", start, stop)
        found = self._find(key)
        if found is None:
            raise no_object(self.location, key)
        return self._part(*found, start, min(stop, found[1].size))

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last `size` bytes, or None if the object is missing."""
        if self._is_archive(key):
            return self.inner.get_tail("", size)
        found = self._find(key)
        return None if found is None else self._part(*found, max(found[1].size - size, 0), found[1].size)

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        """Fetch the whole object, with a request for each 8 MiB."""
        if self._is_archive(key):
            return self.inner.fetch("", into, expected_bytes)
        found = self._find(key)
        if found is None:
            return None
        name, entry = found
        crc = 0
        for start in range(0, entry.size, PIECE_BYTES):
            piece = self._part(name, entry, start, min(start + PIECE_BYTES, entry.size))
            crc = zlib.crc32(piece, crc)
            into.write(piece)
        self._check(name, entry, crc)
        return entry.size

    def fingerprint(self, key: str) -> Fingerprint | None:
        """Return the size and the CRC-32 of an object, without a request of its own."""
        if self._is_archive(key):
            return self.inner.fingerprint("")
        found = self._find(key)
        return None if found is None else (found[1].size, f"{found[1].crc:08x}")

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Raise StorageError, because an archive is written whole or not at all."""
        raise self._read_only(key)

    def delete(self, key: str) -> None:
        """Raise StorageError, as `put`."""
        raise self._read_only(key)

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
        """Yield key, size and CRC-32 of the objects, in the order of their bytes."""
        above = f"{self._prefix}/" if self._prefix else ""
        for name, entry in (self._load() or {}).items():
            if name.startswith(above + prefix):
                yield name[len(above) :], entry.size, f"{entry.crc:08x}"

    def _is_archive(self, key: str) -> bool:
        return not key and not self._prefix

    def _read_only(self, key: str) -> StorageError:
        return StorageError(
            f"{self.location}: {key!r} cannot be written, since an archive is not changed in place; unpack it, change "
            "the folder, and pack that",
            True,
        )

    def _find(self, key: str) -> tuple[str, Entry] | None:
        """Return name and entry of a key; None if it is missing."""
        check_key(key)
        name = f"{self._prefix}/{key}".strip("/")
        entry = (self._load() or {}).get(name)
        return None if entry is None else (name, entry)

    def _load(self) -> dict[str, Entry] | None:
        """Return the directory; None if the archive is missing."""
        with self._loading:
            if self._directory is None:
                found = self.inner.fingerprint("")
                self._directory = None if found is None else self._known(found)
            return self._directory

    def _known(self, fingerprint: Fingerprint) -> dict[str, Entry]:
        """Return the directory of an archive, kept by location and version."""
        key = (self.inner.location, fingerprint)
        with _keeping:
            known = _kept.get(key)
        if known is None:
            known = self._listed(fingerprint[0])
        if fingerprint[1] is not None:
            with _keeping:
                _kept[key] = known
                _kept.move_to_end(key)
                while len(_kept) > _MAX_KEPT:
                    _kept.popitem(last=False)
        return known

    def _listed(self, archive_bytes: int) -> dict[str, Entry]:
        """Read the directory of an archive."""
        tail_start = max(archive_bytes - MAX_TAIL_BYTES, 0)
        tail = self._read(tail_start, archive_bytes)
        if not self.inner.knows_ranges:
            raise self._error("is on a server that sends no parts of files; copy it here, and give that file")
        try:
            end = read_end(tail, archive_bytes)
            if end.size > MAX_DIRECTORY_BYTES:
                raise ArchiveError(f"has a directory of {end.size} bytes, and the limit is {MAX_DIRECTORY_BYTES}")
            before = self._read(end.offset, min(tail_start, end.offset + end.size)) if end.offset < tail_start else b""
            rest = tail[max(end.offset - tail_start, 0) : max(end.offset + end.size - tail_start, 0)]
            return read_directory(before + rest, end)
        except ArchiveError as error:
            raise self._error(str(error)) from None

    def _part(self, name: str, entry: Entry, start: int, stop: int) -> bytes:
        """Return bytes of an entry."""
        if stop <= start:
            return b""
        first = self._starts.get(name)
        if first is None:
            most = LOCAL.size + 2 * MAX_16
            header = self._read(entry.offset, entry.offset + min(entry.stop - entry.offset - entry.size, most))
            first = self._start(name, entry, header)
        return self._read(first + start, first + stop)

    def _start(self, name: str, entry: Entry, header: bytes) -> int:
        try:
            first = self._starts[name] = data_start(header, entry, name)
        except ArchiveError as error:
            raise self._error(str(error)) from None
        return first

    def _read(self, start: int, stop: int) -> bytes:
        data = self.inner.get_range("", start, stop)
        if len(data) != stop - start:
            raise self._error("is shorter than it was a moment ago, so it is being written")
        return data

    def _check(self, name: str, entry: Entry, crc: int) -> None:
        if crc != entry.crc:
            raise DamageError(
                f"{self.inner.location}: the entry {name!r} is damaged, since its CRC-32 is {crc:08x} and the archive "
                f"says {entry.crc:08x}; copy the archive again",
                True,
            )

    def _error(self, reason: str) -> StorageError:
        remedy = "" if "; " in reason else "; copy it again, or make it anew with pyramid pack"
        return StorageError(f"{self.inner.location} {reason}{remedy}", True)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reopen
