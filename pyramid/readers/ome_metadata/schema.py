"""OME's schema of June 2016 as a table of elements, attributes and types."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
# Characters of a value that a pattern is tried on: those of a valid one are fewer.
MAX_PATTERN = 1000
# What a value of each basic type looks like, as XML Schema writes it. Values of the others are not looked at.
_FORMS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "float": r"[+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?|-?INF|NaN",
    "double": r"[+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?|-?INF|NaN",
    "boolean": "true|false|1|0",
    "dateTime": r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"(Z|[+-](0\d|1[0-3]):[0-5]\d)?",
    "hexBinary": "([0-9A-Fa-f]{2})*",
    "base64Binary": r"[A-Za-z0-9+/=\s]*",
    "anyURI": r"[^\s<>\"{}|\\^`]*",
}
# The least and the greatest whole numbers of each type.
_BOUNDS = {"int": 2**31, "long": 2**63}
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place among the children of an element: which, and how many of them.

    Parameters
    ----------
    names
        The key of each element that may be there, by its name.
    least, most
        Their number; `most` is None where it is not bounded.
    """

    names: Mapping[str, str]
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declaration of an element.

    Parameters
    ----------
    attributes
        Type of each attribute, and whether it must be there.
    slots
        Its children, in order.
    text
        Type of its text; None if it has none.
    takes_any
        Whether it may hold elements of any other schema.
    defines
        Whether its ID is one that others refer to.
    """

    attributes: Mapping[str, tuple[str, bool]]
    slots: tuple[Slot, ...]
    text: str | None
    takes_any: bool
    defines: bool

    def place(self, name: str) -> tuple[int, str] | None:
        """Return the number of a child's slot and its key; None if it may not be there."""
        return next(((i, slot.names[name]) for i, slot in enumerate(self.slots) if name in slot.names), None)


@functools.cache
def declarations() -> Mapping[str, Declaration]:
    """Return the declaration of each element, by its key."""
    definers = set(_table()["definers"])
    return {
        key: Declaration(
            {name: (kind, bool(must)) for name, (kind, must) in item["attributes"].items()},
            tuple(Slot(names, least, None if most < 0 else most) for names, least, most in item["slots"]),
            item["text"],
            item["any"],
            key in definers,
        )
        for key, item in _table()["elements"].items()
    }


def is_valid(kind: str, value: str) -> bool:
    """Return whether a value is of a type of the schema.

    Examples
    --------
    >>> is_valid("PositiveInt", "3"), is_valid("PositiveInt", "0"), is_valid("ImageID", "Image:0")
    (True, False, True)
    """
    facets = _table()["types"].get(kind, {"base": kind})
    if facets.get("list"):
        return set(value.split()) <= set(facets["values"])
    value = value if facets["base"] == "string" else value.strip()
    if facets["base"] in _FORMS and not _form(_FORMS[facets["base"]])(value):
        return False
    if facets["base"] == "dateTime" and int(value[8:10]) > _DAYS[int(value[5:7]) - 1]:
        return False
    if "pattern" in facets and not (len(value) <= MAX_PATTERN and _form(facets["pattern"])(value)):
        return False
    return ("values" not in facets or value in facets["values"]) and _is_within(facets, value)


def id_type(kind: str) -> bool:
    """Return whether a type is that of IDs."""
    return kind.endswith("ID") and kind in _table()["types"]


def _is_within(facets: Mapping[str, Any], value: str) -> bool:
    """Return whether a value keeps the bounds of its type."""
    if facets["base"] in _BOUNDS and not -_BOUNDS[facets["base"]] <= int(value) < _BOUNDS[facets["base"]]:
        return False
    if "length" in facets and len(value) != 2 * facets["length"]:
        return False
    bounds = {name: facets[name] for name in ("min", "above", "max") if name in facets}
    if not bounds:
        return True
    number = float(value.replace("INF", "inf"))
    return bounds.get("min", number) <= number <= bounds.get("max", number) and (
        "above" not in bounds or number > bounds["above"]
    )


@functools.cache
def _form(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern, re.ASCII).fullmatch


@functools.cache
def _table() -> Mapping[str, Any]:
    text = (resources.files("pyramid") / "data" / "ome-2016-06.json").read_text(encoding="utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return table
