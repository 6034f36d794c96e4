"""Rules about channels and windows, and about what viewers cannot show."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty
from pyramid.validating.arrays import images_with_levels
from pyramid.validating.rules import ZARR_PAGE, Breach, Document, Rule, axes_of, objects_at

# Bytes of a chunk before compression from which on a browser waits for one, or has no memory for several.
MAX_CHUNK_BYTES = 32 * 2**20
# Bytes of an object before compression, and the number of them, from which on requests and files cost most.
MIN_OBJECT_BYTES, MAX_OBJECTS = 64 * 2**10, 20_000
# The most pixels on an axis of the smallest level: a viewer reads it whole.
MAX_SMALLEST = 4096
# dtypes that neuroglancer leaves blank.
_BLANK = ("float64", "float16", "int64", "bool", "complex64", "complex128")


def _channels(document: Document) -> Iterator[Breach]:
    omero = mapping_or_empty(document.content.get("omero"))
    listed = omero.get("channels")
    for place, image, (first, *_) in images_with_levels(document):
        axes = axes_of(image, place)
        names = [axis.get("name") for _, axis in axes] or list("tczyx")
        types = [axis.get("type") for _, axis in axes]
        at = types.index("channel") if "channel" in types else names.index("c") if "c" in names else None
        count = 1 if at is None else first.shape[at] if at < len(first.shape) else 0
        if isinstance(listed, list) and len(listed) != count:
            yield Breach(f"{document.prefix}omero.channels", f"it lists {len(listed)}, and the image has {count}")
        return


def _windows(document: Document) -> Iterator[Breach]:
    omero = mapping_or_empty(document.content.get("omero"))
    for _, _, (first, *_) in images_with_levels(document):
        low, high = _range(first.dtype, first.itemsize)
        for place, channel in objects_at(omero.get("channels"), f"{document.prefix}omero.channels"):
            window = mapping_or_empty(channel.get("window"))
            for key in ("min", "max", "start", "end"):
                value = finite(window.get(key))
                if value is not None and not low <= value <= high:
                    text = f"{value:g} is outside {first.dtype}, whose values are {low:g} to {high:g}"
                    yield Breach(f"{place}.window.{key}", text)
        return


def _range(dtype: str, itemsize: int) -> tuple[float, float]:
    """Return the least and the largest value of a dtype."""
    kind = dtype.lstrip("<>|")[:1]
    if kind == "u":
        return 0, 2.0 ** (8 * itemsize) - 1
    if kind == "i":
        return -(2.0 ** (8 * itemsize - 1)), 2.0 ** (8 * itemsize - 1) - 1
    return (0, 1) if kind == "b" else (-math.inf, math.inf)


def _dtype(document: Document) -> Iterator[Breach]:
    for _, _, (first, *_) in images_with_levels(document):
        if first.dtype in _BLANK:
            yield Breach(first.place, f"{first.path} is {first.dtype}, which browsers' viewers leave blank")


def _large_chunks(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            size = math.prod(level.chunks) * level.itemsize
            if size > MAX_CHUNK_BYTES:
                yield Breach(level.place, f"a chunk of {level.path} takes {size:,} bytes, too many for a browser")


def _small_objects(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            edges = level.shards or level.chunks
            size = math.prod(edges) * level.itemsize
            count = math.prod(-(-n // edge) for n, edge in zip(level.shape, edges, strict=False))
            if size < MIN_OBJECT_BYTES and count > MAX_OBJECTS:
                yield Breach(level.place, f"{level.path} has {count:,} objects of at most {size:,} bytes")


def _outside(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if any(edge > 2 * max(n, 1) for edge, n in zip(level.chunks, level.shape, strict=False)):
                yield Breach(level.place, f"chunks {level.chunks} of {level.path} reach far beyond {level.shape}")


def _no_levels(document: Document) -> Iterator[Breach]:
    for place, image, levels in images_with_levels(document):
        last = levels[-1]
        if len(levels) == len(list_or_empty(image.get("datasets"))) and max(last.shape[-2:], default=0) > MAX_SMALLEST:
            yield Breach(
                f"{place}.datasets", f"the smallest level {last.path} is {last.shape}, which viewers read whole"
            )


_AGAIN = "convert it again"
_WINDOWS = "pyramid edit URL --windows auto writes them"
DISPLAY_RULES = (
    Rule(
        "omero.channels-count",
        "warning",
        "omero-md",
        _channels,
        remedy="name each with pyramid edit URL --channel-names NAME,NAME",
    ),
    Rule("omero.channels.window-dtype", "warning", "omero-md", _windows, remedy=_WINDOWS),
    Rule("viewers-dtype", "advice", ZARR_PAGE, _dtype, remedy=f"{_AGAIN} from another dtype"),
    Rule("viewers-chunks", "advice", ZARR_PAGE, _large_chunks, remedy=f"{_AGAIN} with smaller chunks"),
    Rule("small-objects", "advice", ZARR_PAGE, _small_objects, remedy=f"{_AGAIN} with larger chunks, or with shards"),
    Rule("chunks-outside", "advice", ZARR_PAGE, _outside, remedy=f"{_AGAIN} with smaller chunks"),
    Rule(
        "viewers-levels",
        "advice",
        "multiscale-md",
        _no_levels,
        remedy="pyramid add-levels URL --rebuild makes a pyramid of it",
    ),
)
