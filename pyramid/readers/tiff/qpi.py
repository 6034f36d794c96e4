"""Slides of PerkinElmer and Akoya (QPTIFF), whose pages each have an XML.

Each page is one channel, or a picture of another kind.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.parsers.expat import ExpatError

import tifffile

from pyramid.errors import SourceError, short_repr
from pyramid.model import Channel
from pyramid.readers.tiff.xml import XmlReader

FULL = "FullResolution"  # the ImageType of the pages that are channels of the image
REDUCED = "ReducedResolution"  # that of the pages of its smaller levels
WANTED = frozenset(["ImageType", "Name", "Color"])  # elements that are read
MAX_DEPTH = 2  # elements below the root: deeper ones, in scan profiles, use the same names for other things


def parse_page(xml: str) -> dict[str, str]:
    """Return image type, name and colour from a page's XML; empty for other text.

    Examples
    --------
    >>> parse_page("<PerkinElmer-QPI-ImageDescription><Name>DAPI</Name></PerkinElmer-QPI-ImageDescription>")
    {'Name': 'DAPI'}
    """
    reader = _PageReader()
    try:
        reader.read(xml)
    except (ExpatError, UnicodeError):
        return {}
    return {key: value.strip() for key, value in reader.fields.items()}


class _PageReader(XmlReader):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def text(self, text: str) -> None:
        """Add the text of a wanted element."""
        if len(self.path) == MAX_DEPTH and self.path[-1] in WANTED:
            self.fields[self.path[-1]] = self.fields.get(self.path[-1], "") + text


def full_pages(tif: tifffile.TiffFile) -> tuple[tifffile.TiffPageSeries | None, list[str]]:
    """Return the image of all pages of full resolution, and a notice of the others.

    The image is None for a file whose pages do not give their type.
    """
    pages = [(page, parse_page(page.description)) for page in tif.pages if isinstance(page, tifffile.TiffPage)]
    full = [page for page, fields in pages if fields.get("ImageType") == FULL]
    if not full:
        return None, []
    odd = next((page for page in full if page.shape != full[0].shape), None)
    if odd is not None:
        raise SourceError(
            f"its page {odd.index} of full resolution has shape {odd.shape}, and page {full[0].index} has "
            f"{full[0].shape}; the file is damaged, or it holds several images"
        )
    series = tifffile.TiffPageSeries(
        full, (len(full), *full[0].shape), full[0].dtype, f"C{full[0].axes}", parent=tif, name="Baseline", kind="qpi"
    )
    kinds = (fields.get("ImageType", "no type") for _, fields in pages)
    rest = Counter(kind for kind in kinds if kind not in (FULL, REDUCED))
    left = ", ".join(f"{number} {short_repr(kind)}" for kind, number in rest.items())
    return series, [f"pages of other kinds are left out: {left}"] if left else []


def reduced_pages(series: tifffile.TiffPageSeries) -> list[tifffile.TiffPageSeries]:
    """Return the smaller levels of an image, each with a page for every channel."""
    by_shape: dict[tuple[int, ...], list[tifffile.TiffPage]] = {}
    for page in series.keyframe.parent.pages:
        if isinstance(page, tifffile.TiffPage) and parse_page(page.description).get("ImageType") == REDUCED:
            by_shape.setdefault(page.shape, []).append(page)
    return [
        tifffile.TiffPageSeries(
            pages, (len(pages), *shape), pages[0].dtype, f"C{pages[0].axes}", parent=pages[0].parent, kind="qpi"
        )
        for shape, pages in by_shape.items()
        if len(pages) == len(series)
    ]


def describe_channels(series: tifffile.TiffPageSeries) -> tuple[Channel, ...]:
    """Return the name and colour of each page of an image; empty if none has one."""
    pages = [parse_page(page.description) for page in series if isinstance(page, tifffile.TiffPage)]
    channels = tuple(Channel(page.get("Name") or None, _color(page.get("Color", ""))) for page in pages)
    return channels if any(channel != Channel() for channel in channels) else ()


def _color(text: str) -> str | None:
    """Return a colour as six digits, from ``r,g,b``; None for other text.

    Examples
    --------
    >>> _color("255, 128,0")
    'FF8000'
    """
    numbers = re.fullmatch(r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*", text)
    values = [int(n) for n in numbers.groups()] if numbers else []
    return "".join(f"{n:02X}" for n in values) if values and max(values) <= 255 else None
