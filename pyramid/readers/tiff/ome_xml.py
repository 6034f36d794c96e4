"""The images that OME-XML describes, read in one bounded pass.

The XML comes with a file from an unknown source, so it is checked before tifffile parses it. It may not define
entities, claim more planes than a file can hold, or name a file outside its own folder.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

from pyramid.errors import SourceError, short_repr
from pyramid.readers.tiff.ome_extras import lost_attributes, lost_element
from pyramid.readers.tiff.xml import XmlReader

# The longest XML that is kept parsed, in characters.
MAX_KEPT = 2**22
MAX_PLANES = 10_000_000  # of all images of a file: more than real files hold, and still few enough for memory
MAX_BYTES = 1 << 28  # of the XML: that of real files is shorter
# The end of errors about damaged metadata, with its remedy.
DAMAGED_XML = "it is damaged: repair it, or save the image again"
# Attributes of the range of a ``ModuloAlong…`` and their defaults, as OME's 6D extension gives them.
MODULO_RANGE = (("Start", "0"), ("End", "0"), ("Step", "1"))
MAX_DIGITS = 9  # of the number of a plane: more are beyond any image
MAX_EXTRAS = 20  # kinds of elements that a notice names, so that it stays readable


@dataclass(slots=True)
class TiffData:
    """A ``TiffData``, which assigns planes to the pages of a file.

    Parameters
    ----------
    first
        The first plane on each of Z, C and T.
    ifd
        The first page.
    count
        Number of pages; None for all of the file.
    uuid, file
        UUID and name of the file; empty for the file that has the XML.
    """

    first: Mapping[str, int]
    ifd: int
    count: int | None
    uuid: str = ""
    file: str = ""


@dataclass(slots=True)
class OmeImage:
    """An ``Image``, with the attributes of its ``Pixels`` and ``Channel`` elements.

    `data` says where its planes are, and `annotations` holds the IDs of its annotations. `position` has the attributes
    of the first plane, and `times` the time of the first plane of each T and its unit. `acquired` is the date of its
    acquisition, and `objective` names the objective.
    """

    name: str
    pixels: Mapping[str, str] = field(default_factory=dict)
    channels: list[Mapping[str, str]] = field(default_factory=list)
    data: list[TiffData] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    position: Mapping[str, str] = field(default_factory=dict)
    times: dict[int, tuple[str, str]] = field(default_factory=dict)
    acquired: str = ""
    objective: str = ""


@dataclass(slots=True)
class OmeDocument:
    """The images of an OME-XML.

    Parameters
    ----------
    images
        The ``Image`` elements.
    uuid
        UUID of the file that holds the XML; empty if it has none.
    companion, companion_uuid
        Name and UUID of the file that holds the metadata, if this one does not; else None and empty.
    modulo
        By annotation, the divisions of the axes of ``ZCT``: the kind of the new axis, and its length.
    extras
        Words for the parts that OME-Zarr has no place for.
    xml
        The XML itself.
    """

    images: list[OmeImage] = field(default_factory=list)
    uuid: str = ""
    companion: str | None = None
    companion_uuid: str = ""
    modulo: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    extras: list[str] = field(default_factory=list)
    xml: str = field(default="", repr=False)


def parse_ome(xml: str) -> OmeDocument:
    """Read the images of an OME-XML.

    Raises
    ------
    SourceError
        If it is longer than 256 MiB, is not well-formed, or has text in place of a number. The same goes for one that
        defines a document type, claims over ten million planes, or names a file outside its folder.

    Examples
    --------
    >>> xml = '<OME><Image Name="a"><Pixels SizeX="4"><Channel Name="DAPI"/></Pixels></Image></OME>'
    >>> parse_ome(xml).images[0].channels
    [{'Name': 'DAPI'}]
    """
    if len(xml) > MAX_BYTES:
        raise SourceError(f"its OME-XML is {len(xml)} characters long, over {MAX_BYTES}; it is not read")
    return _parse_again(xml) if len(xml) <= MAX_KEPT else _parse(xml)


def _parse(xml: str) -> OmeDocument:
    reader = _OmeReader()
    try:
        reader.read(xml)
    except (ExpatError, UnicodeError) as error:
        raise SourceError(
            f"its OME-XML is not well-formed ({error}), so that sizes, channels and the order of planes are unknown; "
            f"{DAMAGED_XML}"
        ) from error
    reader.document.xml = xml
    return reader.document


# The images of one file are opened one after the other, each by the same XML.
_parse_again = functools.lru_cache(maxsize=1)(_parse)


class _OmeReader(XmlReader):
    def __init__(self) -> None:
        super().__init__()
        self.document = OmeDocument()
        self.planes = 0
        self.annotation = ""
        self.modulo: tuple[str, dict[str, tuple[str, int]]] | None = None
        self.in_uuid = False
        self.in_date = False
        self.objectives: dict[str, str] = {}

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "OME":
            self.document.uuid = self.document.uuid or attributes.get("UUID", "").strip()
        elif element == "BinaryOnly":
            self.document.companion = attributes.get("MetadataFile", "another file")
            self.document.companion_uuid = attributes.get("UUID", "").strip()
            _check_name(attributes.get("MetadataFile", ""))
        elif element == "Objective":
            words = (attributes.get(key, "") for key in ("Manufacturer", "Model"))
            power = attributes.get("NominalMagnification", "")
            named = " ".join([*words, f"{power}x" if power else ""])
            self.objectives[attributes.get("ID", "")] = " ".join(named.split())
        elif element == "Image":
            self.document.images.append(OmeImage(attributes.get("Name", "")))
        elif self.document.images:
            self._start_in_image(element, attributes)
        self._start_annotation(element, attributes)
        self._note_lost(element, attributes)

    def _start_in_image(self, element: str, attributes: dict[str, str]) -> None:
        image = self.document.images[-1]
        if element == "Pixels":
            image.pixels = attributes
            self._count(1, *(_number(attributes, f"Size{axis}", 1) for axis in "ZCT"))
        elif element == "Channel":
            image.channels.append(attributes)
        elif element == "TiffData":
            image.data.append(_tiff_data(attributes))
            self._count(image.data[-1].count or 0)
        elif element == "UUID" and image.data:
            _check_name(attributes.get("FileName", ""))
            self.in_uuid = not image.data[-1].uuid
            if self.in_uuid:
                image.data[-1].file = attributes.get("FileName", "")
        elif element == "Plane":
            _take_plane(image, attributes)
        elif element in ("ObjectiveSettings", "ObjectiveRef"):
            image.objective = self.objectives.get(attributes.get("ID", ""), "")
        elif element in ("AcquisitionDate", "AcquiredDate", "CreationDate"):
            self.in_date = self.path[-1:] == ["Image"] and not image.acquired
        elif element == "AnnotationRef" and self.path[-1:] == ["Image"]:
            image.annotations.append(attributes.get("ID", ""))

    def _start_annotation(self, element: str, attributes: dict[str, str]) -> None:
        if element.endswith("Annotation"):
            self.annotation = attributes.get("ID", "")
        elif element.startswith("ModuloAlong"):
            lengths = self.document.modulo.setdefault(self.annotation, {})
            lengths[element[-1]] = (attributes.get("Type", "other"), _modulo(attributes))
            self.modulo = (element[-1], lengths)
        elif element == "Label" and self.modulo is not None:
            axis, lengths = self.modulo
            lengths[axis] = (lengths[axis][0], lengths[axis][1] + 1)

    def end(self, element: str) -> None:
        self.in_date = False
        if element == "UUID":
            self.in_uuid = False
        elif element.startswith("ModuloAlong"):
            self.modulo = None

    def text(self, text: str) -> None:
        if self.in_uuid:
            data = self.document.images[-1].data[-1]
            data.uuid = (data.uuid + text).strip()
        elif self.in_date:
            self.document.images[-1].acquired += text

    def _note_lost(self, element: str, attributes: Mapping[str, str]) -> None:
        """Note what OME-Zarr has no place for, each kind once."""
        whole = lost_element(element, self.path[-1] if self.path else "", attributes)
        for words in [whole] if whole else lost_attributes(element, attributes):
            if words not in self.document.extras and len(self.document.extras) < MAX_EXTRAS:
                self.document.extras.append(words)

    def _count(self, *sizes: int) -> None:
        """Add up the planes that are claimed, and refuse too many in total."""
        planes = 1
        for size in sizes:
            planes *= max(0, size)
        self.planes += planes
        if self.planes > MAX_PLANES:
            raise SourceError(f"its OME-XML claims over {MAX_PLANES} planes; a file that holds so many is not read")


def _take_plane(image: OmeImage, attributes: Mapping[str, str]) -> None:
    """Note the place of the first plane, and the time of the first of each T."""
    z, c, t = (attributes.get(f"The{axis}", "").strip() for axis in "ZCT")
    if (z, c) != ("0", "0"):
        return
    if t == "0":
        image.position = attributes
    if t.isascii() and t.isdigit() and len(t) < MAX_DIGITS and "DeltaT" in attributes:
        image.times[int(t)] = (attributes["DeltaT"], attributes.get("DeltaTUnit", "s"))


def _tiff_data(attributes: Mapping[str, str]) -> TiffData:
    """Return a ``TiffData``, with the defaults of OME's schema."""
    count = "PlaneCount" if "PlaneCount" in attributes else "NumPlanes"
    default = 1 if "IFD" in attributes else None
    return TiffData(
        first={axis: _number(attributes, f"First{axis}", 0) for axis in "ZCT"},
        ifd=_number(attributes, "IFD", 0),
        count=_number(attributes, count, 0) if count in attributes else default,
    )


