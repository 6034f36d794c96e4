"""ImageJ's metadata of a stack: sizes, units in all spellings, times, colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pyramid.errors import short_repr
from pyramid.model import Channel
from pyramid.readers.tiff.description import Description, is_pixel, number, positive
from pyramid.readers.tiff.resolution import CENTIMETER, MICROMETERS
from pyramid.tables import format_list

# Metadata of ImageJ that OME-Zarr has no place for: ImageJ's keys, and words for the notice.
_NOT_CARRIED = {
    "ROI": "a region of interest",
    "Overlays": "overlays",
    "Labels": "labels of slices",
    "Info": "acquisition info",
    "Plot": "a plot",
    "Ranges": "display ranges",
    "Properties": "properties",
    "min": "display ranges",
    "max": "display ranges",
    "xorigin": "origin of coordinates",
    "yorigin": "origin of coordinates",
    "zorigin": "origin of coordinates",
}
# Of those, the keys whose value 0 says nothing.
_ORIGIN = frozenset(["xorigin", "yorigin", "zorigin"])
# The function that calculates values from stored ones, its coefficients, and the unit of the values.
_CALIBRATION = ("cf", "c0", "c1", "c2", "c3", "c4", "vunit")
# Keys that are read, or that say how planes are stored: any other is named as lost.
_READ = frozenset(_CALIBRATION) | {
    *("ImageJ", "images", "channels", "slices", "frames", "hyperstack", "mode", "loop", "axes", "shape"),
    *("unit", "xunit", "yunit", "zunit", "spacing", "finterval", "fps", "tunit", "LUTs"),
}
MAX_LOST = 12  # keys that a notice names, so that it stays readable
RAMP_STEPS = 3.0  # of 255, by which an even ramp from black may be off, as programs round differently


def describe_imagej(
    metadata: Mapping[str, Any], resolution: tuple[float | None, float | None], resolution_unit: int = 1
) -> Description:
    """Read ImageJ's description of a stack.

    Parameters
    ----------
    metadata
        Keys and values of the image description and of ImageJ's own tag.
    resolution
        Size of a pixel in y and x: the inverse of the pixels per unit in the tags.
    resolution_unit
        The TIFF's ResolutionUnit. If it is the centimeter and the description says ``um``, sizes are in centimeters, as
        ImageJ reads them.

    Examples
    --------
    >>> describe_imagej({"unit": "micron", "spacing": 2.0, "finterval": 0.5}, (None, 0.25)).scale
    {'x': 0.25, 'z': 2.0, 't': 0.5}
    """
    found = Description()
    unit = _unit(metadata, "unit", "")
    factor = MICROMETERS[CENTIMETER] if unit == "um" and resolution_unit == CENTIMETER else 1.0
    for axis, size in zip("yx", resolution, strict=True):
        own = _unit(metadata, f"{axis}unit", unit)
        if not is_pixel(own) and size is not None:
            found.measure(axis, factor * size, own, f"ImageJ's pixel in {axis}")
    depth_unit = _unit(metadata, "zunit", unit)
    if not is_pixel(depth_unit):
        spacing = metadata.get("spacing", 1.0)  # ImageJ writes no spacing if slices are one unit apart
        found.measure("z", _absolute(spacing), depth_unit, "ImageJ's spacing")
    for axis in "zyx":
        _place(found, axis, metadata.get(f"{axis}origin"))
    _measure_time(found, metadata)
    _take_tables(found, metadata.get("LUTs"))
    lost = [_NOT_CARRIED.get(key, short_repr(key)) for key, value in metadata.items() if _is_lost(key, value)]
    if lost:
        found.notices.append(f"not carried over: ImageJ's {', '.join(dict.fromkeys(lost[:MAX_LOST]))}")
    _note_calibration(found, metadata)
    return found


def _place(found: Description, axis: str, origin: object) -> None:
    """Note the place of the first pixel, from ImageJ's origin: the pixel at 0."""
    pixels = number(origin)
    if pixels and axis in found.scale:
        found.place(axis, -pixels * found.scale[axis], found.units[axis])


def _is_lost(key: str, value: object) -> bool:
    """Return whether ImageJ says what is not read; an origin of 0 says nothing."""
    return value is not None and key not in _READ and not (key in _ORIGIN and value == 0)


def _note_calibration(found: Description, metadata: Mapping[str, Any]) -> None:
    """Note that ImageJ shows other values than those stored.

    It does so for signed 16-bit images.
    """
    if "cf" not in metadata and "c0" not in metadata:
        return
    said = ", ".join(f"{key}={short_repr(metadata[key])}" for key in _CALIBRATION if key in metadata)
    found.notices.append(
        f"ImageJ shows its values calibrated ({said}; cf=0 is value = c0 + c1 * stored): the stored values are kept; "
        "where the calibrated ones are wanted, convert the image to 32-bit in ImageJ first"
    )


def _unit(metadata: Mapping[str, Any], key: str, default: str) -> str:
    """Return a unit with its escaped characters decoded."""
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), str(metadata.get(key, default)))
    return text.strip().strip("\0")


def _absolute(value: object) -> object:
    """Return a distance without its sign, which gives the direction of the stack."""
    try:
        return abs(float(value))  # type: ignore[arg-type]  # other values raise
    except (TypeError, ValueError, OverflowError):
        return value


def _measure_time(found: Description, metadata: Mapping[str, Any]) -> None:
    interval, rate = metadata.get("finterval"), positive(metadata.get("fps"))
    if interval is not None and (positive(interval) or not rate):
        found.measure("t", interval, _unit(metadata, "tunit", "") or "second", "ImageJ's frame interval")
    elif rate:
        found.measure("t", 1 / rate, "second", "ImageJ's frame interval")


def _take_tables(found: Description, tables: object) -> None:
    """Note the brightest colour of the table of each channel.

    A notice names the tables that are not an even ramp from black to that colour.
    """
    if isinstance(tables, np.ndarray):  # tifffile returns the only table without a list
        tables = [tables]
    if not isinstance(tables, list) or not all(isinstance(t, np.ndarray) and t.ndim == 2 for t in tables):
        return
    ramps = [_channel(table) for table in tables]
    found.channels = tuple(channel for channel, _ in ramps)
    uneven = [str(i) for i, (_, even) in enumerate(ramps) if not even]
    if uneven:
        found.notices.append(
            f"the colour tables of channels {format_list(uneven, MAX_LOST)} are more than one colour from black: "
            "only the brightest colour of each is kept"
        )


def _channel(table: NDArray[Any]) -> tuple[Channel, bool]:
    """Return the channel of a colour table, and whether the table is an even ramp."""
    ends = table[:3, 0].astype(int), table[:3, -1].astype(int)
    inverted = bool(ends[0].sum() > ends[1].sum())
    bright = ends[0] if inverted else ends[1]
    steps = np.linspace(1, 0, table.shape[1]) if inverted else np.linspace(0, 1, table.shape[1])
    even = bool(np.abs(table[:3] - bright[:, None] * steps).max() <= RAMP_STEPS)
    color = "".join(f"{v:02X}" for v in bright) if bright.any() else None  # a black channel would not be seen
    return Channel(color=color, inverted=inverted), even


def palette_tables(page: tifffile.TiffPage, channels: int) -> list[NDArray[Any]] | None:
    """Return the colour table of a page for each of its channels.

    ImageJ saves the table of an 8-bit image as a palette.
    """
    table = page.colormap
    if table is None or table.ndim != 2 or len(table) != 3:
        return None
    return [table >> 8 if table.dtype.itemsize > 1 else table] * channels
