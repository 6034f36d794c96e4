"""The metadata of a TIFF's image: sizes, units, channels, name, and notices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import tifffile

from pyramid.errors import OptionError, short_repr
from pyramid.model import Channel
from pyramid.ngff.lengths import to_micrometers
from pyramid.options import units
from pyramid.readers.tiff.colors import PALETTE, describe_samples
from pyramid.readers.tiff.description import Description, number, positive
from pyramid.readers.tiff.kinds import channel_count, describe_kind
from pyramid.readers.tiff.lost_tags import name_lost_tags
from pyramid.readers.tiff.ome_extras import RELATIVE
from pyramid.readers.tiff.ome_xml import OmeImage
from pyramid.readers.tiff.resolution import measure_by_tags

UNEVEN_SHARE = 0.05  # of the mean interval, by which an interval may differ: cameras and stages jitter


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
    count = channel_count(series)
    found = describe_ome(image) if image is not None else describe_kind(series)
    measure_by_tags(found, page)
    samples, notices = describe_samples(page)
    if series.kind == "imagej" and int(page.photometric) == PALETTE:
        notices = []  # it is a colour table, of which is said what is lost
    if len(found.channels) > count:
        notices.append(f"it describes {len(found.channels)} channels and has {count}: the last are not carried over")
    found.channels = _join(found.channels, samples, count)
    found.notices += [*notices, *name_lost_tags(page, series.kind)]
    return found


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
    if increment is None:
        _measure_by_planes(found, image.times)
    for axis in "zyx":
        key = f"Position{axis.upper()}"
        unit = image.position.get(f"{key}Unit", RELATIVE)
        found.place(axis, image.position.get(key), unit)
        if unit != RELATIVE and axis not in found.origin and number(image.position.get(key)):
            found.notices.append(
                f"not carried over from OME-XML: {key} in {short_repr(unit)}, as the pixel has no size"
            )
    found.tell("acquired", image.acquired)
    found.tell("objective", image.objective)
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


def _measure_by_planes(found: Description, times: Mapping[int, tuple[str, str]]) -> None:
    """Note the mean interval of the times of planes, and whether it is even."""
    order = sorted(times)
    seconds = [number(times[t][0]) for t in order]
    known = [value for value in seconds if value is not None]
    if len(known) < 2 or len(known) < len(order) or order != list(range(len(order))):
        return
    steps = [b - a for a, b in pairwise(known)]
    mean = (known[-1] - known[0]) / len(steps)
    if mean > 0:
        found.measure("t", float(f"{mean:.12g}"), times[0][1], "the times of planes (DeltaT)")
        if any(abs(step - mean) > UNEVEN_SHARE * mean for step in steps):
            found.notices.append("its planes were not taken at even times (DeltaT): the mean interval is written")


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
