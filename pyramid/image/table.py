"""Tables of an image, for a terminal, a notebook and programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyramid.hierarchy.arrays import codec_names
from pyramid.tables import Row, Table, format_list, format_numbers, format_shape

if TYPE_CHECKING:
    from pyramid.image.image import Image
    from pyramid.image.level import ImageLevel
    from pyramid.ngff import OmeroChannel

# The heads of the tables of levels and of channels; the last one of levels is left out where no bytes are counted.
LEVEL_HEADS = ("level", "path", "shape", "scale", "translation", "chunks", "shards", "stored bytes")
CHANNEL_HEADS = ("channel", "label", "color", "values", "shown", "active")


def as_dict(image: Image) -> dict[str, Any]:
    """Return all that is known of an image, ready for JSON."""
    return {
        "type": "image",
        "url": image.url,
        "version": image.version,
        "name": image.name,
        "axes": [{"name": axis, "unit": unit} for axis, unit in zip(image.axes, image.units, strict=True)],
        "coordinate_systems": [dataclasses.asdict(system) for system in image.metadata.systems],
        "method": image.metadata.method,
        "levels": [_level_as_dict(level) for level in image.levels],
        "channels": [dataclasses.asdict(channel) for channel in image.channels],
        "labels": list(image.labels),
        "image_label": None if image.metadata.label is None else dataclasses.asdict(image.metadata.label),
        "provenance": dict(image.metadata.provenance),
        "notices": list(image.notices),
    }


def _level_as_dict(level: ImageLevel) -> dict[str, Any]:
    return {
        "path": level.path,
        "shape": list(level.shape),
        "dtype": str(level.dtype),
        "chunks": list(level.chunks),
        "shards": None if level.shards is None else list(level.shards),
        "codecs": level.codecs,
        "scale": None if level.scale is None else list(level.scale),
        "translation": None if level.translation is None else list(level.translation),
        "bytes": level.nbytes,
        "stored_bytes": level.stored_bytes,
    }


def facts(image: Image) -> Iterator[tuple[str, str]]:
    """Yield the facts about an image, as pairs of a name and its value."""
    first, metadata = image.levels[0], image.metadata
    yield "image", image.name
    yield "at", image.url
    yield "format", f"OME-Zarr {image.version}, {', '.join(codec_names(first.facts.codecs)) or 'not compressed'}"
    yield "axes", f"{image.axes} {format_shape(first.shape)}"
    yield "dtype", str(first.dtype)
    units = (f"{axis} in {unit}" for axis, unit in zip(image.axes, image.units, strict=True) if unit)
    yield "units", ", ".join(units) or "not known"
    if metadata.systems:
        names = [f"{metadata.systems[0].name} (of the levels)", *(system.name for system in metadata.systems[1:])]
        yield "coordinate systems", format_list(names)
    if metadata.method:
        yield "method", metadata.method
    if metadata.label is not None:
        yield "label of", metadata.label.source or "an unknown image"
    if image.labels:
        yield "labels", format_list(image.labels)
    yield "before compression", f"{sum(level.nbytes for level in image.levels):,} bytes"
    yield "stored", _stored(image)


def _stored(image: Image) -> str:
    """Describe the bytes of all levels, where no request for each object is needed."""
    if not image.levels[0].address.location.is_local:
        return "not counted: that would take a request for each object"
    sizes = [level.stored_bytes for level in image.levels]
    known = [size for size in sizes if size is not None]
    return f"{sum(known):,} bytes" if len(known) == len(sizes) else "not counted: too many files"


def level_rows(image: Image) -> Iterator[Row]:
    """Yield one row for each level, under LEVEL_HEADS."""
    for number, level in enumerate(image.levels):
        scale = format_numbers(level.scale) if level.scale is not None else "unknown"
        stored = "" if level.stored_bytes is None else f"{level.stored_bytes:,}"
        yield (
            *(str(number), level.path, format_shape(level.shape), scale, format_numbers(level.translation)),
            *(format_shape(level.chunks), format_shape(level.shards), stored),
        )


def channel_rows(image: Image) -> Iterator[Row]:
    """Yield one row for each channel, under CHANNEL_HEADS."""
    for number, channel in enumerate(image.channels):
        values, shown = _spans(channel)
        color = f"{channel.color} inverted" if channel.inverted else channel.color
        yield str(number), channel.label or "", color, values, shown, "yes" if channel.active else "no"


def _spans(channel: OmeroChannel) -> tuple[str, str]:
    window = channel.window
    if window is None:
        return "", ""
    return f"{window.min:.6g} to {window.max:.6g}", f"{window.start:.6g} to {window.end:.6g}"


def image_tables(image: Image) -> Sequence[Table]:
    """Return an image as tables: its facts, its levels and its channels."""
    stored = any(level.stored_bytes is not None for level in image.levels)
    columns = len(LEVEL_HEADS) if stored else len(LEVEL_HEADS) - 1
    return (
        ((), [*facts(image)]),
        (LEVEL_HEADS[:columns], [row[:columns] for row in level_rows(image)]),
        (CHANNEL_HEADS, [*channel_rows(image)]),
    )
