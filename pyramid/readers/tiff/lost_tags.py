"""Words for the tags of a TIFF that OME-Zarr has no place for."""

from __future__ import annotations

import json
import re

import tifffile

from pyramid.errors import short_repr

BUT = ", but for sizes, places and channels"  # the part of a kind's metadata that is read
# Words for tags that hold another tool's metadata, or what an image is of.
_WORDS = {
    269: "the document's name",
    285: "names of pages",
    271: "the maker of the instrument",
    272: "the model of the instrument",
    306: "a date",
    315: "an author",
    33432: "a copyright",
    700: "XMP metadata",
    33723: "IPTC metadata",
    34377: "Photoshop's metadata",
    34665: "EXIF metadata",
    34853: "a place on Earth (GPS)",
    34675: "an ICC colour profile",
    33550: "a place on Earth (GeoTIFF)",
    34264: "a place on Earth (GeoTIFF)",
    33922: "a place on Earth (GeoTIFF)",
    42112: "GDAL's metadata",
    42113: "the value of missing pixels (GDAL's nodata)",
    51123: f"Micro-Manager's metadata{BUT}",
    34412: f"LSM's metadata{BUT}",
    33628: f"MetaMorph's metadata{BUT}",
    34361: f"FluoView's metadata{BUT}",
    34118: f"SEM's metadata{BUT}",
    34680: f"FEI's metadata{BUT}",
    34682: f"FEI's metadata{BUT}",
    33471: f"Olympus' metadata{BUT}",
    33560: f"Olympus' metadata{BUT}",
    65332: f"Nikon's metadata{BUT}",
    65333: f"Nikon's metadata{BUT}",
    65000: "a vendor's metadata",
}
_POSITIONS = (286, 287)  # XPosition, YPosition
_DESCRIPTION = 270  # ImageDescription
# Kinds of files whose description a reader of this package takes apart.
_READ_DESCRIPTIONS = frozenset(["ome", "imagej", "svs", "qpi", "philips", "scn", "scanimage"])
# What is said of them in place of their text, which may be megabytes.
_BY_KIND = {
    "qpi": "PerkinElmer's properties of the slide, but for names and colours of channels",
    "philips": f"Philips' properties of the slide{BUT}",
    "scn": f"Leica's properties of the slide{BUT}",
    "scanimage": f"ScanImage's settings{BUT}",
}
# Keys of tifffile's description of an array that are read.
_SHAPED_KEYS = frozenset(["shape", "axes", "truncated"])
MAX_SHAPED = 10_000  # characters of such a description: a longer one is another program's


def name_lost_tags(page: tifffile.TiffPage, kind: str) -> list[str]:
    """Return notices of what a page's tags say and a conversion does not carry over.

    Parameters
    ----------
    page
        The first page of an image.
    kind
        The kind of file that the image was found in, as tifffile names it.
    """
    words = [what for code, what in _WORDS.items() if code in page.tags]
    if any(_is_offset(page.tags.valueof(code)) for code in _POSITIONS):
        words.append("a stage position")
    description = str(page.tags.valueof(_DESCRIPTION, "")).strip()
    if _is_lost(description, kind):
        words.append(f"its description, {short_repr(description)}")
    if kind in _BY_KIND:
        words.append(_BY_KIND[kind])
    notices = [f"not carried over: {', '.join(dict.fromkeys(words))}"] if words else []
    orientation = page.tags.valueof(274)
    if isinstance(orientation, int) and orientation > 1:
        notices.append(
            f"its Orientation tag, {int(orientation)}, asks to turn or mirror it for display: that is not done"
        )
    return notices


def _is_lost(description: str, kind: str) -> bool:
    if not description or kind in _READ_DESCRIPTIONS:
        return False
    if re.fullmatch(r"shape=\([0-9, ]*\)", description):  # of tifffile's first versions
        return False
    try:
        shaped = json.loads(description) if len(description) <= MAX_SHAPED else None
    except (ValueError, RecursionError):
        return True
    return not (isinstance(shaped, dict) and set(shaped) <= _SHAPED_KEYS)


def _is_offset(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and bool(value[0])
