"""Rules about scales and translations, and the shapes of their levels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty
from pyramid.validating.arrays import images_with_levels
from pyramid.validating.rules import Breach, Document, LevelArray, Rule, axes_of

# Methods whose levels begin with the first pixel of the level below.
_STRIDES = ("nearest", "stride", "subsample", "decimate")
# The part of a pixel by which a translation may miss, since scripts round.
_TOLERANCE = 0.05


# The part of a pixel that floats may miss.
_ROUNDING = 1e-6


class Placed(NamedTuple):
    """A level with its scale and translation."""

    array: LevelArray
    scale: Sequence[float]
    translation: Sequence[float]


def _levels(document: Document) -> Iterator[tuple[Mapping[str, Any], list[str], list[Placed]]]:
    """Yield the metadata, axes and levels of each image that is placed."""
    for place, image, levels in images_with_levels(document):
        names = [str(axis.get("name")) for _, axis in axes_of(image, place)]
        placed = [_place(level, len(names)) for level in levels]
        if names and all(one is not None for one in placed):
            yield image, names, [one for one in placed if one is not None]


def _place(level: LevelArray, ndim: int) -> Placed | None:
    """Return a level with its placement; None if that is missing or broken."""
    found: dict[str, list[float]] = {"translation": [0.0] * ndim}
    for item in map(mapping_or_empty, list_or_empty(level.dataset.get("coordinateTransformations"))):
        if item.get("type") == "identity":
            found["scale"] = [1.0] * ndim
        for part in [item, *map(mapping_or_empty, list_or_empty(item.get("transformations")))]:
            kind = str(part.get("type"))
            numbers = [finite(number) for number in list_or_empty(part.get(kind))]
            if kind in ("scale", "translation"):
                found[kind] = [math.nan if number is None else number for number in numbers]
    if "scale" not in found or any(len(vector) != ndim for vector in (*found.values(), level.shape)):
        return None
    if not all(number > 0 for number in found["scale"]):
        return None
    return Placed(level, found["scale"], found["translation"])


def _factors(document: Document) -> Iterator[Breach]:
    for _, names, (first, *others) in _levels(document):
        for level in others:
            for i, name in enumerate(names):
                expected = first.array.shape[i] * first.scale[i] / level.scale[i]
                if abs(expected - level.array.shape[i]) >= 1 - _ROUNDING:
                    text = f"{level.array.path} has {level.array.shape[i]} pixels on {name}, and its scale {expected:g}"
                    yield Breach(level.array.place, text)


def _translations(document: Document) -> Iterator[Breach]:
    for _, names, (first, *others) in _levels(document):
        for level in others:
            for i, name in enumerate(names):
                moved, half = _moved(first, level, i)
                if not _is_near(moved, 0, first.scale[i]) and not _is_near(moved, half, first.scale[i]):
                    text = f"{level.array.path} is moved by {moved:g} on {name}: the centre of a window is at {half:g}"
                    yield Breach(level.array.place, text)


def _half_pixel(document: Document) -> Iterator[Breach]:
    for image, names, (first, *others) in _levels(document):
        method = image.get("type")
        if not isinstance(method, str) or any(word in method.lower() for word in _STRIDES):
            continue
        for level in others:
            for i, name in enumerate(names):
                moved, half = _moved(first, level, i)
                if _is_near(moved, 0, first.scale[i]) and not _is_near(half, 0, first.scale[i]):
                    yield Breach(
                        level.array.place, f"{level.array.path} is not moved by half a pixel, {half:g}, on {name}"
                    )
                    break


def _moved(first: Placed, level: Placed, i: int) -> tuple[float, float]:
    """Return by how much a level is moved, and by how much the centre of a window is."""
    return level.translation[i] - first.translation[i], (level.scale[i] - first.scale[i]) / 2


def _is_near(value: float, other: float, pixel: float) -> bool:
    return abs(value - other) <= _TOLERANCE * pixel + 1e-6 * abs(value)


_REBUILD = "pyramid add-levels URL --rebuild writes levels and scales that fit"
PLACING_RULES = (
    Rule("scale-shape", "warning", "multiscale-md", _factors, since="0.4", remedy=_REBUILD),
    Rule("translation-pixel", "warning", "multiscale-md", _translations, since="0.4", remedy=_REBUILD),
    Rule("translation-half-pixel", "advice", "multiscale-md", _half_pixel, since="0.4", remedy=_REBUILD),
)
