"""The XML of a LIF, and the blocks of bytes that hold the pixels of its images.

All numbers are little-endian, and texts are UTF-16.
"""

from __future__ import annotations

import io
import struct
from typing import Any, TypeAlias

from pyramid.errors import SourceError
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.vendors.xml_tree import MAX_XML_BYTES, Element, parse_tree

Stream: TypeAlias = "io.BufferedReader[Any]"

_XML_HEAD = struct.Struct("<IIBI")  # a mark, bytes, a mark, letters
# The same of a block, with its size in between: of 32 bits in the first version, of 64 in the second.
_BLOCK_HEADS = {1: struct.Struct("<IIBIBI"), 2: struct.Struct("<IIBQBI")}
MARK, INNER_MARK = 0x70, 0x2A
LETTER_BYTES = 2
MAX_NAME_LETTERS = 4096  # of a block
MAX_BLOCKS = 1_000_000


def read_blocks(file: SourceFile) -> tuple[Element, dict[str, Span]]:
    """Return the XML of a file, and the place of each block by its name.

    Raises
    ------
    SourceError
        If the file is damaged, or cut off within its XML.
    """
    with file.open() as raw:
        size_bytes = raw.seek(0, io.SEEK_END)
        stream = io.BufferedReader(raw)
        stream.seek(0)
        mark, _, inner, letters = _unpack(file, stream, _XML_HEAD)
        length = letters * LETTER_BYTES
        if (mark, inner) != (MARK, INNER_MARK) or length > min(size_bytes, MAX_XML_BYTES):
            raise SourceError(f"{file} does not begin as a LIF does, or its XML has {length} bytes; {CUT_OFF}")
        xml = stream.read(length)
        if len(xml) < length:
            raise SourceError(f"{file} ends within its XML; {CUT_OFF}")
        root = parse_tree(xml.decode("utf-16-le", "replace"), file)
        header = root.children[0] if root.children else Element()
        head = _BLOCK_HEADS.get(2 if header.get("Version") == "2" else 1, _XML_HEAD)
        return header, _find_blocks(file, stream, size_bytes, head)


def _find_blocks(file: SourceFile, stream: Stream, size_bytes: int, head: struct.Struct) -> dict[str, Span]:
    blocks: dict[str, Span] = {}
    while stream.tell() + head.size <= size_bytes:
        mark, _, inner, length, second, letters = _unpack(file, stream, head)
        if (mark, inner, second) != (MARK, INNER_MARK, INNER_MARK) or letters > MAX_NAME_LETTERS:
            raise SourceError(f"{file} has no block at byte {stream.tell() - head.size}; {DAMAGED}")
        name = stream.read(letters * LETTER_BYTES).decode("utf-16-le", "replace")
        start = stream.tell()
        blocks[name] = Span(start, start + length)
        if start + length > size_bytes:
            break  # its image is refused, if it is chosen; those before are whole
        if len(blocks) > MAX_BLOCKS:
            raise SourceError(f"{file} has more than {MAX_BLOCKS} blocks; {DAMAGED}")
        stream.seek(start + length)
    return blocks


def _unpack(file: SourceFile, stream: Stream, head: struct.Struct) -> tuple[int, ...]:
    data = stream.read(head.size)
    if len(data) < head.size:
        raise SourceError(f"{file} ends within the head of a block; {CUT_OFF}")
    return head.unpack(data)
