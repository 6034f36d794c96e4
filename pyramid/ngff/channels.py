"""How channels are shown at first: colours, windows, and which of them are on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from pyramid.model import Channel
from pyramid.ngff.metadata import OmeroChannel, Window

WHITE = "FFFFFF"
RGB = ("FF0000", "00FF00", "0000FF")
# Magenta and green come first: with red and green, many could not tell two channels apart.
PALETTE = ("FF00FF", "00FF00", "00FFFF", "FFFF00", "FF0000", "0000FF")
# The most that viewers built on Viv, vizarr among them, can blend.
MAX_ACTIVE = 6

Measured: TypeAlias = tuple[float, float, float, float]

_RGB_NAMES = (("red", "r"), ("green", "g"), ("blue", "b"), ("alpha", "a"))


def default_colors(count: int) -> tuple[str, ...]:
    """Colours of `count` channels of which none has one.

    Examples
    --------
    >>> default_colors(1), default_colors(2)
    (('FFFFFF',), ('FF00FF', '00FF00'))
    """
    return (WHITE,) if count == 1 else tuple(PALETTE[i % len(PALETTE)] for i in range(count))


def omero_channels(channels: Sequence[Channel], dtype: str, measured: Sequence[Measured]) -> tuple[OmeroChannel, ...]:
    """How each channel of an image is shown.

    Parameters
    ----------
    channels
        What the source says of each channel; empty where it says nothing.
    dtype
        NumPy name of the pixels' dtype.
    measured
        Of each channel (of the image, where it has no axis ``c``): the least and the greatest value, and the values
        from which and to which it is best shown. NaN and infinite ones are replaced.

    Returns
    -------
    tuple of OmeroChannel
        As many as `measured`. Three or four channels of uint8 that carry no other colours nor names than red,
        green, blue and alpha are a picture: its colours, its whole range, the fourth off.

    Raises
    ------
    ValueError
        Where `channels` are neither none nor as many as `measured`.

    Examples
    --------
    >>> omero_channels((Channel("DAPI", "0000FF"),), "uint16", [(0, 900, 12, 640)])[0].window
    Window(min=0.0, max=900.0, start=12.0, end=640.0)
    """
    known = tuple(channels) or (Channel(),) * len(measured)
    picture = is_picture(known, dtype)
    colors = (*RGB, WHITE)[: len(known)] if picture else default_colors(len(known))
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
    """Return the window of a channel: as the source has it shown, else the whole range of a picture or the measured."""
    if channel.shown is not None:
        return make_window((*measured[:2], *channel.shown), dtype)
    return Window(0.0, 255.0, 0.0, 255.0) if picture else make_window(measured, dtype)


def is_picture(channels: Sequence[Channel], dtype: str) -> bool:
    """Whether the channels are the red, green and blue (and alpha) of a picture."""
    return (
        dtype == "uint8"
        and len(channels) in (3, 4)
        and all(
            channel.color in (None, color)
            and (channel.name is None or channel.name.lower() in names)
            and not channel.inverted
            for channel, names, color in zip(channels, _RGB_NAMES, (*RGB, WHITE), strict=False)
        )
    )


def make_window(measured: Measured, dtype: str) -> Window:
    """A window of finite numbers that is never empty: min <= start < end <= max.

    Parameters
    ----------
    measured
        Least and greatest value, and the values from which and to which a channel is best shown; any may be NaN or
        infinite.
    dtype
        NumPy name of the pixels' dtype, whose range is taken where nothing finite was measured.
    """
    finite = sorted(float(value) for value in measured if math.isfinite(value)) or _value_range(dtype)
    low, high, start, end = (float(value) for value in measured)
    low = low if math.isfinite(low) else finite[0]
    high = high if math.isfinite(high) else finite[-1]
    start, end = _widened(start if math.isfinite(start) else low, end if math.isfinite(end) else high)
    return Window(min(low, start), max(high, end), start, end)


def _widened(start: float, end: float) -> tuple[float, float]:
    """`start` and `end` with a span between them: viewers divide by it."""
    if end > start:
        return start, end
    span = max(1.0, abs(start) / 1024)
    return (start, start + span) if math.isfinite(start + span) else (start - span, start)


def _value_range(dtype: str) -> list[float]:
    """The least and the greatest value of an integer dtype; 0 and 1 for all others."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return [0.0, 1.0]
    limits = np.iinfo(kind)
    return [float(limits.min), float(limits.max)]
