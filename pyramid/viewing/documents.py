"""The facts that the page shows: images, collections, values, histograms."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyramid.image import Collection, Image, ImageLevel
from pyramid.image.selecting import factors_of
from pyramid.ngff import Plate
from pyramid.viewing.answers import Request, RequestError
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.sources import Opened, Sources

if TYPE_CHECKING:
    from pyramid.ngff import OmeroChannel

# Channels and values that are listed at most: more fit on no page.
MAX_LISTED = 1000
MAX_VALUES = 64
# Bars of a histogram, and the shares of pixels outside of the window that is suggested.
BINS = 128
OUTSIDE = (0.1, 99.9)
# Chunks that cannot be read that are named with it: more fit on no line.
MAX_NOTICES = 3


def sources_document(sources: Sources) -> list[dict[str, Any]]:
    """Return the number, name and address of each source."""
    return [
        {"number": number, "name": source.name, "url": str(source.location)}
        for number, source in enumerate(sources.given)
    ]


def shown_document(opened: Opened, cache: ChunkCache) -> dict[str, Any]:
    """Return what the page needs to show an image or a collection."""
    return _image(opened, cache) if isinstance(opened.shown, Image) else _collection(opened.shown)


def _image(opened: Opened, cache: ChunkCache) -> dict[str, Any]:
    from pyramid.viewing.styles import shown_channels  # noqa: PLC0415  (NumPy and codecs: not at the start)
    from pyramid.viewing.tiles import TILE_PX  # noqa: PLC0415

    image = opened.image
    first = image.levels[0]
    extent = dict(zip(image.axes, first.shape, strict=True))
    channels, notices = _channels(shown_channels(opened, cache))
    start = {"t": min(image.metadata.default_t, extent.get("t", 1) - 1), "z": extent.get("z", 1) // 2}
    return {
        "type": "image",
        "name": image.name,
        "url": image.url,
        "version": image.version,
        "dtype": first.facts.dtype.name,
        "tile": TILE_PX,
        "generation": opened.owner[2],
        "axes": image.axes,
        "extent": extent,
        "start": start,
        "units": dict(zip(image.axes, image.units, strict=True)),
        "scale": None if first.scale is None else dict(zip(image.axes, first.scale, strict=True)),
        "levels": [_level(image, number) for number in range(len(image.levels))],
        "channels": channels,
        "labels": list(image.labels),
        "notices": [*image.notices, *notices],
        "is_label": image.metadata.label is not None,
        "is_stored": type(first) is ImageLevel,  # and not a part or a difference, whose positions are others
    }


def _level(image: Image, number: int) -> dict[str, Any]:
    level = image.levels[number]
    factors = factors_of(level, image.levels[0])
    return {
        "path": level.path,
        "shape": dict(zip(image.axes, level.shape, strict=True)),
        "factors": dict(zip(image.axes, factors, strict=True)),
        "chunks": list(level.chunks),
        "shards": None if level.shards is None else list(level.shards),
    }


def _channels(channels: Sequence[OmeroChannel]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the channels, of which as many are active as a tile blends, and notices."""
    from pyramid.viewing.styles import MAX_BLENDED  # noqa: PLC0415  (as above)

    active = [i for i, channel in enumerate(channels) if channel.active]
    shown = active[:MAX_BLENDED]
    listed = [_channel(channel, i, is_active=i in shown) for i, channel in enumerate(channels[:MAX_LISTED])]
    if len(active) == len(shown):
        return listed, []
    return listed, [f"of {len(active)} active channels the first {MAX_BLENDED} are shown, which is the most at once"]


def _channel(channel: OmeroChannel, number: int, *, is_active: bool) -> dict[str, Any]:
    window = channel.window
    assert window is not None, "shown channels have windows"
    return {
        "label": channel.label or f"Channel {number}",
        "color": channel.color,
        "active": is_active,
        "inverted": channel.inverted,
        **{"min": window.min, "max": window.max, "low": window.start, "high": window.end},
    }


def _collection(collection: Collection) -> dict[str, Any]:
    """Return a collection: its members by path, and their places on a plate."""
    found: dict[str, Any] = {
        "type": collection.kind,
        "name": collection.url.rstrip("/").rpartition("/")[2],
        "url": collection.url,
        "version": collection.version,
        "paths": list(collection.paths),
        "notices": list(collection.notices),
    }
    if isinstance(collection.metadata, Plate):
        plate = collection.metadata
        found |= {"rows": list(plate.rows), "columns": list(plate.columns), "name": plate.name or found["name"]}
        found["wells"] = [dataclasses.asdict(well) for well in plate.wells]
    return found


def values_document(opened: Opened, cache: ChunkCache, request: Request) -> dict[str, Any]:
    """Return the values of each channel at a pixel of a level, as text."""
    from pyramid.viewing.planes import level_planes  # noqa: PLC0415  (NumPy: not before pixels are asked for)
    from pyramid.viewing.styles import channel_count  # noqa: PLC0415
    from pyramid.viewing.tiles import Place, fixed_at  # noqa: PLC0415

    image = opened.image
    number, y, x = (request.number(name) for name in ("level", "y", "x"))
    if number >= len(image.levels):
        raise RequestError(404, f"the image has {len(image.levels)} levels")
    level = image.levels[number]
    if y >= level.shape[image.axes.index("y")] or x >= level.shape[image.axes.index("x")]:
        raise RequestError(404, "the level has no such pixel")
    fixed = fixed_at(image, number, Place(number, 0, 0, request.number("t"), request.number("z")))
    planes = level_planes(opened, number, cache)
    values: list[str | None] = []
    for channel in range(min(channel_count(image), MAX_VALUES)):
        pixels, damages = planes.read({**fixed, "c": channel}, range(y, y + 1), range(x, x + 1))
        values.append(None if damages else str(pixels[0, 0]))
    return {"values": values}


def histogram_document(opened: Opened, cache: ChunkCache, request: Request) -> dict[str, Any]:
    """Return the histogram of a channel on a plane of the smallest level.

    Chunks that cannot be read are left out, and named.
    """
    import numpy as np  # noqa: PLC0415  (not before pixels are asked for)

    from pyramid.viewing.styles import channel_count, small_plane  # noqa: PLC0415
    from pyramid.viewing.tiles import Place, fixed_at  # noqa: PLC0415

    image, channel = opened.image, request.number("channel")
    if channel >= channel_count(image):
        raise RequestError(404, "the image has no such channel")
    number = len(image.levels) - 1
    fixed = fixed_at(image, number, Place(number, 0, 0, request.number("t"), request.number("z")))
    finite, damages = small_plane(opened, cache, channel, fixed)
    notices = [damage.reason for damage in damages[:MAX_NOTICES]]
    if not finite.size:
        return {"low": 0, "high": 1, "counts": [0] * BINS, "suggested": [0, 1], "notices": notices}
    finite = finite.astype(np.float64)
    low, high = float(finite.min()), float(finite.max())
    # Halves, for the span of two floats can be larger than any float.
    shares = (finite / 2 - low / 2) / (high / 2 - low / 2 or 1.0)
    counts = np.bincount(np.minimum((shares * BINS).astype(np.int64), BINS - 1), minlength=BINS)
    suggested = [float(value) for value in np.percentile(finite, OUTSIDE, method="nearest")]
    return {"low": low, "high": high, "counts": counts.tolist(), "suggested": suggested, "notices": notices}
