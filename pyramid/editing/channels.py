"""Names, colours and windows of channels in the display settings of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.editing.wishes import Wishes
from pyramid.model import Channel
from pyramid.ngff.channels import make_window, omero_channels
from pyramid.ngff.metadata import Multiscale, OmeroChannel, Window
from pyramid.ngff.values import finite, mapping_or_empty, mappings
from pyramid.ngff.writing import make_omero
from pyramid.options.parsing import lengths


def check_counts(wishes: Wishes, count: int) -> None:
    """Raise OptionError unless each list has one item for each of `count` channels."""
    lengths("channel_names", wishes.channel_names, count)
    lengths("channel_colors", wishes.channel_colors, count)
    if isinstance(wishes.windows, tuple):
        lengths("windows", wishes.windows, count)


@dataclass(frozen=True)
class Pixels:
    """The channels as they are stored.

    Parameters
    ----------
    dtype
        NumPy name of the pixels' dtype.
    count
        Number of channels.
    measured
        For each channel its least and greatest value, and the values between which it is shown; empty if windows are
        not measured.
    """

    dtype: str
    count: int
    measured: Sequence[tuple[float, ...]] = ()


def edit_omero(
    content: dict[str, Any],
    image: Multiscale,
    wishes: Wishes,
    pixels: Pixels,
) -> None:
    """Change the channels in OME-Zarr's keys; all their other keys stay.

    Parameters
    ----------
    content
        The mapping with ``multiscales``.
    image
        The image as it was read.
    wishes
        What changes.
    pixels
        The channels as they are stored.
    """
    omero = dict(mapping_or_empty(content.get("omero")))
    items = [dict(item) for item in mappings(omero.get("channels"))]
    if len(items) != pixels.count:
        fresh = _fresh(content, image, wishes, pixels)
        items = [{**new, **old} for new, old in zip(fresh["channels"], [*items, *[{}] * pixels.count], strict=False)]
        omero = {**fresh, **omero}
    for i, item in enumerate(items):
        _edit_item(item, i, wishes, pixels)
    content["omero"] = {**omero, "channels": items}


def _edit_item(item: dict[str, Any], i: int, wishes: Wishes, pixels: Pixels) -> None:
    """Change the display settings of channel `i`."""
    if wishes.channel_names is not None:
        item["label"] = wishes.channel_names[i]
    if wishes.channel_colors is not None:
        item["color"] = wishes.channel_colors[i]
    if pixels.measured:
        low, high, start, end = pixels.measured[i]
        made = make_window((low, high, start, end), pixels.dtype)
        known = _widened(item.get("window"), (made.min, made.max))
        item["window"] = _as_json(Window(known["min"], known["max"], made.start, made.end))
    elif isinstance(wishes.windows, tuple):
        item["window"] = {**mapping_or_empty(item.get("window")), **_widened(item.get("window"), wishes.windows[i])}


def _fresh(content: dict[str, Any], image: Multiscale, wishes: Wishes, pixels: Pixels) -> dict[str, Any]:
    """Return display settings for an image without any, with windows of its dtype."""
    names = wishes.channel_names or (None,) * pixels.count
    unmeasured = [(math.nan,) * 4] * pixels.count
    channels: tuple[OmeroChannel, ...] = omero_channels([Channel(name) for name in names], pixels.dtype, unmeasured)
    stamp = mapping_or_empty(mappings(content.get("multiscales"))[0]).get("version")
    made = make_omero(Multiscale(image.axes, image.units, image.datasets, name=image.name, channels=channels))
    return {**({} if stamp is None else {"version": stamp}), **made}


def _widened(given: object, shown: tuple[float, float]) -> dict[str, float]:
    """Return a window that shows a range; its least and greatest value hold it."""
    old, (start, end) = mapping_or_empty(given), shown
    low, high = finite(old.get("min")), finite(old.get("max"))
    return _as_json(
        Window(start if low is None else min(low, start), end if high is None else max(high, end), start, end)
    )


def _as_json(window: Window) -> dict[str, float]:
    return {"min": window.min, "max": window.max, "start": window.start, "end": window.end}
