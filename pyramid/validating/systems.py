"""Rules about the coordinate systems of 0.6, and the transformations between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyramid.errors import short_repr
from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty
from pyramid.validating.rules import Breach, Document, Rule, objects_at

# How deep transformations may hold others: metadata comes from anyone.
MAX_DEPTH = 16
Item = Mapping[str, Any]


def _numbers(value: object) -> bool:
    return isinstance(value, list) and all(finite(number) is not None for number in value)


def _indices(value: object, least: int, most: int) -> bool:
    return (
        isinstance(value, list)
        and least <= len(value) <= most
        and all(type(number) is int and 0 <= number <= 4 for number in value)
        and len(set(value)) == len(value)
    )


def _rows(value: object) -> bool:
    return isinstance(value, list) and all(_numbers(row) for row in value)


def _is_square(value: object) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 5
        and _rows(value)
        and all(len(row) == len(value) for row in value)
    )


def _projects(item: Item) -> bool:
    given = [item[key] for key in ("droppedInputs", "createdOutputs") if key in item]
    return bool(given) and all(_indices(value, 1, 3) for value in given)


def _field(item: Item) -> bool:
    return isinstance(item.get("path"), str) and item.get("interpolation", "linear") in ("nearest", "linear", "cubic")


def _matrix(item: Item, key: str, test: Callable[[object], bool]) -> bool:
    """Return whether a matrix is given once, in the metadata or by a path."""
    return (key in item) != ("path" in item) and (test(item[key]) if key in item else isinstance(item["path"], str))


# What each type of transformation must hold: one row a type.
_HELD: Mapping[str, tuple[Callable[[Item], bool], str]] = {
    "identity": (lambda item: True, "nothing"),
    "scale": (lambda item: _numbers(item.get("scale")), "scale, a list of numbers"),
    "translation": (lambda item: _numbers(item.get("translation")), "translation, a list of numbers"),
    "mapAxis": (lambda item: _indices(item.get("mapAxis"), 2, 5), "mapAxis, a list of 2 to 5 axes, each once"),
    "projectAxis": (_projects, "droppedInputs or createdOutputs, lists of axes, each once"),
    "affine": (lambda item: _matrix(item, "affine", _rows), "either affine, a matrix, or path"),
    "rotation": (lambda item: _matrix(item, "rotation", _is_square), "either rotation, a square matrix, or path"),
    "sequence": (lambda item: isinstance(item.get("transformations"), list), "transformations, a list"),
    "byDimension": (lambda item: isinstance(item.get("transformations"), list), "transformations, a list"),
    "bijection": (lambda item: "forward" in item and "inverse" in item, "forward and inverse"),
    "displacements": (_field, "path, and interpolation 'nearest', 'linear' or 'cubic'"),
    "coordinates": (_field, "path, and interpolation 'nearest', 'linear' or 'cubic'"),
}


def _between(document: Document) -> Iterator[tuple[str, Item]]:
    """Yield each transformation between coordinate systems, with its place."""
    scene = mapping_or_empty(document.content.get("scene"))
    for place, holder in [*document.images(), (f"{document.prefix}scene", scene)]:
        yield from objects_at(holder.get("coordinateTransformations"), f"{place}.coordinateTransformations")


def _forms(document: Document) -> Iterator[Breach]:
    for place, item in _between(document):
        yield from _form(place, item, MAX_DEPTH)


def _form(place: str, item: object, depth: int) -> Iterator[Breach]:
    """Yield what is wrong with a transformation, and with those in it."""
    if not isinstance(item, Mapping) or depth == 0:
        yield Breach(place, "it must be an object, and not hold others too deeply")
        return
    kind = item.get("type")
    held = _HELD.get(kind) if isinstance(kind, str) else None
    if held is None:
        yield Breach(f"{place}.type", f"it must be one of {', '.join(_HELD)}, not {short_repr(kind)}")
    elif not held[0](item):
        yield Breach(place, f"a transformation of type {kind} must hold {held[1]}")
    else:
        for where, inner in _inner(place, item):
            yield from _form(where, inner, depth - 1)


def _inner(place: str, item: Item) -> Iterator[tuple[str, object]]:
    """Yield the transformations that one holds."""
    for i, inner in enumerate(list_or_empty(item.get("transformations"))):
        where = f"{place}.transformations[{i}]"
        if item.get("type") == "byDimension":
            yield f"{where}.transformation", mapping_or_empty(inner).get("transformation")
        else:
            yield where, inner
    for key in ("forward", "inverse"):
        if item.get("type") == "bijection":
            yield f"{place}.{key}", item.get(key)


def _ends(document: Document) -> Iterator[Breach]:
    for place, item in _between(document):
        for key in ("input", "output"):
            if not isinstance(mapping_or_empty(item.get(key)).get("name"), str):
                yield Breach(f"{place}.{key}", "it must be an object with the name of a coordinate system")


def _level_ends(document: Document) -> Iterator[Breach]:
    for place, image in document.images():
        for where, dataset in objects_at(image.get("datasets"), f"{place}.datasets"):
            path = dataset.get("path")
            for spot, item in objects_at(
                dataset.get("coordinateTransformations"), f"{where}.coordinateTransformations"
            ):
                if mapping_or_empty(item.get("input")).get("path") != path:
                    yield Breach(f"{spot}.input", f"it must be an object whose path is {short_repr(path)}, the level's")
                if not isinstance(mapping_or_empty(item.get("output")).get("name"), str):
                    yield Breach(f"{spot}.output", "it must be an object with the name of a coordinate system")


def _names(document: Document) -> Iterator[Breach]:
    for place, image in document.images():
        systems = objects_at(image.get("coordinateSystems"), f"{place}.coordinateSystems")
        names: set[str] = set()
        for where, system in systems:
            if (name := str(system.get("name"))) in names:
                yield Breach(f"{where}.name", f"two coordinate systems have the name {short_repr(name)}")
            names.add(name)
        outputs = list(_outputs(image, place))
        for where, name in outputs:
            if systems and name not in names:
                yield Breach(where, f"no coordinate system has the name {short_repr(name)}")
        if len({name for where, name in outputs if ".datasets[" in where}) > 1:
            yield Breach(f"{place}.datasets", "all levels must have the same output")


def _outputs(image: Item, place: str) -> Iterator[tuple[str, str]]:
    """Yield the names of outputs of an image's transformations that are in the image."""
    for where, holder in [*objects_at(image.get("datasets"), f"{place}.datasets"), (place, image)]:
        for spot, item in objects_at(holder.get("coordinateTransformations"), f"{where}.coordinateTransformations"):
            output = mapping_or_empty(item.get("output"))
            if isinstance(output.get("name"), str) and not output.get("path"):
                yield f"{spot}.output.name", output["name"]


SYSTEM_RULES = (
    Rule("transformations-form", "error", "trafo-md", _forms, since="0.6"),
    Rule("transformations-ends", "error", "trafo-md", _ends, since="0.6"),
    Rule("transformations-of-level-ends", "error", "multiscale-md", _level_ends, since="0.6"),
    Rule("coordinate-systems-names", "error", "coordinate-systems-md", _names, since="0.6"),
)
