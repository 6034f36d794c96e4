"""A zipped OME-Zarr, written in one pass from its first byte to its last."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from pyramid.concurrency.pool import Pool
from pyramid.errors import PyramidError, SourceError, StorageError, TargetError, ending_with_remedy
from pyramid.packing.progress import PackProgress, PackTally
from pyramid.stores import Location, Objects
from pyramid.stores.location import ARCHIVE_ENDING
from pyramid.stores.zip_records import CENTRAL, LOCAL, End, central_header, end_records, local_header
from pyramid.writing.errors import wrap_errors

# Objects up to this size are read once; larger ones twice, since a header with the CRC-32 comes before the bytes.
MAX_HELD_BYTES = 2**26
# Bytes of a large object that are read at once.
PIECE_BYTES = 2**23
# Requests under way to a store that is not on this machine, and the bytes that they bring together.
REQUESTS, MAX_AHEAD_BYTES = 16, 2**27


def check_archive_name(location: Location) -> None:
    """Check that a zipped OME-Zarr can have a location.

    Raises
    ------
    TargetError
        If it has another ending, is a folder or in an archive, or is a web address.
    """
    if location.scheme in ("http", "https"):
        raise TargetError(f"{location}: cannot write to http(s) URLs; give a path or an s3://, gs:// or az:// URL")
    if not location.path.lower().endswith(ARCHIVE_ENDING):
        raise TargetError(
            f"{location} does not end in {ARCHIVE_ENDING}, as a zipped OME-Zarr does; add that (DIR comes first)"
        )
    if location.archive is None:
        raise TargetError(f"{location} is a folder, and a zipped OME-Zarr is a file; give another name")
    if location.archive != location:
        raise TargetError(f"{location} is in the archive {location.archive}; give a file outside of it")


def check_archive_free(file: Objects) -> None:
    """Raise TargetError if something is at the location of an archive.

    Raises
    ------
    TargetError
        The message says how to replace it.
    """
    with wrap_errors(str(file.location), "what is there", "read"):
        if file.fingerprint("") is not None:
            raise TargetError(f"{file.location} exists; give another file, or overwrite=True to replace it")


@ending_with_remedy()
def write_archive(
    objects: Objects,
    listed: Sequence[tuple[str, int]],
    comment: bytes,
    file: Objects,
    progress: Callable[[PackProgress], object] | None = None,
) -> int:
    """Write objects as an archive, whole or not at all, and return its size.

    `progress` is called in this thread as bytes of objects are copied.

    Raises
    ------
    TargetError
        If the archive cannot be written.
    SourceError
        If an object is missing, cannot be read, or changes meanwhile.
    """
    estimated = sum(max(size, 0) + 2 * len(key) + LOCAL.size + CENTRAL.size + 48 for key, size in listed)
    written, tally = [0], PackTally(progress, [size for _, size in listed])

    def pieces() -> Iterator[bytes]:
        written[0] = 0
        tally.restart()
        for piece in archive_bytes(objects, listed, comment, tally.add):
            written[0] += len(piece)
            yield piece

    with wrap_errors(str(file.location), "the archive"):
        file.put_stream("", pieces, estimated)
    return written[0]


def archive_bytes(
    objects: Objects, listed: Sequence[tuple[str, int]], comment: bytes, copied: Callable[[int], object]
) -> Iterator[bytes]:
    """Yield the bytes of an archive of objects, given by key and size.

    `copied` is called with the size of each piece of an object, once it is written.

    Raises
    ------
    SourceError
        If an object is missing, cannot be read, or changes meanwhile.
    """
    offset, directory = 0, []
    for key, pieces, size, crc in _bodies(objects, listed):
        header = local_header(key, size, crc)
        directory.append(central_header(key, size, crc, offset))
        yield header
        for piece in pieces:
            yield piece
            copied(len(piece))
        offset += len(header) + size
    yield from directory
    yield end_records(End(len(directory), offset, sum(map(len, directory))), comment)


def _bodies(objects: Objects, listed: Sequence[tuple[str, int]]) -> Iterator[tuple[str, Iterator[bytes], int, int]]:
    """Yield key, bytes, size and CRC-32 of each object."""
    try:
        for key, size, body in _read_ahead(objects, listed):
            if body is None:
                found, crc = _measure(objects, key)
                yield key, _again(objects, key, found, crc), found, crc
                continue
            if size not in (len(body), -1):
                raise _changed(objects, key)
            yield key, iter((body,)), len(body), zlib.crc32(body)
    except StorageError as error:
        raise SourceError(str(error)) from error


def _read_ahead(objects: Objects, listed: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int, bytes | None]]:
    """Yield key, size and body of each object, and None for a large body."""
    if objects.location.is_local:
        yield from ((key, size, _body(objects, key, size)) for key, size in listed)
        return
    flying: deque[tuple[str, int, Future[bytes | None]]] = deque()
    ahead = 0
    with Pool(REQUESTS) as pool:
        for key, size in listed:
            while flying and (len(flying) >= REQUESTS or ahead + size > MAX_AHEAD_BYTES):
                ended, its_size, body = flying.popleft()
                ahead -= max(its_size, 0)
                yield ended, its_size, body.result()
            ahead += max(size, 0)
            flying.append((key, size, pool.submit(_body, objects, key, size)))
        for ended, its_size, body in flying:
            yield ended, its_size, body.result()


def _body(objects: Objects, key: str, size: int) -> bytes | None:
    """Return an object, or None if it is too large to be held."""
    if size > MAX_HELD_BYTES:
        return None
    body = objects.get(key)
    if body is None:
        raise _changed(objects, key)
    return body


class _Sum:
    """The size and the CRC-32 of an object that is fetched."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.size = self.crc = 0

    def write(self, piece: bytes, /) -> None:
        self.size += len(piece)
        self.crc = zlib.crc32(piece, self.crc)


def _measure(objects: Objects, key: str) -> tuple[int, int]:
    """Return the size and the CRC-32 of an object."""
    into = _Sum()
    if objects.fetch(key, into) is None:
        raise _changed(objects, key)
    return into.size, into.crc


def _again(objects: Objects, key: str, size: int, crc: int) -> Iterator[bytes]:
    """Yield the bytes of an object that was measured."""
    found = 0
    for start in range(0, size, PIECE_BYTES):
        piece = objects.get_range(key, start, min(start + PIECE_BYTES, size))
        found = zlib.crc32(piece, found)
        yield piece
    if found != crc:
        raise _changed(objects, key)


def _changed(objects: Objects, key: str) -> PyramidError:
    return SourceError(f"{objects.location}: {key!r} changes while it is packed; wait until nothing writes there")
