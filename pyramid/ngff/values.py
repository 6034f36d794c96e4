"""Checks of JSON values as anyone wrote them; errors name the place."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.errors import SourceError

# The longest form of a value in an error: one line of a terminal.
SHOWN_CHARACTERS = 80

# A bounded repr, for a value may be huge and deep.
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxlist = _REPR.maxtuple = SHOWN_CHARACTERS


def items(value: object, place: str, most: int | None = None) -> Sequence[Any]:
    """Return a list that is not empty, of at most `most` items.

    Raises
    ------
    SourceError
        If the value is anything else; the error names the place.
    """
    if not isinstance(value, list | tuple) or not value:
        raise SourceError(f"{place}: there must be a list with at least one item, not {shown(value)}")
    if most is not None and len(value) > most:
        noun = place.rpartition(".")[2]
        raise SourceError(f"{place}: {len(value)} {noun} are more than the {most} that can be read here")
    return value


def mapping(value: object, place: str) -> Mapping[str, Any]:
    """Return a JSON object; raise SourceError for anything else."""
    if not isinstance(value, Mapping):
        raise SourceError(f"{place}: there must be an object, not {shown(value)}")
    return value


def numbers(value: object, count: int, place: str) -> tuple[float, ...]:
    """Return a list of finite numbers, one for each axis.

    Raises
    ------
    SourceError
        If the value is anything else; the error names the place.
    """
    given = items(value, place)
    if len(given) != count:
        raise SourceError(f"{place}: there are {len(given)} numbers for {count} axes")
    known = tuple(number for number in map(finite, given) if number is not None)
    if len(known) < count:
        broken = next(item for item in given if finite(item) is None)
        raise SourceError(f"{place}: {shown(broken)} is not a finite number")
    return known


def finite(value: object) -> float | None:
    """Return a JSON number as a finite float.

    Anything else gives None, and so does an integer that is too large for a float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def index(value: object) -> int | None:
    """Return a whole number from 0 on, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text(value: object) -> str | None:
    """Return text, or None for anything else."""
    return value if isinstance(value, str) else None


def path_below(value: object, place: str) -> str:
    """Return a path that stays below the group whose metadata names it.

    Raises
    ------
    SourceError
        If it is not text, is absolute, or has ``..``, ``.``, a backslash or an empty part.

    Examples
    --------
    >>> path_below("scale0/image", "datasets[0].path")
    'scale0/image'
    """
    if not isinstance(value, str) or not value:
        raise SourceError(f"{place}: a path is text, not {shown(value)}")
    if "\\" in value or "\0" in value or not {"", ".", ".."}.isdisjoint(value.split("/")):
        raise SourceError(
            f"{place}: {shown(value)} is not a path below the group; it must not be absolute or hold '..' or '\\'"
        )
    return value


def shown(value: object) -> str:
    """Return a value as an error shows it, in at most one line.

    However large a value is, only a part of it is read.

    Examples
    --------
    >>> shown("cells"), len(shown([0] * 10_000))
    ("'cells'", 80)
    """
    text = _REPR.repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
