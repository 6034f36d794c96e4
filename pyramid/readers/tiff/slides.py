"""Sizes of pixels and facts of whole slides: Aperio, Philips, Leica SCN, Ventana."""

from __future__ import annotations

import re
from typing import TypeVar
from xml.parsers.expat import ExpatError

import tifffile

from pyramid.errors import SourceError
from pyramid.readers.tiff.description import Description, positive
from pyramid.readers.tiff.xml import XmlReader
from pyramid.tables import format_list

MAX_NAMED = 4  # properties that a notice names, so that it stays readable
_Reader = TypeVar("_Reader", bound=XmlReader)

MAX_PAGES = 3  # of a file that may have Ventana's XML: it is in that of the label or of the slide
XMP = 700  # the tag of Ventana's XML


def describe_svs(description: str) -> Description:
    """Return the metadata in Aperio's description.

    Examples
    --------
    >>> found = describe_svs("Aperio Image Library v11|MPP = 0.499|AppMag = 20|Date = 12/29/09|Time = 09:59:15")
    >>> found.scale, found.details
    ({'y': 0.499, 'x': 0.499}, [('objective magnification', '20'), ('acquired', '12/29/09 09:59:15')])
    """
    found = Description()
    properties = (part.partition("=") for part in description.split("|")[1:] if "=" in part)
    known = {key.strip(): value.strip() for key, _, value in properties}
    for axis in "yx":
        found.measure(axis, known.get("MPP"), "micrometer", "Aperio's MPP")
    found.notices = list(dict.fromkeys(found.notices))
    found.tell("objective magnification", known.get("AppMag"))
    found.tell("acquired", " ".join(known[key] for key in ("Date", "Time") if key in known))
    others = [key for key in known if key != "MPP"]
    if others:
        found.notices.append(f"not carried over: Aperio's properties ({format_list(others, MAX_NAMED)})")
    return found


def describe_philips(xml: str) -> Description:
    """Return the metadata of Philips' XML: the spacing of pixels, in millimeters.

    Examples
    --------
    >>> xml = '<DataObject><Attribute Name="DICOM_PIXEL_SPACING">"0.00025" "0.0005"</Attribute></DataObject>'
    >>> describe_philips(xml).scale
    {'y': 0.25, 'x': 0.5}
    """
    found = Description()
    reader = _read(_Attributes(), xml)
    spacing = re.findall(r"[\d.eE+-]+", reader.texts.get("DICOM_PIXEL_SPACING", ""))
    for axis, size in zip("yx", spacing, strict=False):
        millimeters = positive(size)
        micrometers = None if millimeters is None else float(f"{millimeters * 1000:.12g}")
        found.measure(axis, micrometers, "micrometer", "Philips' spacing of pixels")
    found.tell("acquired", reader.texts.get("DICOM_ACQUISITION_DATETIME", "").strip('" '))
    return found


def describe_scn(series: tifffile.TiffPageSeries, xml: str) -> Description:
    """Return the metadata of an image of Leica's SCN, with lengths in nanometers."""
    found = Description()
    wanted = f"{int(series.keyframe.imagewidth)}x{int(series.keyframe.imagelength)}"
    image = next((image for image in _read(_Images(), xml).images if image.get("pixels") == wanted), {})
    for axis, pixels in (("y", series.keyframe.imagelength), ("x", series.keyframe.imagewidth)):
        extent = positive(image.get(f"size{axis.upper()}"))
        size = None if extent is None else float(f"{extent / int(pixels) / 1000:.12g}")
        found.measure(axis, size, "micrometer", "Leica's extent")
        offset = positive(image.get(f"offset{axis.upper()}"))
        found.place(axis, None if offset is None else float(f"{offset / 1000:.12g}"), "micrometer")
    found.tell("acquired", image.get("creationDate"))
    found.tell("objective magnification", image.get("objective"))
    return found


def describe_bif(page: tifffile.TiffPage) -> Description:
    """Return the metadata of Ventana's XMP: micrometers per pixel.

    Examples
    --------
    >>> _ventana('<iScan Magnification="40" ScanRes="0.25"/>')
    {'Magnification': '40', 'ScanRes': '0.25'}
    """
    found = Description()
    pages = page.parent.pages
    first = (pages[i] for i in range(min(MAX_PAGES, len(pages))))
    values = [other.tags.valueof(XMP, b"") for other in (page, *first) if isinstance(other, tifffile.TiffPage)]
    text = "\n".join(xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp) for xmp in values)
    known = _ventana(text)
    for axis in "yx":
        found.measure(axis, positive(known.get("ScanRes")), "micrometer", "Ventana's ScanRes")
    found.tell("objective magnification", known.get("Magnification"))
    overlap = max((int(n) for n in re.findall(r'Overlap[XY]\s*=\s*"(\d{1,6})"', text)), default=0)
    if overlap:
        found.notices.append(
            f"its tiles overlap by up to {overlap} pixels and are not stitched: what is on two tiles is seen twice"
        )
    return found


def _ventana(text: str) -> dict[str, str]:
    scan = re.search(r"<iScan\b([^>]*)>", text)
    return dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', scan[1])) if scan else {}


class _Attributes(XmlReader):
    """Philips' attributes: the first text of each name."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.name = ""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        self.name = attributes.get("Name", "") if element == "Attribute" else ""
        if self.name in self.texts:
            self.name = ""

    def text(self, text: str) -> None:
        if self.name and (self.name not in self.texts or text.strip()):
            self.texts[self.name] = self.texts.get(self.name, "") + text

    def end(self, element: str) -> None:
        self.name = ""


class _Images(XmlReader):
    """Leica's images: extent, place, date and objective of each."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str]] = []
        self.told = ""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "image":
            self.images.append({})
        if not self.images:
            return
        if element == "view":
            self.images[-1] |= attributes
        elif element == "pixels":
            self.images[-1]["pixels"] = f"{attributes.get('sizeX')}x{attributes.get('sizeY')}"
        self.told = element if element in ("creationDate", "objective") else ""

    def text(self, text: str) -> None:
        if self.told:
            self.images[-1][self.told] = self.images[-1].get(self.told, "") + text

    def end(self, element: str) -> None:
        self.told = ""


def _read(reader: _Reader, xml: str) -> _Reader:
    try:
        reader.read(xml)
    except (ExpatError, UnicodeError) as error:
        raise SourceError(f"its XML is not well-formed ({error}); it is damaged: copy it again") from error
    return reader
