"""The chain of a TIFF's pages, checked by their tags before tifffile follows it.

The check comes first because tifffile forgives damage. A page is an image file directory. Its entries hold a code, a
type, a count and a value, or the offset of a value that is longer than an offset. Each directory ends with the offset
of the next. This module reads no pixels.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple, TypeAlias

import tifffile

from pyramid.errors import SourceError
from pyramid.readers.files.file import CUT_OFF, DAMAGED

Readable: TypeAlias = io.RawIOBase | io.BufferedIOBase
Signature: TypeAlias = tuple[tuple[int, ...] | bytes, ...]

MAX_TAGS = 4096  # of a page, as in tifffile: a directory with more is noise
MAX_VALUE_BYTES = 1 << 18  # of a value that is compared: the longest is the bits of 65535 samples of a pixel
FIRST_READ_BYTES = 512  # of a directory: most are shorter, so that one read is enough

# Bytes of a value by the type of its tag.
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Tags whose values define how the pixels of a page are stored.
COMPARED = frozenset(
    [254, 255, 256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 338, 339, 530, 32997, 32998, 42113, 34377]
)
# Tags that hold one value for each strip or tile: only their count is compared, as the values differ in every page.
COUNTED = frozenset([273, 279, 324, 325, 513, 514])
# Of those, the tags of offsets.
OFFSETS = frozenset([273, 324])
# Tags of MetaMorph's STK and of Zeiss's LSM, whose private tags may hold offsets of another meaning.
OWN_OFFSETS = frozenset([33628, 34412])


class Directory(NamedTuple):
    """A page: its signature, and the offset of its pixels (0 unless it is one strip)."""

    signature: Signature
    data_offset: int


class _Walker:
    """A walk along the directories of a file of one format.

    NDPI stores the high bytes of values after the directory.
    """

    def __init__(self, file: Readable, size_bytes: int, form: tifffile.TiffFormat) -> None:
        self.file = file
        self.size_bytes = size_bytes
        self.form = form
        self.entry = struct.Struct(form.byteorder + ("HHII" if form.tagsize == 12 else "HHQQ"))
        self.is_ndpi = form is tifffile.TIFF.NDPI_LE
        self.read_bytes = FIRST_READ_BYTES
        self.checked = size_bytes < 1 << 32 or form.tagoffsetthreshold == 8
        self.signatures: dict[Signature, Signature] = {}

    def read(self, offset: int, count: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(count) or b""

    def walk(self, offset: int) -> dict[int, Directory]:
        """Return the directories from `offset` on."""
        found: dict[int, Directory] = {}
        while offset:
            page = len(found)
            if offset in found:
                raise SourceError(
                    f"its chain of pages is a loop: page {page} is page {list(found).index(offset)} again; {DAMAGED}"
                )
            if offset >= self.size_bytes:
                raise _cut_off(f"page {page} would begin at byte {offset}", self.size_bytes)
            found[offset], following = self.directory(page, offset)
            offset = following
        return found

    def directory(self, page: int | str, offset: int) -> tuple[Directory, int]:
        """Return a page's directory, and the offset of the next."""
        form = self.form
        data = self.read(offset, self.read_bytes)
        count = int(struct.unpack_from(form.tagnoformat, data)[0]) if len(data) >= form.tagnosize else 0
        stop = form.tagnosize + count * form.tagsize
        end = stop + form.offsetsize + (4 * count if self.is_ndpi else 0)
        if count > MAX_TAGS:
            raise SourceError(f"page {page} at byte {offset} would have {count} tags; {DAMAGED}")
        if len(data) < form.tagnosize or offset + end > self.size_bytes:
            raise _cut_off(f"the tags of page {page} begin at byte {offset}", self.size_bytes)
        if len(data) < end:
            self.read_bytes = end
            data = self.read(offset, end)
        entries = list(self.entry.iter_unpack(data[form.tagnosize : stop]))
        if self.is_ndpi:
            high = struct.unpack_from(f"<{count}I", data, stop + form.offsetsize)
            entries = [(*entry, value | upper << 32) for (*entry, value), upper in zip(entries, high, strict=True)]
        return self._digest(page, entries), int(struct.unpack_from(form.offsetformat, data, stop)[0])

    def _digest(self, page: int | str, entries: list[tuple[int, ...]]) -> Directory:
        """Check where values are, and return what decides how the pixels are stored."""
        own = any(entry[0] in OWN_OFFSETS for entry in entries)
        parts: list[tuple[int, ...] | bytes] = [self.form.byteorder.encode()]
        data_offset = 0
        for code, kind, count, value in entries:
            length = TYPE_BYTES.get(kind, 0) * count
            if kind not in TYPE_BYTES and code in COMPARED | COUNTED:
                raise SourceError(
                    f"tag {code} of page {page} has a value of type {kind}, which TIFF does not have; {DAMAGED}"
                )
            outside = length > self.form.tagoffsetthreshold
            if outside and self.checked and value + length > self.size_bytes and not (own and code >= 1 << 15):
                raise _cut_off(
                    f"the value of tag {code} of page {page} takes bytes {value} to {value + length}", self.size_bytes
                )
            if code in COUNTED:
                parts.append((code, count))
                if code in OFFSETS and count == 1:
                    data_offset = self._inline(kind, value)
            elif code in COMPARED:
                parts.append((code, kind, count) if outside else (code, kind, count, value))
                if outside:
                    parts.append(self.read(value, min(length, MAX_VALUE_BYTES)))
        signature = tuple(parts)
        return Directory(self.signatures.setdefault(signature, signature), data_offset)

    def _inline(self, kind: int, value: int) -> int:
        """Return a number from its entry, where it is in the first bytes."""
        size_bytes = TYPE_BYTES.get(kind, self.form.tagoffsetthreshold)
        if self.form.byteorder == ">":
            return value >> 8 * max(0, self.form.tagoffsetthreshold - size_bytes)
        return value if self.is_ndpi else value & ((1 << 8 * size_bytes) - 1)


