"""The objects of a store over HTTP: parts, tags, and nothing beyond the store."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator

from pyramid.errors import OptionError, PyramidError
from pyramid.hierarchy.nodes import join_path
from pyramid.stores import Readable
from pyramid.stores.objects import ABSENT, Fingerprint, check_key
from pyramid.viewing.answers import Answer, Request, RequestError
from pyramid.viewing.sources import Source

# Bytes that are read at once of an object that is sent.
PIECE_BYTES = 4 * 2**20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_MISSING = "the store has no such object"


def object_answer(source: Source, path: str, request: Request) -> Answer:
    """Return an object of a store, or the part that is asked for.

    Raises
    ------
    RequestError
        If the store has no such object, it is outside of the store, or has no such part.
    """
    objects = source.objects
    key = join_path(source.base, path)
    found = _look(source, objects, key)
    size, tag = found[0], _tag(found)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-cache", **({"ETag": tag} if tag else {})}
    if tag and tag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
        return Answer(b"", "application/octet-stream", 304, headers, 0)
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", tag) != tag:
        asked = ""
    span = _span(asked, size)
    kind = "application/json" if key.rpartition("/")[2] in _DOCUMENTS else "application/octet-stream"
    if span is None:
        return Answer(_pieces(objects, key, 0, size), kind, 200, headers, size)
    start, stop = span
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Answer(_pieces(objects, key, start, stop), kind, 206, headers, stop - start)


# Names of objects that are JSON.
_DOCUMENTS = {"zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata", "attributes.json"}


def _look(source: Source, objects: Readable, key: str) -> Fingerprint:
    """Return the fingerprint of an object within the store."""
    try:
        check_key(key)
        _check_inside(source, key)
        found = objects.fingerprint(key)
    except OptionError:
        raise RequestError(404, _MISSING) from None
    except PyramidError as error:
        is_missing = source.location.is_local or getattr(error, "status", None) == ABSENT
        raise RequestError(404 if is_missing else 502, _MISSING if is_missing else str(error)) from None
    if found is None:
        raise RequestError(404, _MISSING)
    return found


def _check_inside(source: Source, key: str) -> None:
    """Raise RequestError for a file that a link in the store has elsewhere."""
    if not source.location.is_folder:
        return
    root = os.path.realpath(source.location.path)
    if os.path.commonpath([root, os.path.realpath(os.path.join(root, key))]) != root:
        raise RequestError(403, "the object is a link to a file outside of the store")


def _tag(found: Fingerprint) -> str:
    """Return a tag that changes with the object; empty in stores without tags."""
    return "" if found[1] is None else f'"{hashlib.sha256(repr(found).encode()).hexdigest()[:32]}"'


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Return the first byte that is asked for, and the one after the last.

    Returns None where all is asked for, and where several parts are, which servers may send as a whole.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size or stop <= start:
        raise RequestError(416, "the object ends before that part", {"Content-Range": f"bytes */{size}"})
    return start, stop


def _pieces(objects: Readable, key: str, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes from `start` up to `stop`."""
    for at in range(start, stop, PIECE_BYTES):
        yield objects.get_range(key, at, min(at + PIECE_BYTES, stop))
