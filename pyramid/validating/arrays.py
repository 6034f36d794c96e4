"""Rules about the documents of the arrays of an image."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from pyramid.errors import short_repr
from pyramid.ngff.values import list_or_empty, mapping_or_empty
from pyramid.validating.rules import KEYS, ZARR_PAGE, Breach, Document, LevelArray, Rule, axes_of

_SHARDS = "https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html"
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# The most axes of an image.
MAX_AXES = 5


def images_with_levels(document: Document) -> Iterator[tuple[str, Mapping[str, Any], tuple[LevelArray, ...]]]:
    """Yield each image that has arrays: its place, its metadata, and them."""
    for (place, image), levels in zip(document.images(), document.levels, strict=False):
        if levels:
            yield place, image, levels


def _ndim(document: Document) -> Iterator[Breach]:
    for place, image, levels in images_with_levels(document):
        known = len(axes_of(image, place))
        for level in levels:
            ndim = len(level.shape)
            if known and ndim != known:
                yield Breach(level.place, f"{level.path} has {ndim} axes, and the metadata names {known}")
            elif not known and document.version in ("0.1", "0.2") and ndim != MAX_AXES:
                yield Breach(level.place, f"{level.path} has {ndim} axes, and this version has t, c, z, y and x")


def _dtypes(document: Document) -> Iterator[Breach]:
    for _, _, (first, *others) in images_with_levels(document):
        for level in others:
            if level.dtype != first.dtype:
                yield Breach(level.place, f"{level.path} is {level.dtype}, and {first.path} is {first.dtype}")


def _largest_first(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for before, level in itertools.pairwise(levels):
            pairs = zip(before.shape, level.shape, strict=False)
            if any(extent > larger for larger, extent in pairs):
                yield Breach(level.place, f"{level.path} {level.shape} is larger than {before.path} {before.shape}")


def _same_shape(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for before, level in itertools.pairwise(levels):
            if level.shape == before.shape:
                yield Breach(level.place, f"{level.path} is as large as {before.path}")


def _dimension_names(document: Document) -> Iterator[Breach]:
    for place, image, levels in images_with_levels(document):
        names = [axis.get("name") for _, axis in axes_of(image, place)]
        for level in levels:
            given = level.document.get("dimension_names")
            if given != names:
                yield Breach(level.place, f"{level.path} has dimension_names {short_repr(given)}, not {names}")


def _separator(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if level.separator != "/":
                yield Breach(level.place, f"{level.path} has keys with {level.separator!r} between indices, not '/'")


def _fill_value(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            value = level.document.get("fill_value")
            if value is None or (isinstance(value, int | float) and value != 0):
                yield Breach(level.place, f"{level.path} has the fill value {short_repr(value)}, not 0")


def _label_dtype(document: Document) -> Iterator[Breach]:
    if "image-label" not in document.content and "/labels/" not in f"/{document.path}/":
        return
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if not _is_integer(level.dtype):
                yield Breach(level.place, f"{level.path} is {level.dtype}, and labels are integers")


def _is_integer(dtype: str) -> bool:
    return dtype in _INTEGERS or dtype[:2] in (">i", ">u")


def _shards(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if level.shards and any(a % b for a, b in zip(level.shards, level.chunks, strict=False)):
                yield Breach(
                    level.place, f"{level.path}: shards {level.shards} do not hold whole chunks {level.chunks}"
                )


def _sharding(level: LevelArray) -> Mapping[str, Any]:
    """Return the settings of a level's shards."""
    for codec in map(mapping_or_empty, list_or_empty(level.document.get("codecs"))):
        if codec.get("name") == "sharding_indexed":
            return mapping_or_empty(codec.get("configuration"))
    return {}


def _index_names(level: LevelArray) -> list[object]:
    codecs = list_or_empty(_sharding(level).get("index_codecs"))
    return [codec if isinstance(codec, str) else mapping_or_empty(codec).get("name") for codec in codecs]


def _index(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if level.shards and "bytes" not in _index_names(level):
                yield Breach(level.place, f"{level.path}: the codecs of the shards' index must hold 'bytes'")
            location = _sharding(level).get("index_location", "end")
            if location not in ("start", "end"):
                yield Breach(level.place, f"{level.path}: index_location must be 'start' or 'end', not {location!r}")


def _index_checksum(document: Document) -> Iterator[Breach]:
    for _, _, levels in images_with_levels(document):
        for level in levels:
            if level.shards and "crc32c" not in _index_names(level):
                yield Breach(level.place, f"{level.path}: the index of its shards has no checksum (crc32c)")


def _format(document: Document) -> Iterator[Breach]:
    expected = 2 if document.version in ("0.1", "0.2", "0.3", "0.4") else 3
    if document.zarr_format != expected and any(key in document.content for key in KEYS):
        text = f"OME-Zarr {document.version} is Zarr {expected}, and this group is Zarr {document.zarr_format}"
        yield Breach(document.prefix.rstrip("."), text)


_AGAIN = "convert it again"
_REBUILD = "pyramid add-levels URL --rebuild makes levels that fit"
_UPGRADE = "pyramid upgrade URL writes the metadata of a version that fits"
ARRAY_RULES = (
    Rule("zarr-format", "error", "storage-format", _format, remedy=_UPGRADE),
    Rule("levels-ndim", "error", "multiscale-md", _ndim, remedy="write the axes that the arrays have"),
    Rule(
        "levels-dtype",
        "warning",
        "multiscale-md",
        _dtypes,
        remedy=_REBUILD,
    ),
    Rule("levels-order", "error", "multiscale-md", _largest_first, remedy="list levels from the largest on"),
    Rule(
        "levels-same",
        "warning",
        "multiscale-md",
        _same_shape,
        remedy=_REBUILD,
    ),
    Rule("dimension-names", "error", "multiscale-md", _dimension_names, since="0.5", until="0.5", remedy=_UPGRADE),
    Rule("dimension-names", "warning", "multiscale-md", _dimension_names, since="0.6", remedy=_UPGRADE),
    Rule("separator", "warning", "image-layout", _separator, since="0.2", remedy=_AGAIN),
    Rule("fill-value", "advice", ZARR_PAGE, _fill_value, remedy=_AGAIN),
    Rule("labels-dtype", "error", "labels-md", _label_dtype, remedy="convert the labels again as integers"),
    Rule("shards-chunks", "error", _SHARDS, _shards, since="0.5", remedy=_AGAIN),
    Rule("shards-index", "error", _SHARDS, _index, since="0.5", remedy=_AGAIN),
    Rule("shards-index-checksum", "advice", _SHARDS, _index_checksum, since="0.5", remedy=_AGAIN),
)
