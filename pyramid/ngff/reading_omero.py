"""Parser of ``omero`` as anyone wrote it; parts that cannot be used are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from pyramid.errors import list_some, short_repr
from pyramid.model import Channel
from pyramid.ngff.channel_colors import choose_colors
from pyramid.ngff.metadata import OmeroChannel, Window
from pyramid.ngff.values import finite, index, mapping_or_empty

T = TypeVar("T")

# The most channels, and the longest label, that are read: metadata comes from anyone.
MAX_CHANNELS = 100_000
MAX_LABEL_CHARACTERS = 1000
# The most broken parts that a notice names: more would hide the rest.
MAX_NAMED = 4


def read_channels(omero: object) -> tuple[OmeroChannel, ...]:
    """Read the channels of ``omero``; the result is empty where it has none.

    A missing or broken colour is replaced by that of the label's dye, or by one of a palette.

    Examples
    --------
    >>> read_channels({"channels": [{"label": "DAPI", "color": "0000ff", "inverted": True}]})
    (OmeroChannel(label='DAPI', color='0000FF', window=None, active=True, inverted=True),)
    """
    items = mapping_or_empty(omero).get("channels")
    if not isinstance(items, list | tuple) or len(items) > MAX_CHANNELS:
        return ()
    channels = list(map(mapping_or_empty, items))
    colors = choose_colors([Channel(_read_label(channel), _read_color(channel)) for channel in channels])
    return tuple(map(_read_channel, channels, colors))


def read_given(omero: object, place: str) -> tuple[tuple[Channel, ...], tuple[str, ...]]:
    """Read the given name and colour of each channel, without defaults.

    A notice is returned too, if a name or a colour cannot be used.

    Examples
    --------
    >>> read_given({"channels": [{"label": "DAPI"}, {"color": "red"}]}, "omero")[0]
    (Channel(name='DAPI', color=None, inverted=False), Channel(name=None, color=None, inverted=False))
    """
    items = mapping_or_empty(omero).get("channels")
    if items is None:
        return (), ()
    if not isinstance(items, list | tuple) or len(items) > MAX_CHANNELS:
        return (), (
            f"not read: {place}.channels is {short_repr(items)}, not a list of at most {MAX_CHANNELS} channels",
        )
    channels = list(map(mapping_or_empty, items))
    odd = [f"channels[{i}]: {short_repr(item)}" for i, item in enumerate(items) if not isinstance(item, Mapping)]
    for key, read in (("label", _read_label), ("color", _read_color)):
        for i, channel in enumerate(channels):
            if channel.get(key) is not None and read(channel) is None:
                odd.append(f"channels[{i}].{key}: {short_repr(channel[key])}")
    notice = f"not read: {place}.{list_some(odd, MAX_NAMED, '; ')} (names and colours of channels)"
    return tuple(map(_read_given, channels)), (notice,) if odd else ()


def _read_given(channel: Mapping[str, object]) -> Channel:
    """Return a channel as it is given, without defaults."""
    read = _read_channel(channel, "")
    window = read.window
    shown = (window.start, window.end) if window is not None and window.start < window.end else None
    return Channel(read.label or None, read.color or None, inverted=read.inverted, shown=shown, active=read.active)


def _read_label(channel: Mapping[str, object]) -> str | None:
    label = channel.get("label")
    if isinstance(label, int | float) and not isinstance(label, bool):
        return f"{label:g}" if isinstance(label, float) else str(label)
    return label if isinstance(label, str) and len(label) <= MAX_LABEL_CHARACTERS else None


def _read_color(channel: Mapping[str, object]) -> str | None:
    color = channel.get("color")
    digits = color.strip().removeprefix("#").upper() if isinstance(color, str) else ""
    return digits if re.fullmatch("[0-9A-F]{6}", digits) else None


def read_defaults(omero: object) -> tuple[int, int]:
    """Read the z and the t that viewers show at first; 0 where they are not given."""
    rdefs = mapping_or_empty(mapping_or_empty(omero).get("rdefs"))
    return index(rdefs.get("defaultZ")) or 0, index(rdefs.get("defaultT")) or 0


def _read_channel(channel: Mapping[str, object], default_color: str) -> OmeroChannel:
    return OmeroChannel(
        label=_read_label(channel),
        color=_read_color(channel) or default_color,
        window=_read_window(channel.get("window")),
        active=channel.get("active") is not False,
        inverted=channel.get("inverted") is True,
    )


def _read_window(value: object) -> Window | None:
    """Read a window of finite numbers.

    The missing one of two ranges is taken from the other. None is returned where both are missing, or where what is
    shown would end before it starts.
    """
    window = mapping_or_empty(value)
    ends = {key: finite(window.get(key)) for key in ("min", "max", "start", "end")}
    low, high = _first(ends["min"], ends["start"]), _first(ends["max"], ends["end"])
    if low is None or high is None:
        return None
    start, end = _first(ends["start"], low), _first(ends["end"], high)
    if start > end:
        return None
    return Window(low, high, start, end) if low <= high else Window(start, end, start, end)


def _first(value: float | None, other: T) -> float | T:
    return other if value is None else value