def _cut_off(what: str, size_bytes: int) -> SourceError:
    return SourceError(f"{what}, but the file ends at byte {size_bytes}; {CUT_OFF}")


def read_chain(file: Readable, size_bytes: int, *, is_ndpi: bool = False) -> dict[int, Directory]:
    """Read where the pages of a TIFF are, and how each is stored.

    Parameters
    ----------
    file, size_bytes
        The file and its size.
    is_ndpi
        Whether it is one of Hamamatsu's, whose classic TIFFs have offsets of 64 bits.

    Returns
    -------
    dict
        A directory for each page in order, by its offset.

    Raises
    ------
    SourceError
        If the chain is a loop, or a page, its tags or a tag's value would be beyond the end of the file.

    Examples
    --------
    >>> import io
    >>> entry = struct.pack("<HHII", 256, 4, 1, 640)
    >>> data = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    >>> list(read_chain(io.BytesIO(data), len(data)))
    [8]
    >>> looped = data[:-4] + struct.pack("<I", 8)
    >>> read_chain(io.BytesIO(looped), len(looped))
    Traceback (most recent call last):
    pyramid.errors.SourceError: its chain of pages is a loop: page 1 is page 0 again; the file is damaged: copy it \
again from where it came from
    """
    form, at, head = _find_form(file, size_bytes, is_ndpi=is_ndpi)
    return _Walker(file, size_bytes, form).walk(struct.unpack_from(form.offsetformat, head, at)[0])


def read_directory(file: Readable, size_bytes: int, offset: int) -> Directory:
    """Read how one page is stored that is not in the chain, as a level in a SubIFD.

    Raises
    ------
    SourceError
        If it would be beyond the end of the file.
    """
    form, _, _ = _find_form(file, size_bytes)
    if offset >= size_bytes:
        raise _cut_off(f"a page below another (SubIFD) would begin at byte {offset}", size_bytes)
    return _Walker(file, size_bytes, form).directory(f"below another (SubIFD at {offset})", offset)[0]


def _find_form(file: Readable, size_bytes: int, *, is_ndpi: bool = False) -> tuple[tifffile.TiffFormat, int, bytes]:
    """Return the format of a TIFF, the place of its first offset, and its header."""
    file.seek(0)
    head = file.read(16) or b""
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 8:
        raise _cut_off("a header takes bytes 0 to 8", size_bytes)
    is_big = struct.unpack_from(order + "H", head, 2)[0] == 43
    known = tifffile.TIFF
    if order == ">":
        form = known.BIG_BE if is_big else known.CLASSIC_BE
    else:
        form = known.BIG_LE if is_big else known.NDPI_LE if is_ndpi else known.CLASSIC_LE
    at = 8 if is_big else 4
    if len(head) < at + form.offsetsize:
        raise _cut_off("the offset of the first page is in its header", size_bytes)
    return form, at, head
