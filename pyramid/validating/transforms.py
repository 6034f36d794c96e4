"""Rules about the transformations that place the levels of an image, from 0.4 on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyramid.errors import short_repr
from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty
from pyramid.validating.rules import Breach, Document, Rule, axes_of, objects_at

_TYPES = ("scale", "translation")
_PLACED = ("scale", "identity", "sequence")


def lists(document: Document) -> Iterator[tuple[str, object, int]]:
    """Yield the place and items of each list of transformations, and the axes."""
    for place, image in document.images():
        holders = [*objects_at(image.get("datasets"), f"{place}.datasets"), (place, image)]
        for where, holder in holders:
            if "coordinateTransformations" in holder:
                listed = holder["coordinateTransformations"]
                yield f"{where}.coordinateTransformations", listed, len(axes_of(image, place))


def _items(document: Document) -> Iterator[Breach]:
    for place, listed, _ in lists(document):
        for i, item in enumerate(list_or_empty(listed)):
            kind = mapping_or_empty(item).get("type")
            if kind not in _TYPES:
                yield Breach(f"{place}[{i}].type", f"it must be 'scale' or 'translation', not {short_repr(kind)}")
            elif not _is_vector(item.get(kind)):
                yield Breach(f"{place}[{i}].{kind}", f"it must be a list of numbers, not {short_repr(item.get(kind))}")


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(finite(number) is not None for number in value)


def _kinds(document: Document) -> Iterator[Breach]:
    for place, listed, _ in lists(document):
        kinds = [mapping_or_empty(item).get("type") for item in list_or_empty(listed)]
        if kinds and kinds not in (["scale"], ["scale", "translation"]) and set(map(str, kinds)) <= set(_TYPES):
            yield Breach(place, "there must be exactly one scale, and after it at most one translation")


def _length(document: Document) -> Iterator[Breach]:
    for place, item, axes in _vectors(document):
        kind = item.get("type")
        vector = list_or_empty(item.get(str(kind)))
        if kind in _TYPES and vector and axes and len(vector) != axes:
            yield Breach(f"{place}.{kind}", f"it has {len(vector)} numbers, and the image has {axes} axes")


def _positive(document: Document) -> Iterator[Breach]:
    for place, item, _ in _vectors(document):
        scale = list_or_empty(item.get("scale"))
        numbers = [finite(number) for number in scale]
        if item.get("type") == "scale" and any(number is not None and number <= 0 for number in numbers):
            yield Breach(f"{place}.scale", "the size of a pixel must be above 0")


def _vectors(document: Document) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Yield each scale and translation of a level, those in a sequence too."""
    for place, listed, axes in lists(document):
        if document.version == "0.6" and ".datasets[" not in place:
            continue
        for where, item in objects_at(listed, place):
            yield where, item, axes
            for inner, part in objects_at(item.get("transformations"), f"{where}.transformations"):
                yield inner, part, axes


def _placed(document: Document) -> Iterator[Breach]:
    for place, listed, _ in lists(document):
        items = list_or_empty(listed)
        if ".datasets[" not in place or not items:
            continue
        if len(items) != 1:
            yield Breach(place, f"a level has exactly one transformation, not {len(items)}")
        item = mapping_or_empty(items[0])
        kind = item.get("type")
        if kind not in _PLACED:
            yield Breach(f"{place}[0].type", f"it must be {', '.join(map(repr, _PLACED))}, not {short_repr(kind)}")
        if kind == "scale" and not _is_vector(item.get("scale")):
            yield Breach(f"{place}[0].scale", f"it must be a list of numbers, not {short_repr(item.get('scale'))}")
        if kind == "sequence":
            parts = [mapping_or_empty(part) for part in list_or_empty(item.get("transformations"))]
            if [part.get("type") for part in parts] != ["scale", "translation"]:
                yield Breach(f"{place}[0].transformations", "it must hold one scale, and after it one translation")
            for i, part in enumerate(parts):
                if part.get("type") in _TYPES and not _is_vector(part.get(str(part.get("type")))):
                    yield Breach(f"{place}[0].transformations[{i}]", "it must hold a list of numbers")


TRANSFORM_RULES = (
    Rule("transformations-items", "error", "trafo-md", _items, since="0.4", until="0.5"),
    Rule("transformations-kinds", "error", "trafo-md", _kinds, since="0.4", until="0.5"),
    Rule("transformations-of-level", "error", "trafo-md", _placed, since="0.6"),
    Rule("transformations-length", "error", "trafo-md", _length, since="0.4"),
    Rule("scale-positive", "warning", "trafo-md", _positive, since="0.4", until="0.5"),
    Rule("scale-positive", "error", "trafo-md", _positive, since="0.6"),
)
