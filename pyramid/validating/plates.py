"""Rules about plates and collections that take more than one field."""

from __future__ import annotations

from collections.abc import Iterator

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


def _indices(document: Document) -> Iterator[Breach]:
    plate = mapping_or_empty(document.content.get("plate"))
    names = {key: [item.get("name") for _, item in objects_at(plate.get(key), "")] for key in ("rows", "columns")}
    for place, well in objects_at(plate.get("wells"), f"{document.prefix}plate.wells"):
        parts = str(well.get("path")).split("/")
        if len(parts) != 2:
            continue
        for part, key, listed in zip(parts, ("rowIndex", "columnIndex"), ("rows", "columns"), strict=True):
            number, known = index(well.get(key)), names[listed]
            if number is not None and number >= len(known):
                yield Breach(f"{place}.{key}", f"{number} is not one of the {len(known)} {listed} of the plate")
            elif number is not None and known[number] != part:
                there = f"{listed[:-1]} {number} is {short_repr(known[number])}"
                yield Breach(f"{place}.{key}", f"{there}, and the path names {short_repr(part)}")


def _named(document: Document) -> Iterator[Breach]:
    plate = mapping_or_empty(document.content.get("plate"))
    names = [{str(item.get("name")) for _, item in objects_at(plate.get(key), "")} for key in ("rows", "columns")]
    for place, well in objects_at(plate.get("wells"), f"{document.prefix}plate.wells"):
        parts = str(well.get("path")).split("/")
        if len(parts) == 2 and any(part not in known for part, known in zip(parts, names, strict=True)):
            yield Breach(f"{place}.path", "it must be made of the names of a row and a column of the plate")


PLATE_RULES = (
    Rule("plate-unique", "error", "plate-md", _twice, since="0.4"),
    Rule("plate-wells-index", "error", "plate-md", _indices, since="0.4"),
    Rule("plate-wells-named", "error", "plate-md", _named, since="0.4"),
)
