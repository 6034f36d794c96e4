"""Manifests as text that ``sha256sum -c`` and ``md5sum -c`` read.

A line is a digest, two spaces and a key. A comment before it has the size of the object. The first line names the form,
and the last one counts the objects, so that a manifest that was cut off is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from pyramid.errors import OptionError, short_repr
from pyramid.manifests.entry import Entry, decode_key, encode_key

_FIRST = "# ome-pyramid manifest 1: {} of every object, and above it the size in bytes\n"
_LAST = "# end: {} objects, {} bytes\n"
_IS_FIRST = re.compile(rb"# ome-pyramid manifest (\d+): (\w+) ")
_IS_LAST = re.compile(rb"# end: (\d+) objects, (\d+) bytes\r?\n?")
_SIZE = re.compile(rb"# (\d{1,19})\r?\n")
_ENTRY = re.compile(rb"(\\?)([0-9a-fA-F]{32}|[0-9a-fA-F]{64}) [ *](.+)", re.DOTALL)
# The digest by the number of its hexadecimal digits.
_BY_LENGTH = {32: "md5", 64: "sha256"}
# Characters of a key that are escaped, as ``sha256sum`` does it: they would end the line.
_ESCAPES: Mapping[bytes, bytes] = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r"}
_PLAIN = {escaped: plain for plain, escaped in _ESCAPES.items()}
# The longest line that is read: keys of object storage have at most 1024 bytes, paths of Linux 4096.
MAX_LINE_BYTES = 2**14
# DANDI's checksum of a whole Zarr: digest, number of files, and bytes.
DANDI = re.compile(rb"([0-9a-f]{32}-\d+--\d+)\r?\n?")


def format_entries(entries: Iterable[Entry], algorithm: str) -> Iterator[bytes]:
    r"""Yield the lines of a manifest.

    Examples
    --------
    >>> print(b"".join(format_entries([Entry("0/a b", 2, "ab" * 16), Entry("c\n", 0, "cd" * 16)], "md5")).decode())
    # ome-pyramid manifest 1: md5 of every object, and above it the size in bytes
    # 2
    abababababababababababababababab  0/a b
    # 0
    \cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd  c\n
    # end: 2 objects, 2 bytes
    <BLANKLINE>
    """
    count = total = 0
    yield _FIRST.format(algorithm).encode()
    for entry in entries:
        size = entry.size or 0
        count, total = count + 1, total + size
        name = encode_key(entry.key)
        escaped = re.sub(rb"[\\\n\r]", lambda found: _ESCAPES[found[0]], name)
        mark = b"" if escaped == name else b"\\"
        yield b"# %d\n%s%s  %s\n" % (size, mark, entry.digest.encode(), escaped)
    yield _LAST.format(count, total).encode()


@dataclass
class _Reader:
    """The state after the lines so far."""

    place: str
    number: int = 0
    algorithm: str = ""
    is_ours: bool = False
    is_whole: bool = False
    size: int | None = None
    count: int = 0

    def entry(self, line: bytes) -> Entry | None:
        """Return the entry of a line; None for a comment."""
        self.number += 1
        if len(line) > MAX_LINE_BYTES:
            raise self.refusal(f"is longer than {MAX_LINE_BYTES} bytes")
        if line.startswith(b"#") or not line.strip():
            self._take_comment(line)
            return None
        found = _ENTRY.fullmatch(line.removesuffix(b"\n").removesuffix(b"\r"))
        if found is None or self.is_whole:
            raise self.refusal("is not a digest of sha256 or md5, two spaces and a key")
        algorithm = _BY_LENGTH[len(found[2])]
        if algorithm != (self.algorithm or algorithm):
            raise self.refusal(f"has a digest of {algorithm}, and those before are of {self.algorithm}")
        self.algorithm, self.count = algorithm, self.count + 1
        size, self.size = self.size, None
        return Entry(self._key(found[3], is_escaped=bool(found[1])), size, found[2].decode().lower())

    def refusal(self, why: str) -> OptionError:
        return OptionError(f"manifest: line {self.number} of {self.place} {why}; give a manifest of this store")

    def _take_comment(self, line: bytes) -> None:
        if self.number == 1 and (first := _IS_FIRST.match(line)):
            if first[1] != b"1":
                raise self.refusal("says that a newer ome-pyramid wrote it; use that version")
            self.is_ours, self.algorithm = True, first[2].decode()
        elif size := _SIZE.fullmatch(line):
            self.size = int(size[1])
        elif last := _IS_LAST.fullmatch(line):
            self.is_whole = self.is_ours and int(last[1]) == self.count
            if self.is_ours and not self.is_whole:
                raise self.refusal(f"counts {int(last[1])} objects, and {self.count} are there")

    def _key(self, name: bytes, *, is_escaped: bool) -> str:
        if is_escaped:
            name = re.sub(rb"\\[\\nr]", lambda found: _PLAIN[found[0]], name)
        key = decode_key(name.removeprefix(b"./"))  # as find(1) writes names
        parts = key.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\0" in key:
            raise self.refusal(f"names {short_repr(key)}, which is not a path below a store")
        return key


def read_entries(file: IO[bytes], place: str) -> Iterator[Entry]:
    """Yield the entries of a manifest, in its order.

    Parameters
    ----------
    file
        The manifest, also one that ``sha256sum`` or ``md5sum`` wrote, which has no sizes.
    place
        Its path, for errors.

    Raises
    ------
    OptionError
        If a line is not one of a manifest, names what is not below a store, or if the manifest was cut off.
    """
    reader = _Reader(place)
    while line := file.readline(MAX_LINE_BYTES + 1):
        entry = reader.entry(line)
        if entry is not None:
            yield entry
    if not reader.number or (not reader.is_ours and not reader.count):
        raise OptionError(f"manifest: {place} lists no object; give a manifest of this store")
    if reader.is_ours and not reader.is_whole:
        raise OptionError(f"manifest: {place} was cut off after line {reader.number}; copy or write it again")


def is_manifest(begin: bytes) -> bool:
    """Return whether a file that begins so is a manifest, which another may replace."""
    return not begin.strip() or bool(_IS_FIRST.match(begin) or _ENTRY.match(begin) or DANDI.fullmatch(begin))
