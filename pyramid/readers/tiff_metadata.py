"""What a TIFF says of its image beside the pixels: sizes, units, channels and name.

Resolution tags are believed only where the format gives them a meaning (ImageJ): elsewhere they tell how large to
print, and microscopes leave whatever their library wrote.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tifffile

from pyramid import parsing
from pyramid.errors import OptionError
from pyramid.model import Channel
from pyramid.readers.ome_xml import OmeImage

# OME's symbols that parsing.unit does not know
_OME_SYMBOLS = {
    "fm": "femtometer",
    "dm": "decimeter",
    "km": "kilometer",
    "ft": "foot",
    "yd": "yard",
    "mi": "mile",
    "pc": "parsec",
    "µs": "microsecond",
    "ns": "nanosecond",
    "ps": "picosecond",
    "d": "day",
}
_IMAGEJ_WORDS = {"microns": "micron", "sec": "second", "inches": "inch"}
_RGB = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"), Channel("alpha"))


@dataclass(slots=True)
class Description:
    """What is known: by axis, and by index on ``c``; empty where nothing is."""

    scale: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    name: str = ""

    def measure(self, axis: str, size: object, unit: str) -> None:
        """Note the size of a pixel, where it is one and its unit is physical."""
        number = _positive(size)
        try:
            name = parsing.unit(axis, _OME_SYMBOLS.get(unit, unit))
        except OptionError:
            return
        if number is not None:
            self.scale[axis] = number
            self.units[axis] = name


def describe(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, image: OmeImage | None) -> Description:
    """What the file says of one of its images.

    Parameters
    ----------
    tif, series
        The open file, and the image in it.
    image
        What the file's OME-XML says of the image, None where there is none.
    """
    readers: dict[str, Callable[[], Description]] = {
        "imagej": lambda: describe_imagej(tif.imagej_metadata or {}, _imagej_resolution(series.keyframe)),
        "svs": lambda: describe_svs(series.keyframe.description),
    }
    found = describe_ome(image) if image is not None else readers.get(series.kind, Description)()
    samples = series.keyframe.samplesperpixel
    if not found.channels and _is_rgb(series.keyframe) and "C" not in series.axes:
        found.channels = _RGB[:samples]
    return found


def _is_rgb(page: tifffile.TiffPage) -> bool:
    """Whether the decoded samples are red, green and blue (tifffile turns YCbCr in JPEG into RGB)."""
    jpeg = page.compression in {6, 7, 34892, 33007}
    return page.samplesperpixel in {3, 4} and (page.photometric == 2 or (page.photometric == 6 and jpeg))


def describe_ome(image: OmeImage) -> Description:
    """What OME-XML says of an image.

    Examples
    --------
    >>> image = OmeImage("a", {"PhysicalSizeX": "0.5"}, [{"Name": "DAPI", "Color": "-16776961"}])
    >>> describe_ome(image).units, describe_ome(image).channels
    ({'x': 'micrometer'}, (Channel(name='DAPI', color='FF0000'),))
    """
    found = Description(name=image.name)
    for axis in "zyx":
        key = f"PhysicalSize{axis.upper()}"
        found.measure(axis, image.pixels.get(key), image.pixels.get(f"{key}Unit", "µm"))
    found.measure("t", image.pixels.get("TimeIncrement"), image.pixels.get("TimeIncrementUnit", "s"))
    channels = []
    for attributes in image.channels:
        channel = Channel(attributes.get("Name") or None, _ome_color(attributes.get("Color")))
        channels += [channel] * _samples(attributes)
    found.channels = tuple(channels) if any(c != Channel() for c in channels) else ()
    return found


def _samples(attributes: Mapping[str, str]) -> int:
    samples = attributes.get("SamplesPerPixel", "1")
    return int(samples) if re.fullmatch("[1-9][0-9]?", samples) else 1


def _ome_color(value: str | None) -> str | None:
    """Six digits of a colour that OME writes as red, green, blue and alpha in one signed integer."""
    try:
        return f"{(int(value or '') & 0xFFFFFFFF) >> 8:06X}"
    except ValueError:
        return None


def describe_imagej(metadata: Mapping[str, Any], resolution: tuple[float | None, float | None]) -> Description:
    """What ImageJ says of a stack.

    Parameters
    ----------
    metadata
        The image description's keys and values, with those of ImageJ's own tag.
    resolution
        Size of a pixel in y and x, in the description's unit.

    Examples
    --------
    >>> describe_imagej({"unit": "micron", "spacing": 2.0, "finterval": 0.5}, (None, 0.25)).scale
    {'z': 2.0, 'x': 0.25, 't': 0.5}
    """
    found = Description()
    unit = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda m: chr(int(m[1], 16)), str(metadata.get("unit", "")))
    unit = _IMAGEJ_WORDS.get(unit, unit)
    for axis, size in zip("zyx", (metadata.get("spacing"), *resolution), strict=True):
        found.measure(axis, size, unit)
    interval, rate = _positive(metadata.get("finterval")), _positive(metadata.get("fps"))
    found.measure("t", interval or (1 / rate if rate else None), "second")
    luts = metadata.get("LUTs")
    if isinstance(luts, list):
        found.channels = tuple(Channel(color="".join(f"{v:02X}" for v in lut[:, -1])) for lut in luts)
    return found


def _imagej_resolution(page: tifffile.TiffPage) -> tuple[float | None, float | None]:
    """Size of a pixel in y and x from the tags, which hold pixels a unit as fractions."""
    return tuple(_inverse(page.tags.valueof(code)) for code in (283, 282))  # type: ignore[return-value]  # two codes


def _inverse(fraction: object) -> float | None:
    if not isinstance(fraction, tuple) or len(fraction) != 2 or not fraction[0]:
        return None
    return _positive(fraction[1] / fraction[0])


def describe_svs(description: str) -> Description:
    """What Aperio says of a slide: micrometres a pixel, for both axes.

    Examples
    --------
    >>> describe_svs("Aperio Image Library v11|MPP = 0.499").scale
    {'y': 0.499, 'x': 0.499}
    """
    found = Description()
    size = re.search(r"\|\s*MPP\s*=\s*([0-9.]+)", description)
    if size:
        for axis in "yx":
            found.measure(axis, size[1], "micrometer")
    return found


def _positive(value: object) -> float | None:
    """A finite number above 0, else None."""
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None
