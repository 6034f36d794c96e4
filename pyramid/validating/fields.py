"""Rules about single fields: whether they are there, and of which kind they are.

Most of the specification is of this form, so that a field is one row: its place, its kind, and the level of the rule
that it must be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyramid.errors import short_repr
from pyramid.ngff.values import check_path, finite, list_or_empty
from pyramid.validating.rules import Breach, Document, Level, Rule

# The place of the items of a list.
ITEMS = "[]"


class Kind(NamedTuple):
    """A kind of value: a test, and its name in messages."""

    test: Callable[[Any], bool]
    name: str


def _is_whole(value: object) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_unique(value: object) -> bool:
    """Return whether no item of a list is there twice."""
    texts = [json.dumps(item, sort_keys=True) for item in list_or_empty(value)]
    return isinstance(value, list) and len(set(texts)) == len(texts)


def _is_path(value: object) -> bool:
    """Return whether a path stays below its group."""
    try:
        return check_path(value) != ""
    except OSError:
        return False


def matching(pattern: str, name: str) -> Kind:
    """Return the kind of text that has a form."""
    form = re.compile(pattern)
    return Kind(lambda value: isinstance(value, str) and form.fullmatch(value) is not None, name)


def one_of(*values: object) -> Kind:
    """Return the kind of the values that are named."""
    return Kind(lambda value: not isinstance(value, bool) and value in values, " or ".join(map(repr, values)))


OBJECT = Kind(lambda value: isinstance(value, Mapping), "an object")
LIST = Kind(lambda value: isinstance(value, list), "a list")
FILLED = Kind(lambda value: isinstance(value, list) and bool(value), "a list of at least one item")
UNIQUE = Kind(lambda value: bool(value) and _is_unique(value), "a list of at least one item, none of them twice")
TEXT = Kind(lambda value: isinstance(value, str), "text")
NAME = Kind(lambda value: isinstance(value, str) and bool(value), "text that is not empty")
NUMBER = Kind(lambda value: finite(value) is not None, "a number")
FLAG = Kind(lambda value: isinstance(value, bool), "true or false")
WHOLE = Kind(_is_whole, "a whole number")
INDEX = Kind(lambda value: _is_whole(value) and value >= 0, "a whole number of at least 0")
COUNT = Kind(lambda value: _is_whole(value) and value >= 1, "a whole number of at least 1")
COLOR = matching("[0-9A-Fa-f]{6}", "six hexadecimal digits, as 'FF0000'")
PATH = Kind(_is_path, "a path below its group, without '..'")
RGBA = Kind(
    lambda value: isinstance(value, list) and len(value) == 4 and all(_is_whole(v) and 0 <= v <= 255 for v in value),
    "four whole numbers from 0 to 255",
)


@dataclass(frozen=True, slots=True)
class Field:
    """The rules about one field.

    Parameters
    ----------
    place
        Its place below the keys of OME-Zarr, as ``"multiscales/[]/name"``.
    kind
        What its value must be; None for any.
    missing
        The level of the rule that it must be there; None where it may be left out.
    section
        The section of the specification.
    since, until
        The first and the last version with these rules.
    level
        The level of the rule about its kind.
    remedy
        What repairs it.
    """

    place: str
    kind: Kind | None
    missing: Level | None = None
    section: str = "multiscale-md"
    since: str = "0.1"
    until: str = "0.6"
    level: Level = "error"
    remedy: str = "correct it in the metadata"

    def rules(self) -> Iterator[Rule]:
        """Yield its rules."""
        name = self.place.replace(f"/{ITEMS}", "").replace("/", ".")
        *parents, key = self.place.split("/")
        common = (self.since, self.until, self.remedy)
        if self.missing is not None:
            yield Rule(f"{name}-missing", self.missing, self.section, _missing(tuple(parents), key), *common)
        if self.kind is not None:
            yield Rule(
                f"{name}-{'items' if key == ITEMS else 'kind'}",
                self.level,
                self.section,
                _kind((*parents, key), self.kind),
                *common,
            )


def _missing(parents: tuple[str, ...], key: str) -> Callable[[Document], Iterator[Breach]]:
    def check(document: Document) -> Iterator[Breach]:
        for place, parent in walk(document.content, parents, document.prefix.rstrip(".")):
            if isinstance(parent, Mapping) and key not in parent:
                yield Breach(place, f"{key} is missing")

    return check


def _kind(steps: tuple[str, ...], kind: Kind) -> Callable[[Document], Iterator[Breach]]:
    def check(document: Document) -> Iterator[Breach]:
        for place, value in walk(document.content, steps, document.prefix.rstrip(".")):
            if not kind.test(value):
                yield Breach(place, f"it must be {kind.name}, not {short_repr(value)}")

    return check


def walk(value: object, steps: tuple[str, ...], place: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values at a place, each with its own place.

    Examples
    --------
    >>> list(walk({"wells": [{"path": "A/1"}, {}]}, ("wells", "[]", "path")))
    [('wells[0].path', 'A/1')]
    """
    if not steps:
        yield place, value
    elif steps[0] == ITEMS:
        for i, item in enumerate(list_or_empty(value)):
            yield from walk(item, steps[1:], f"{place}[{i}]")
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from walk(value[steps[0]], steps[1:], f"{place}.{steps[0]}".lstrip("."))
