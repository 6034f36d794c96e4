"""Checks of JSON values as anyone wrote them; errors name the place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyramid.errors import SourceError, short_repr

# The longest path that is read from a document: macOS allows no path over 1024 bytes.
MAX_PATH_CHARACTERS = 1000

# Parts of a path that some systems take for something else: a backslash, a drive's letter, control characters.
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^.:")


def items(value: object, place: str, most: int | None = None) -> Sequence[Any]:
    """Return a list that is not empty, of at most `most` items.

    Raises
    ------
    SourceError
        If the value is anything else; the error names the place.
    """
    if not isinstance(value, list | tuple) or not value:
        raise SourceError(f"{place}: there must be a list with at least one item, not {short_repr(value)}")
    if most is not None and len(value) > most:
        noun = place.rpartition(".")[2]
        raise SourceError(f"{place}: {len(value)} {noun} are more than the {most} that can be read here")
    return value


def mapping(value: object, place: str) -> Mapping[str, Any]:
    """Return a JSON object; raise SourceError for anything else."""
    if not isinstance(value, Mapping):
        raise SourceError(f"{place}: there must be a JSON object, not {short_repr(value)}")
    return value


def objects(value: object, place: str, most: int | None = None) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each JSON object of a list, with its place.

    Raises
    ------
    SourceError
        If the value is not a list, as from `items`, or one of its items is not an object.
    """
    for i, item in enumerate(items(value, place, most)):
        yield mapping(item, f"{place}[{i}]"), f"{place}[{i}]"


def mapping_or_empty(value: object) -> Mapping[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def list_or_empty(value: object) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects of a list, and none for anything else."""
    return [item for item in list_or_empty(value) if isinstance(item, Mapping)]


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


def check_path(path: object) -> str:
    """Return a path that came from data, if it cannot lead out of its URL.

    Examples
    --------
    >>> check_path("labels/nuclei/0")
    'labels/nuclei/0'

    Raises
    ------
    SourceError
        If it is not text, is absolute or too long, or has an empty part, ``.``, ``..``, a backslash, a drive's letter
        or a control character.
    """
    if not isinstance(path, str) or len(path) > MAX_PATH_CHARACTERS:
        raise SourceError(f"{short_repr(path)} is not a path of at most {MAX_PATH_CHARACTERS} characters")
    parts = path.split("/") if path else []
    if not {"", ".", ".."}.isdisjoint(parts) or any(_UNSAFE.search(part) for part in parts):
        raise SourceError(
            f"{short_repr(path)} is not a path below its group; it must not be absolute or hold '..' or a backslash"
        )
    return path


def path_below(value: object, place: str) -> str:
    """Return a path that stays below the group whose metadata names it.

    Raises
    ------
    SourceError
        If it is empty, or not a path as from `check_path`; the error names the place.

    Examples
    --------
    >>> path_below("scale0/image", "datasets[0].path")
    'scale0/image'
    """
    if not isinstance(value, str) or not value:
        raise SourceError(f"{place}: a path is text, not {short_repr(value)}")
    try:
        return check_path(value)
    except SourceError as error:
        raise SourceError(f"{place}: {error}") from None
