"""Rules about plates and collections that take more than one field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pyramid.errors import short_repr
from pyramid.ngff.values import index, mapping_or_empty
from pyramid.validating.rules import Breach, Document, Rule, objects_at


def _twice(document: Document) -> Iterator[Breach]:
    for parent, listed, key in (
        ("plate", "rows", "name"),
        ("plate", "columns", "name"),
        ("plate", "wells", "path"),
        ("plate", "acquisitions", "id"),
        ("well", "images", "path"),
    ):
        seen: set[str] = set()
        holder = mapping_or_empty(document.content.get(parent))
        for place, item in objects_at(holder.get(listed), f"{document.prefix}{parent}.{listed}"):
            value = repr(item.get(key))
            if key in item and value in seen:
                yield Breach(f"{place}.{key}", f"{short_repr(item[key])} is there twice")
            seen.add(value)


class _Well(NamedTuple):
    """A well of a plate: its place, its metadata, and the two names in its path."""

    place: str
    well: Mapping[str, Any]
    parts: list[str]
    is_swapped: bool


def _names(document: Document) -> tuple[list[str], list[str]]:
    """Return the names of the rows and the columns of a plate."""
    plate = mapping_or_empty(document.content.get("plate"))
    rows, columns = ([str(item.get("name")) for _, item in objects_at(plate.get(key), "")] for key in _LISTS)
    return rows, columns


def _wells(document: Document) -> Iterator[_Well]:
    plate, (rows, columns) = mapping_or_empty(document.content.get("plate")), map(set, _names(document))
    for place, well in objects_at(plate.get("wells"), f"{document.prefix}plate.wells"):
        parts = str(well.get("path")).split("/")
        if len(parts) == 2:
            row, column = parts
            right = row in rows and column in columns
            yield _Well(place, well, parts, not right and row in columns and column in rows)


def _indices(document: Document) -> Iterator[Breach]:
    names = _names(document)
    for place, well, parts, is_swapped in _wells(document):
        for part, key, kind, known in zip(parts, _INDICES, _LISTS, names, strict=True):
            number = index(well.get(key))
            if number is not None and number >= len(known):
                yield Breach(f"{place}.{key}", f"{number} is not one of the {len(known)} {kind} of the plate")
            elif number is not None and known[number] != part and not is_swapped:
                there = f"{kind[:-1]} {number} is {short_repr(known[number])}"
                yield Breach(f"{place}.{key}", f"{there}, and the path names {short_repr(part)}")


def _named(document: Document) -> Iterator[Breach]:
    names = [set(known) for known in _names(document)]
    for place, _, parts, is_swapped in _wells(document):
        if not is_swapped and any(part not in known for part, known in zip(parts, names, strict=True)):
            yield Breach(f"{place}.path", "it must be made of the names of a row and a column of the plate")


def _swapped(document: Document) -> Iterator[Breach]:
    for place, _, _, is_swapped in _wells(document):
        if is_swapped:
            yield Breach(f"{place}.path", "it names the column before the row")


_LISTS, _INDICES = ("rows", "columns"), ("rowIndex", "columnIndex")
PLATE_RULES = (
    Rule("plate-unique", "error", "plate-md", _twice, since="0.4"),
    Rule("plate-wells-index", "error", "plate-md", _indices, since="0.4"),
    Rule("plate-wells-named", "error", "plate-md", _named, since="0.4"),
    # The specification's own tests of 0.4 and 0.6 have such plates among those that are valid, those of 0.5 do not.
    Rule("plate-wells-swapped", "advice", "plate-md", _swapped, since="0.4", until="0.4"),
    Rule("plate-wells-swapped", "error", "plate-md", _swapped, since="0.5", until="0.5"),
    Rule("plate-wells-swapped", "advice", "plate-md", _swapped, since="0.6"),
)
