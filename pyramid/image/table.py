"""An image as a table, for a terminal, for a notebook and for programs."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyramid.image import Image, Level
    from pyramid.ngff import OmeroChannel

LEVEL_HEADS = ("level", "path", "shape", "scale", "translation", "chunks", "shards")
CHANNEL_HEADS = ("channel", "label", "color", "values", "shown", "active")


def by(values: Sequence[int] | None) -> str:
    """Extents by axis, as ``2 x 512 x 512``."""
    return "none" if values is None else " x ".join(map(str, values))


def as_dict(image: Image) -> dict[str, Any]:
    """All that is known of the image, ready for JSON."""
    return {
        "url": image.url,
        "version": image.version,
        "name": image.name,
        "axes": [{"name": axis, "unit": unit} for axis, unit in zip(image.axes, image.units, strict=True)],
        "method": image.metadata.method,
        "levels": [_level_as_dict(level) for level in image.levels],
        "channels": [dataclasses.asdict(channel) for channel in image.channels],
        "provenance": dict(image.metadata.provenance),
    }


def _level_as_dict(level: Level) -> dict[str, Any]:
    return {
        "path": level.path,
        "shape": list(level.shape),
        "dtype": str(level.dtype),
        "chunks": list(level.chunks),
        "shards": None if level.shards is None else list(level.shards),
        "codecs": level.codecs,
        "scale": list(level.scale),
        "translation": None if level.translation is None else list(level.translation),
        "bytes": level.nbytes,
    }


def codec_names(codecs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Short names of codecs, those within a shard in its place; how numbers become bytes is left out.

    Examples
    --------
    >>> list(codec_names([{"name": "bytes"}, {"name": "blosc", "configuration": {"cname": "lz4"}}]))
    ['blosc:lz4']
    """
    for codec in codecs:
        name = codec.get("name", codec.get("id"))
        configuration = codec.get("configuration", codec)
        if "codecs" in configuration:
            yield from codec_names(configuration["codecs"])
        elif name != "bytes":
            yield f"{name}:{configuration['cname']}" if "cname" in configuration else str(name)


def facts(image: Image) -> Iterator[tuple[str, str]]:
    """What there is to say of the whole, as pairs of a name and its value."""
    first = image.levels[0]
    yield "image", image.name
    yield "at", image.url
    yield "format", f"OME-Zarr {image.version}, {', '.join(codec_names(first.codecs)) or 'not compressed'}"
    yield "axes", f"{image.axes} {by(first.shape)}"
    yield "dtype", str(first.dtype)
    units = (f"{axis} in {unit}" for axis, unit in zip(image.axes, image.units, strict=True) if unit)
    yield "units", ", ".join(units) or "not known"
    if image.metadata.method:
        yield "method", image.metadata.method
    yield "before compression", f"{sum(level.nbytes for level in image.levels):,} bytes"


def level_rows(image: Image) -> Iterator[tuple[str, ...]]:
    """One row a level, under LEVEL_HEADS."""
    for number, level in enumerate(image.levels):
        scale, translation = _numbers(level.scale), _numbers(level.translation or ())
        yield str(number), level.path, by(level.shape), scale, translation, by(level.chunks), by(level.shards)


def channel_rows(image: Image) -> Iterator[tuple[str, ...]]:
    """One row a channel, under CHANNEL_HEADS."""
    for number, channel in enumerate(image.channels):
        values, shown = _spans(channel)
        yield str(number), channel.label or "", channel.color, values, shown, "yes" if channel.active else "no"


def _spans(channel: OmeroChannel) -> tuple[str, str]:
    window = channel.window
    if window is None:
        return "", ""
    return f"{window.min:.6g} to {window.max:.6g}", f"{window.start:.6g} to {window.end:.6g}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)


def as_text(image: Image) -> str:
    """The image for a terminal."""
    tables: list[list[tuple[str, ...]]] = [[*facts(image)], [LEVEL_HEADS, *level_rows(image)]]
    if image.channels:
        tables.append([CHANNEL_HEADS, *channel_rows(image)])
    return "\n\n".join("\n".join(_aligned(table)) for table in tables)


def _aligned(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_html(image: Image) -> str:
    """The image for a notebook."""
    tables = [_html_table((), facts(image)), _html_table(LEVEL_HEADS, level_rows(image))]
    if image.channels:
        tables.append(_html_table(CHANNEL_HEADS, channel_rows(image)))
    return "".join(tables)


def _html_table(heads: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    head = row(heads, "th") if heads else ""
    return f"<table>{head}{''.join(row(cells, 'td') for cells in rows)}</table>"
