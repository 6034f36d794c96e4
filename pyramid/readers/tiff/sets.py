"""Sets of TIFFs that are one image, for walks through folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyramid.errors import SourceError
from pyramid.readers.tiff.file_set import TIFF_ENDINGS, read_xml
from pyramid.readers.tiff.log import hearing
from pyramid.readers.tiff.ome_xml import parse_ome
from pyramid.readers.tiff.opener import COMPANIONS

# Words of which an OME-XML that names other files has one: others are not parsed.
_MARKS = ("FileName", "MetadataFile")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file, and the names of the files of its image or of its companion."""

    path: Path
    names: frozenset[str]
    is_companion: bool


def leading_files(paths: Iterable[Path]) -> Mapping[Path, Path]:
    """Return for each file of a set in one folder the file by which the set is given.

    That is the companion with the metadata, or else the first file by name. The leading file itself is among the keys.

    Parameters
    ----------
    paths
        Files of one folder in the order of their names.
    """
    members = [member for path in paths if (member := _read(path)) is not None]
    leader: dict[str, Path] = {}
    for member in sorted(members, key=lambda member: not member.is_companion):
        known = next(
            (leader[name] for name in (member.path.name, *sorted(member.names)) if name in leader), member.path
        )
        for name in (member.path.name, *member.names):
            leader.setdefault(name, known)
    there = {path.name: path for path in paths}
    return {there[name]: first for name, first in leader.items() if name in there}


def _read(path: Path) -> _Member | None:
    """Return a file that names others; None for any other or a damaged one."""
    name = path.name.lower()
    is_companion = name.endswith(COMPANIONS)
    if not (is_companion or name.endswith(TIFF_ENDINGS)):
        return None
    try:
        with hearing():  # what tifffile says is said again when the image is opened
            xml = read_xml(path)
        if not any(mark in xml for mark in _MARKS):
            return None
        document = parse_ome(xml)
    except SourceError:  # its own conversion says why
        return None
    named = {data.file for image in document.images for data in image.data if data.file}
    if document.companion:
        named.add(document.companion)
    return _Member(path, frozenset(Path(one.replace("\\", "/")).name for one in named), is_companion)
