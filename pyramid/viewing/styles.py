"""The display of channels, as an image gives it or as its pixels suggest."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.image import Image
from pyramid.ngff.channels import make_window, omero_channels
from pyramid.ngff.metadata import OmeroChannel
from pyramid.rendering.blend import ChannelStyle, style_of
from pyramid.viewing.answers import RequestError
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.planes import Damage, level_planes
from pyramid.viewing.sources import Opened

# Channels that are measured, and that a tile blends, at most.
MAX_MEASURED, MAX_BLENDED = 64, 64
# Pixels of a plane that are measured at most: the smallest level seldom has more.
MAX_MEASURED_PX = 2**22
# The greatest exponent, and one over the least: beyond, all is black or white.
MAX_GAMMA = 10.0
_COLOR = re.compile(r"[0-9A-Fa-f]{6}")


def channel_count(image: Image) -> int:
    """Return the number of channels of an image; 1 if it lacks that axis."""
    return image.levels[0].shape[image.axes.index("c")] if "c" in image.axes else 1


def shown_channels(opened: Opened, cache: ChunkCache) -> tuple[OmeroChannel, ...]:
    """Return the display settings of each channel, all with a window.

    Where the image gives no window, it is the range of the smallest level's middle plane.
    """
    known = opened.kept.get("channels")
    if known is None:
        known = opened.kept["channels"] = _channels(opened, cache)
    found: tuple[OmeroChannel, ...] = known
    return found


def _channels(opened: Opened, cache: ChunkCache) -> tuple[OmeroChannel, ...]:
    image = opened.image
    count, dtype = channel_count(image), image.levels[0].facts.dtype.name
    given = image.channels[:count]
    if len(given) == count and all(channel.window for channel in given):
        return given
    measured = [_measure(opened, cache, c) if c < MAX_MEASURED else (math.nan,) * 4 for c in range(count)]
    if len(given) != count:
        return omero_channels((), dtype, measured)
    return tuple(
        channel if channel.window else replace(channel, window=make_window(values, dtype))
        for channel, values in zip(given, measured, strict=True)
    )


def _measure(opened: Opened, cache: ChunkCache, channel: int) -> tuple[float, float, float, float]:
    """Return the range of a channel, and the values from and to which it is shown."""
    try:
        finite, _ = small_plane(opened, cache, channel)
    except SourceError:
        return (math.nan,) * 4
    if not finite.size:
        return (math.nan,) * 4
    low, high = float(finite.min()), float(finite.max())
    return low, high, low, high


def small_plane(
    opened: Opened, cache: ChunkCache, channel: int, at: Mapping[str, int] | None = None
) -> tuple[NDArray[Any], list[Damage]]:
    """Return the finite pixels of a plane of the smallest level.

    They are in one axis, cut where the plane is large. Chunks that cannot be read are left out, and listed.
    """
    image = opened.image
    extent = dict(zip(image.axes, image.levels[-1].shape, strict=True))
    fixed = {"t": min(image.metadata.default_t, extent.get("t", 1) - 1), "z": extent.get("z", 1) // 2, **(at or {})}
    side = math.isqrt(MAX_MEASURED_PX)
    y, x = (range(min(extent[axis], side)) for axis in "yx")
    planes = level_planes(opened, len(image.levels) - 1, cache)
    plane, damages = planes.read({**fixed, "c": channel}, y, x)
    counted = np.isfinite(plane)
    for damage in damages:
        counted[damage.y : damage.y + damage.height, damage.x : damage.x + damage.width] = False
    return plane[counted], damages


def default_styles(channels: Sequence[OmeroChannel]) -> tuple[tuple[int, ChannelStyle], ...]:
    """Return the channels that are shown at first, and how."""
    active = [i for i, channel in enumerate(channels) if channel.active][:MAX_BLENDED] or [0]
    return tuple((i, style_of(channels[i])) for i in active)


def parse_styles(text: str, count: int) -> tuple[tuple[int, ChannelStyle], ...]:
    """Parse channels of a tile, as ``0:FF0000:10:200:1:0,2:00FF00:0:99``.

    Each is an index, a colour, the ends of a window, and if given gamma and 1 if inverted.

    Raises
    ------
    RequestError
        If the text has another form, or names a channel that is not there.
    """
    items = text.split(",") if text else []
    if len(items) > MAX_BLENDED:
        raise RequestError(400, f"at most {MAX_BLENDED} channels can be shown")
    return tuple(_parse_style(item, count) for item in items)


def _parse_style(item: str, count: int) -> tuple[int, ChannelStyle]:
    parts = item.split(":")
    try:
        index, color, low, high, *rest = parts
        gamma, inverted, *more = [*rest, *("1", "0")[len(rest) :]]
        style = ChannelStyle(color.upper(), (float(low), float(high)), float(gamma), inverted == "1")
        number = int(index) if index.isascii() and index.isdigit() and len(index) < 9 else -1
    except ValueError:
        raise RequestError(400, "a channel must be INDEX:COLOR:LOW:HIGH:GAMMA:INVERTED") from None
    start, end = style.window
    finite = math.isfinite(start) and math.isfinite(end) and start <= end
    in_range = 1 / MAX_GAMMA <= style.gamma <= MAX_GAMMA and 0 <= number < count
    if more or not finite or not in_range or not _COLOR.fullmatch(color):
        raise RequestError(400, "a channel has a number, a colour, a window or a gamma that cannot be shown")
    return number, style
