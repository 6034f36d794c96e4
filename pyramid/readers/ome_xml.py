"""What OME-XML says of the images of a file, read in one bounded pass before anyone else may parse it.

The XML comes with a file from a stranger. It may define no entities, claim no more planes than a file can hold,
and name no file outside its own folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from pyramid.errors import SourceError

MOST_PLANES = 10_000_000
MOST_BYTES = 1 << 28


@dataclass(slots=True)
class OmeImage:
    """An ``Image``: its name, the attributes of its ``Pixels`` and of each ``Channel``."""

    name: str
    pixels: Mapping[str, str] = field(default_factory=dict)
    channels: list[Mapping[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class OmeDocument:
    """The images of an OME-XML, and the companion that holds the metadata where this one has none."""

    images: list[OmeImage] = field(default_factory=list)
    companion: str | None = None


def parse_ome(xml: str) -> OmeDocument:
    """Read the images of an OME-XML.

    Raises
    ------
    SourceError
        Where it is longer than 256 MiB, holds a document type, claims over ten million planes, or names a file
        outside its folder. XML that is merely broken gives the images up to the break.

    Examples
    --------
    >>> xml = '<OME><Image Name="a"><Pixels SizeX="4"><Channel Name="DAPI"/></Pixels></Image></OME>'
    >>> parse_ome(xml).images[0].channels
    [{'Name': 'DAPI'}]
    """
    if len(xml) > MOST_BYTES:
        raise SourceError(f"its OME-XML is {len(xml)} characters long, over {MOST_BYTES}; it is not read")
    handler = _Handler()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = handler.start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with contextlib.suppress(expat.ExpatError):  # tifffile falls back to the plain pages
        parser.Parse(xml, True)
    return handler.document


def _refuse_doctype(*_: object) -> NoReturn:
    raise SourceError("its XML defines a document type, which image metadata never needs and attacks do; not read")


class _Handler:
    def __init__(self) -> None:
        self.document = OmeDocument()
        self.planes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = tag.rpartition(" ")[2]
        images = self.document.images
        if element == "Image":
            images.append(OmeImage(attributes.get("Name", "")))
        elif element == "Pixels" and images:
            images[-1].pixels = attributes
            self._count(attributes, "SizeZ", "SizeC", "SizeT")
        elif element == "Channel" and images:
            images[-1].channels.append(attributes)
        elif element == "TiffData":
            self._count(attributes, "PlaneCount")
            self._count(attributes, "NumPlanes")
        elif element == "UUID":
            _check_name(attributes.get("FileName", ""))
        elif element == "BinaryOnly":
            self.document.companion = attributes.get("MetadataFile", "another file")
        elif element.startswith("ModuloAlong"):
            _check_modulo(attributes)

    def _count(self, attributes: Mapping[str, str], *names: str) -> None:
        """Add up what is claimed, so that many small claims are refused as one large one is."""
        planes = 1
        for name in names:
            planes *= max(0, int(attributes.get(name, "0" if len(names) == 1 else "1")))
        self.planes += planes
        if self.planes > MOST_PLANES:
            raise SourceError(f"its OME-XML claims over {MOST_PLANES} planes; a file that holds so many is not read")


def _check_name(name: str) -> None:
    inside = os.path.normpath(name.replace("\\", "/"))
    if inside.startswith(("..", "/")) or os.path.isabs(name):
        raise SourceError(
            f"its OME-XML names the file {name!r}, which lies outside its folder and is not opened; "
            "put the files of one image into one folder"
        )


def _check_modulo(attributes: Mapping[str, str]) -> None:
    start, end, step = (float(attributes.get(name, default)) for name, default in _MODULO)
    if not step or not 0 <= (end - start) / step <= MOST_PLANES:
        raise SourceError(f"its OME-XML divides an axis from {start} to {end} by {step}, which is no number of planes")


_MODULO = (("Start", "0"), ("End", "0"), ("Step", "1"))
