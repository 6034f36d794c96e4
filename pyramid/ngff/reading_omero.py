"""From ``omero`` as anyone wrote it to channels; what cannot be used is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyramid.ngff.channels import default_colors
from pyramid.ngff.metadata import OmeroChannel, Window
from pyramid.ngff.values import finite, index

MAX_CHANNELS = 100_000


def read_channels(omero: object) -> tuple[OmeroChannel, ...]:
    """The channels of ``omero``; empty where it is missing or holds none.

    A colour that is none becomes the one that a channel without a colour has.

    Examples
    --------
    >>> read_channels({"channels": [{"label": "DAPI", "color": "0000ff", "inverted": True}]})
    (OmeroChannel(label='DAPI', color='0000FF', window=None, active=True, inverted=True),)
    """
    items = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(items, list | tuple) or len(items) > MAX_CHANNELS:
        return ()
    defaults = default_colors(len(items))
    return tuple(_read_channel(item, color) for item, color in zip(items, defaults, strict=True))


def read_defaults(omero: object) -> tuple[int, int]:
    """The z and the t that viewers show at first; 0 where they are not given."""
    rdefs = omero.get("rdefs") if isinstance(omero, Mapping) else None
    if not isinstance(rdefs, Mapping):
        return 0, 0
    return index(rdefs.get("defaultZ")) or 0, index(rdefs.get("defaultT")) or 0


def _read_channel(item: object, default_color: str) -> OmeroChannel:
    channel = item if isinstance(item, Mapping) else {}
    digits = str(channel.get("color")).removeprefix("#").upper()
    label = channel.get("label")
    return OmeroChannel(
        label=label if isinstance(label, str) else None,
        color=digits if re.fullmatch("[0-9A-F]{6}", digits) else default_color,
        window=_read_window(channel.get("window")),
        active=channel.get("active") is not False,
        inverted=channel.get("inverted") is True,
    )


def _read_window(value: object) -> Window | None:
    """A window of finite numbers, whose missing half is taken from the other; None where both are missing."""
    window = value if isinstance(value, Mapping) else {}
    ends = {key: finite(window.get(key)) for key in ("min", "max", "start", "end")}
    low, high = _first(ends["min"], ends["start"]), _first(ends["max"], ends["end"])
    if low is None or high is None:
        return None
    start, end = _first(ends["start"], low), _first(ends["end"], high)
    return None if start is None or end is None else Window(low, high, start, end)


def _first(value: float | None, other: float | None) -> float | None:
    return other if value is None else value