def _number(attributes: Mapping[str, str], name: str, default: int) -> int:
    """Return an attribute that is a whole number of at least 0."""
    text = attributes.get(name, str(default)).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise SourceError(f"its OME-XML says {name}={short_repr(text)}, which is not a whole number; {DAMAGED_XML}")
    return int(text)


def _check_name(name: str) -> None:
    inside = os.path.normpath(name.replace("\\", "/"))
    if inside.startswith(("..", "/")) or os.path.isabs(name):
        raise SourceError(
            f"its OME-XML names the file {name!r}, which is outside its folder and is not opened; "
            "put the files of one image into one folder"
        )


def _modulo(attributes: Mapping[str, str]) -> int:
    """Count the planes that a range divides an axis into; 0 if labels count them."""
    if "Start" not in attributes:
        return 0
    try:
        start, end, step = (float(attributes.get(name, default)) for name, default in MODULO_RANGE)
    except ValueError:
        start, end, step = 0.0, 0.0, 0.0
    if not step or not 0 <= (end - start) / step <= MAX_PLANES:
        first, last, by = (short_repr(attributes.get(name, default)) for name, default in MODULO_RANGE)
        raise SourceError(
            f"its OME-XML divides an axis from {first} to {last} by {by}, which does not give a number of planes"
        )
    return int((end - start) / step + 1e-9) + 1
