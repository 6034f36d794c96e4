"""Tables of an image, for a terminal, a notebook and programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyramid.hierarchy.arrays import codec_names
from pyramid.model import Channel
from pyramid.ngff import FORMATS
from pyramid.ngff.acquisition import acquisition_details, emission_facts, with_emission
from pyramid.ngff.extents import extents, placement_facts, units_by_axis
from pyramid.tables import Row, Table, clean_cell, format_bytes, format_list, format_numbers, format_shape, shorten

if TYPE_CHECKING:
    from pyramid.image.image import Image
    from pyramid.image.level import ImageLevel
    from pyramid.ngff import OmeroChannel

# The heads of the tables of levels and of channels. Columns of levels that say nothing are left out, as the path
# where it is the number of the level.
LEVEL_HEADS = ("level", "path", "shape", "scale", "chunks", "shards", "stored bytes", "translation")
CHANNEL_HEADS = ("channel", "label", "color", "values", "shown", "active")


def as_dict(image: Image) -> dict[str, Any]:
    """Return all that is known of an image, ready for JSON."""
    label = image.metadata.label
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
        "image_label": None
        if label is None
        else {key: getattr(label, key) for key in ("source", "colors", "properties")},
        "provenance": dict(image.metadata.provenance),
        "notices": list(image.notices),
    }


def _level_as_dict(level: ImageLevel) -> dict[str, Any]:
    return {
        "path": level.path,
        "shape": list(level.shape),
        "dtype": str(level.facts.dtype),
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
    yield "image", clean_cell(image.name)
    yield "at", image.url
    yield "format", f"{FORMATS[image.version].title}, {', '.join(codec_names(first.facts.codecs)) or 'not compressed'}"
    yield "pixels", f"{image.axes} {format_shape(first.shape)}, {first.facts.dtype}"
    yield "size", ", ".join(extents(image.axes, image.units, first.shape, first.scale)) or "not known"
    yield from placement_facts(image.axes, image.units, first.scale, first.translation)
    yield "units of scale", "; ".join(units_by_axis(image.axes, image.units)) or "not known"
    yield from emission_facts(with_emission([Channel(each.label) for each in image.channels], metadata.provenance))
    yield from acquisition_details(metadata.provenance)
    yield "before compression", format_bytes(sum(level.nbytes for level in image.levels))
    yield "stored", _stored(image)
    if metadata.systems:
        names = [f"{metadata.systems[0].name} (of the levels)", *(system.name for system in metadata.systems[1:])]
        yield "coordinate systems", format_list(names)
    if metadata.method:
        yield "method", shorten(metadata.method)
    if metadata.label is not None:
        yield "label of", metadata.label.source or "an unknown image"
    if image.labels:
        yield "labels", format_list(image.labels)


def _stored(image: Image) -> str:
    """Describe the bytes of all levels, where no request for each object is needed."""
    if hasattr(image.levels[0], "whole"):
        return "not counted: it is a part of an image"
    if not image.levels[0].address.location.is_local:
        return "not counted: that would take a request for each object"
    sizes = [level.stored_bytes for level in image.levels]
    known = [size for size in sizes if size is not None]
    return format_bytes(sum(known)) if len(known) == len(sizes) else "not counted: too many files"


def level_table(image: Image) -> Table:
    """Return the table of levels, without the columns that say nothing."""
    rows = [_level_row(number, level) for number, level in enumerate(image.levels)]
    numbered = all(row[1] == row[0] for row in rows)
    silent = {1} if numbered else set()
    silent |= {i for i in (5, 6) if not any(row[i] for row in rows)}
    silent |= set() if any(any(level.translation or ()) for level in image.levels) else {7}
    heads, *kept = [tuple(cell for i, cell in enumerate(row) if i not in silent) for row in (LEVEL_HEADS, *rows)]
    return heads, kept


def _level_row(number: int, level: ImageLevel) -> Row:
    """Return the row of a level, under LEVEL_HEADS."""
    return (
        *(str(number), level.path, format_shape(level.shape)),
        format_numbers(level.scale) if level.scale is not None else "unknown",
        format_shape(level.chunks),
        "" if level.shards is None else format_shape(level.shards),
        "" if level.stored_bytes is None else f"{level.stored_bytes:,}",
        format_numbers(level.translation),
    )


def channel_rows(image: Image) -> Iterator[Row]:
    """Yield one row for each channel, under CHANNEL_HEADS."""
    for number, channel in enumerate(image.channels):
        values, shown = _spans(channel)
        color = f"{channel.color} inverted" if channel.inverted else channel.color
        yield str(number), shorten(channel.label or ""), color, values, shown, "yes" if channel.active else "no"


def _spans(channel: OmeroChannel) -> tuple[str, str]:
    window = channel.window
    if window is None:
        return "", ""
    return f"{window.min:.6g} to {window.max:.6g}", f"{window.start:.6g} to {window.end:.6g}"


def image_tables(image: Image) -> Sequence[Table]:
    """Return an image as tables: its facts, its levels and its channels."""
    return (
        ((), [*facts(image)]),
        level_table(image),
        (CHANNEL_HEADS, [*channel_rows(image)]),
    )
