"""The files of a CZI that is in several parts.

The first file has the XML, and lists tiles. The name of each further one has a number: ``scan.czi``, ``scan (1).czi``.
As copies of a file are named so too, a further part is one whose header has that number and the first file's identity.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from pyramid.errors import SourceError
from pyramid.readers.files.file import LocalFile, SourceFile, local_file
from pyramid.readers.vendors.czi.segments import Entry, Header, read_header, read_segments

_NUMBERED = re.compile(r"(?P<stem>.+?) ?\((?P<number>\d{1,4})\)\.czi", re.IGNORECASE)
_TOGETHER = "copy all parts to one folder of this machine"


def find_files(file: SourceFile) -> tuple[SourceFile, ...]:
    """Return the files of a CZI, the first one first, whichever of them is given.

    At a URL other files are not looked for.

    Raises
    ------
    SourceError
        If a part is not there, or the file is damaged.
    """
    header = read_header(file)
    if not isinstance(file, LocalFile):
        if header.part:
            raise SourceError(
                f"{file} is part {header.part} of a CZI of several files; {_TOGETHER}, and give the first"
            )
        return (file,)
    first = _first(file, header) if header.part else file
    parts = _further(first, read_header(first))
    if header.part and file not in parts.values():
        raise SourceError(f"{file} is not the part {header.part} of {first}: {_TOGETHER}, with the names that they had")
    for number in range(1, max(parts, default=0)):
        if number not in parts:
            raise _missing(first, number)
    return (first, *(parts[number] for number in sorted(parts)))


def read_tiles(files: Sequence[SourceFile]) -> tuple[list[Entry], str]:
    """Return the tiles that the files of a CZI list, and the XML of the first.

    Raises
    ------
    SourceError
        If a file is damaged, or tiles are in a part that is not there.
    """
    found: dict[tuple[int, int], Entry] = {}
    xml = ""
    for number, file in enumerate(files):
        entries, text = read_segments(file)
        xml = xml or text
        for entry in entries:
            part = entry.part or number  # a further part may count itself as the first
            if part >= len(files):
                raise _missing(files[0], part)
            found.setdefault((part, entry.place), replace(entry, part=part))
    return list(found.values()), xml


def _first(file: LocalFile, header: Header) -> LocalFile:
    """Return the first file of a further part."""
    match = _NUMBERED.fullmatch(file.name)
    wanted = f"{match['stem']}.czi".lower() if match else ""
    for name, path in _siblings(file).items():
        if name.lower() == wanted:
            return local_file(path)
    named = f", and {match['stem']}.czi, the first, is not with it" if match else ""
    raise SourceError(f"{file} is part {header.part} of a CZI of several files{named}; {_TOGETHER}")


def _further(first: LocalFile, header: Header) -> dict[int, LocalFile]:
    """Return the further parts of a file by their numbers."""
    found = {}
    stem = first.name.rpartition(".")[0].lower()
    for name, path in _siblings(first).items():
        match = _NUMBERED.fullmatch(name)
        if match is None or match["stem"].lower() != stem:
            continue
        file, number = local_file(path), int(match["number"])
        try:
            other = read_header(file)
        except SourceError:  # if tiles are in it, an error says that it is missing
            continue
        if other.part == number and other.first_id == header.first_id:
            found[number] = file
    return found


def _siblings(file: LocalFile) -> dict[str, str]:
    """Return names and paths of the files in a file's folder."""
    folder = os.path.dirname(os.path.abspath(file.path))
    return {name: os.path.join(folder, name) for name in sorted(os.listdir(folder))}


def _missing(first: SourceFile, number: int) -> SourceError:
    name = f"{first.name.rpartition('.')[0]} ({number}).czi"
    return SourceError(f"{first} keeps tiles in its part {number}, and {name} is not with it; {_TOGETHER}")
