"""The metadata of a TIFF's image: sizes, units, channels, name, and notices."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import tifffile

from pyramid.errors import OptionError
from pyramid.model import Channel
from pyramid.ngff.lengths import to_micrometers
from pyramid.options import units
from pyramid.readers.tiff.colors import PALETTE, describe_samples
from pyramid.readers.tiff.description import Description, positive
from pyramid.readers.tiff.imagej import describe_imagej, palette_tables
from pyramid.readers.tiff.lost_tags import name_lost_tags
from pyramid.readers.tiff.ome_xml import OmeImage
from pyramid.readers.tiff.qpi import describe_channels
from pyramid.readers.tiff.resolution import measure_by_tags, pixels_per_unit, resolution_unit
from pyramid.tables import format_list

MAX_NAMED = 4  # properties that a notice names, so that it stays readable


def describe(series: tifffile.TiffPageSeries, image: OmeImage | None) -> Description:
    """Return the metadata of one of a file's images.

    Parameters
    ----------
    series
        An image of an open file.
    image
        The image in the file's OME-XML, None without such XML.
    """
    page = series.keyframe
    count = _channel_count(series)
    readers: dict[str, Callable[[], Description]] = {
        "imagej": lambda: _imagej(page, count),
        "svs": lambda: describe_svs(page.description),
        "qpi": lambda: Description(channels=describe_channels(series)),
    }
    found = describe_ome(image) if image is not None else readers.get(series.kind, Description)()
    measure_by_tags(found, page)
    samples, notices = describe_samples(page)
    if series.kind == "imagej" and int(page.photometric) == PALETTE:
        notices = []  # it is a colour table, of which is said what is lost
    if len(found.channels) > count:
        notices.append(f"it describes {len(found.channels)} channels and has {count}: the last are not carried over")
    found.channels = _join(found.channels, samples, count)
    found.notices += [*notices, *name_lost_tags(page, series.kind)]
    return found


def _imagej(page: tifffile.TiffPage, channels: int) -> Description:
    y, x = (1 / pixels if pixels else None for pixels in pixels_per_unit(page))
    metadata = page.parent.imagej_metadata or {}
    if metadata.get("LUTs") is None:
        metadata = {**metadata, "LUTs": palette_tables(page, channels)}
    return describe_imagej(metadata, (y, x), resolution_unit(page, 1))


def _channel_count(series: tifffile.TiffPageSeries) -> int:
    """Count the channels of an image: those of its pages times the samples of a pixel."""
    return math.prod(int(n) for letter, n in zip(series.axes, series.shape, strict=True) if letter in "CS")


def _join(named: tuple[Channel, ...], samples: tuple[Channel, ...], count: int) -> tuple[Channel, ...]:
    """Join the channels of the metadata with those of the samples of a pixel.

    Returns
    -------
    tuple
        `count` channels, or none if nothing is known of them.

    Examples
    --------
    >>> _join((Channel("DAPI"),), (Channel(inverted=True),), 2)
    (Channel(name='DAPI', color=None, inverted=True), Channel(name=None, color=None, inverted=True))
    """
    per_pixel = samples or (Channel(),)
    if count % len(per_pixel):
        return named[:count]
    known = (*named, *[Channel()] * (count - len(named)))[:count]
    joined = []
    for i, channel in enumerate(known):
        sample = per_pixel[i % len(per_pixel)]
        inverted = channel.inverted or sample.inverted
        color = sample.color or channel.color  # one channel of OME may be three samples: red, green and blue
        joined.append(replace(channel, name=channel.name or sample.name, color=color, inverted=inverted))
    return tuple(joined) if any(channel != Channel() for channel in joined) else ()


def describe_ome(image: OmeImage) -> Description:
    """Return the metadata of an image in OME-XML.

    Examples
    --------
    >>> image = OmeImage("a", {"PhysicalSizeX": "0.5"}, [{"Name": "DAPI", "Color": "-16776961"}])
    >>> describe_ome(image).units, describe_ome(image).channels[0].color
    ({'x': 'micrometer'}, 'FF0000')
    """
    found = Description(name=image.name)
    for axis in "zyx":
        key = f"PhysicalSize{axis.upper()}"
        found.measure(axis, image.pixels.get(key), image.pixels.get(f"{key}Unit", "µm"), key)
    increment = image.pixels.get("TimeIncrement")
    found.measure("t", increment, image.pixels.get("TimeIncrementUnit", "s"), "TimeIncrement")
    channels = []
    for attributes in image.channels:
        channel = Channel(
            attributes.get("Name") or None,
            _ome_color(attributes.get("Color")),
            dye=attributes.get("Fluor") or None,
            emission_nm=_emission_nm(attributes),
        )
        channels += [channel] * _samples(attributes)
    found.channels = tuple(channels) if any(c != Channel() for c in channels) else ()
    return found


def _samples(attributes: Mapping[str, str]) -> int:
    samples = attributes.get("SamplesPerPixel", "1")
    return int(samples) if re.fullmatch("[1-9][0-9]?", samples) else 1


def _emission_nm(attributes: Mapping[str, str]) -> float | None:
    """Return the emitted wavelength in nm; None where it is not a length.

    Examples
    --------
    >>> _emission_nm({"EmissionWavelength": "0.52", "EmissionWavelengthUnit": "\u00b5m"})
    520.0
    """
    wavelength = positive(attributes.get("EmissionWavelength"))
    try:
        unit = units.unit("x", attributes.get("EmissionWavelengthUnit", "nm").strip())
    except OptionError:
        return None
    micrometers = None if wavelength is None else to_micrometers(wavelength, unit)
    return None if micrometers is None else round(1000 * micrometers, 6)


def _ome_color(value: str | None) -> str | None:
    """Return a colour as six digits, from OME's signed integer of RGBA."""
    try:
        return f"{(int(value or '') & 0xFFFFFFFF) >> 8:06X}"
    except ValueError:
        return None


def describe_svs(description: str) -> Description:
    """Return the metadata in Aperio's description: micrometers per pixel.

    Examples
    --------
    >>> describe_svs("Aperio Image Library v11|MPP = 0.499").scale
    {'y': 0.499, 'x': 0.499}
    """
    found = Description()
    properties = (part.partition("=") for part in description.split("|")[1:] if "=" in part)
    known = {key.strip(): value.strip() for key, _, value in properties}
    for axis in "yx":
        found.measure(axis, known.get("MPP"), "micrometer", "Aperio's MPP")
    found.notices = list(dict.fromkeys(found.notices))
    others = [key for key in known if key != "MPP"]
    if others:
        found.notices.append(f"not carried over: Aperio's properties ({format_list(others, MAX_NAMED)})")
    return found
