"""Display settings of channels: colours, windows, and which of them are active."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from pyramid.model import Channel
from pyramid.ngff.channel_colors import WHITE, choose_colors
from pyramid.ngff.metadata import OmeroChannel, Window

# The colours of the channels of a picture.
RGB = ("FF0000", "00FF00", "0000FF")
# The most channels that are active: viewers built on Viv, vizarr among them, can blend no more.
MAX_ACTIVE = 6

Measured: TypeAlias = tuple[float, float, float, float]

# The names that the channels of a picture may have, in lower case.
_RGB_NAMES = (("red", "r"), ("green", "g"), ("blue", "b"), ("alpha", "a"))


def omero_channels(channels: Sequence[Channel], dtype: str, measured: Sequence[Measured]) -> tuple[OmeroChannel, ...]:
    """Return the display settings of each channel of an image.

    Parameters
    ----------
    channels
        The names and colours of the channels in the source; empty where it has none.
    dtype
        NumPy name of the pixels' dtype.
    measured
        Four values for each channel, or for the image where it has no axis ``c``. They are the least and the greatest
        value, and the values from which and to which it is best shown. NaN and infinite ones are replaced.

    Returns
    -------
    tuple of OmeroChannel
        As many as `measured`. Three or four channels of uint8 are a picture if all their names and colours are those of
        red, green, blue and alpha. A picture gets these colours and its whole range, and its fourth channel is off. In
        other images, channels without a colour get that of their dye, or one of a palette.

    Raises
    ------
    ValueError
        If `channels` are neither empty nor as many as `measured`.

    Examples
    --------
    >>> omero_channels((Channel("DAPI", "0000FF"),), "uint16", [(0, 900, 12, 640)])[0].window
    Window(min=0.0, max=900.0, start=12.0, end=640.0)
    """
    known = tuple(channels) or (Channel(),) * len(measured)
    picture = is_picture(known, dtype)
    colors = (*RGB, WHITE)[: len(known)] if picture else choose_colors(known)
    active = len(RGB) if picture else MAX_ACTIVE
    return tuple(
        OmeroChannel(
            label=channel.name or f"Channel {i}",
            color=channel.color or color,
            window=_window(channel, values, dtype, picture=picture),
            active=i < active and channel.active,
            inverted=channel.inverted,
        )
        for i, (channel, color, values) in enumerate(zip(known, colors, measured, strict=True))
    )


def _window(channel: Channel, measured: Measured, dtype: str, *, picture: bool) -> Window:
    """Return the window of a channel.

    It is the display range of the source, or else the whole range of a picture, or the measured range.
    """
    if channel.shown is not None:
        return make_window((*measured[:2], *channel.shown), dtype)
    return Window(0.0, 255.0, 0.0, 255.0) if picture else make_window(measured, dtype)


def is_picture(channels: Sequence[Channel], dtype: str) -> bool:
    """Return whether the channels are red, green and blue (and alpha) of a picture."""
    return (
        dtype == "uint8"
        and len(channels) in (3, 4)
        and all(
            channel.color in (None, color)
            and (channel.name is None or channel.name.lower() in names)
            and not (channel.inverted or channel.dye or channel.emission_nm)
            for channel, names, color in zip(channels, _RGB_NAMES, (*RGB, WHITE), strict=False)
        )
    )


def make_window(measured: Measured, dtype: str) -> Window:
    """Return a window of finite numbers, with min <= start < end <= max.

    Parameters
    ----------
    measured
        Least and greatest value, and the values from which and to which a channel is best shown. Any may be NaN or
        infinite.
    dtype
        NumPy name of the pixels' dtype; its range is taken where no measured value is finite.
    """
    finite = sorted(float(value) for value in measured if math.isfinite(value)) or _value_range(dtype)
    low, high, start, end = (float(value) for value in measured)
    low = low if math.isfinite(low) else finite[0]
    high = high if math.isfinite(high) else finite[-1]
    start, end = _widened(start if math.isfinite(start) else low, end if math.isfinite(end) else high)
    return Window(min(low, start), max(high, end), start, end)


def _widened(start: float, end: float) -> tuple[float, float]:
    """Return `start` and `end` with a span between them: viewers divide by it."""
    if end > start:
        return start, end
    span = max(1.0, abs(start) / 1024)
    return (start, start + span) if math.isfinite(start + span) else (start - span, start)


def _value_range(dtype: str) -> list[float]:
    """Return the least and greatest value of an integer dtype, and 0 and 1 for others."""
    import numpy as np  # noqa: PLC0415  (to read metadata needs none of it)

    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return [0.0, 1.0]
    limits = np.iinfo(kind)
    return [float(limits.min), float(limits.max)]
