"""Rules about axes, which hold from the version on that has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyramid.errors import short_repr
from pyramid.options.units import SPACE_UNITS, TIME_UNITS
from pyramid.validating.rules import Breach, Document, Rule, axes_of, objects_at

_UNITS = {"space": SPACE_UNITS, "time": TIME_UNITS}
_EXAMPLES = {"space": "micrometer", "time": "second"}
_ORDER = {"time": 0, "channel": 1, "space": 2}
Axes = list[tuple[str, Mapping[str, Any]]]


def _lists(document: Document) -> Iterator[tuple[str, Axes]]:
    """Yield each list of axes with its place: in 0.6 that of each coordinate system."""
    for place, image in document.images():
        if document.version != "0.6":
            if "axes" in image:
                yield f"{place}.axes", axes_of(image, place)
            continue
        for where, system in objects_at(image.get("coordinateSystems"), f"{place}.coordinateSystems"):
            yield f"{where}.axes", objects_at(system.get("axes"), f"{where}.axes")


def _types(axes: Axes) -> list[object]:
    return [axis.get("type") for _, axis in axes]


def _count(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        if not 2 <= len(axes) <= 5:
            yield Breach(place, f"an image has 2 to 5 axes, not {len(axes)}")


def _names(document: Document) -> Iterator[Breach]:
    for _, axes in _lists(document):
        seen: set[str] = set()
        for place, axis in axes:
            name = axis.get("name")
            if isinstance(name, str) and name in seen:
                yield Breach(f"{place}.name", f"the name {short_repr(name)} is there twice")
            seen.add(str(name))


def _letters_order(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        letters = "".join(str(axis.get("name")) for _, axis in axes)
        if set(letters) <= set("tczyx") and letters != "".join(sorted(letters, key="tczyx".index)):
            yield Breach(place, f"axes must be in the order of tczyx, not {short_repr(letters)}")


def _space(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        types = _types(axes)
        if document.version == "0.6" and types and all(kind == "array" for kind in types):
            continue
        if not 2 <= (count := types.count("space")) <= 3:
            yield Breach(place, f"2 or 3 axes must be of type 'space', not {count}")


def _time_and_channel(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        types = _types(axes)
        if types.count("time") > 1:
            yield Breach(place, "at most one axis may be of type 'time'")
        others = [kind for kind in types if kind not in ("time", "space", "array")]
        if len(others) > 1:
            yield Breach(place, "at most one axis may be of type 'channel' or of another type")


def _order(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        ranks = [_ORDER.get(kind, 1) if isinstance(kind, str) else 1 for kind in _types(axes)]
        if ranks != sorted(ranks):
            yield Breach(place, "axes must be in the order time, channel, space")


def _zyx(document: Document) -> Iterator[Breach]:
    for place, axes in _lists(document):
        names = [str(axis.get("name")) for _, axis in axes if axis.get("type") == "space"]
        if sorted(names) == ["x", "y", "z"] and names != ["z", "y", "x"]:
            yield Breach(place, f"axes of space should be in the order z, y, x, not {', '.join(names)}")


def _units(document: Document) -> Iterator[Breach]:
    for _, axes in _lists(document):
        for place, axis in axes:
            kind, unit = str(axis.get("type")), axis.get("unit")
            if kind in _UNITS and isinstance(unit, str) and unit not in _UNITS[kind]:
                example = _EXAMPLES[kind]
                text = f"{short_repr(unit)} is not a long name of UDUNITS for an axis of {kind}, as '{example}'"
                yield Breach(f"{place}.unit", text, _EDIT[kind])


def _channel_unit(document: Document) -> Iterator[Breach]:
    for _, axes in _lists(document):
        for place, axis in axes:
            if axis.get("type") == "channel" and axis.get("unit") is not None:
                yield Breach(f"{place}.unit", "channels have no unit")


def _no_unit(document: Document) -> Iterator[Breach]:
    for _, axes in _lists(document):
        for place, axis in axes:
            kind = axis.get("type")
            if kind in ("space", "time") and "unit" not in axis:
                what = "size of a pixel" if kind == "space" else "time between two images"
                yield Breach(place, f"unit is missing, so that the {what} is not known", _EDIT[kind])


_EDIT = {
    "space": "give it with pyramid edit URL --units micrometer",
    "time": "give it with pyramid edit URL --units t=second",
}
AXIS_RULES = (
    Rule("axes-count", "error", "axes-md", _count, since="0.3", until="0.5"),
    Rule("coordinate-system-axes-count", "error", "axes-md", _count, since="0.6"),
    Rule("axes-names-unique", "error", "axes-md", _names, since="0.3"),
    Rule("axes-letters-order", "error", "axes-md", _letters_order, since="0.3", until="0.3"),
    Rule("axes-space", "error", "axes-md", _space, since="0.4"),
    Rule("axes-time-channel", "error", "axes-md", _time_and_channel, since="0.4"),
    Rule("axes-order", "error", "axes-md", _order, since="0.4", remedy="convert it again with its axes in that order"),
    Rule("axes-zyx", "warning", "axes-md", _zyx, since="0.4", remedy="convert it again with its axes in that order"),
    Rule("axes-unit-known", "warning", "axes-md", _units, since="0.4", remedy=_EDIT["space"]),
    Rule("axes-unit-of-channel", "warning", "axes-md", _channel_unit, since="0.4", remedy="remove the unit"),
    Rule("axes-unit-missing", "advice", "axes-md", _no_unit, since="0.4", remedy=_EDIT["space"]),
)
