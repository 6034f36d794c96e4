"""Axes that the levels of an image share, and the placement of each level in them.

The versions of OME-Zarr take their readers of both from here, as far as they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyramid.errors import SourceError, short_repr
from pyramid.model import AXES
from pyramid.ngff.axis_names import AXIS_TYPES, axis_letter
from pyramid.ngff.metadata import Attributes, CoordinateSystem
from pyramid.ngff.transforms import Placement, compose, identity, read_list, read_outer
from pyramid.ngff.values import items, mapping, text

# The letter of an axis by its type, where only one axis has that type.
_LETTERS_BY_TYPE = {AXIS_TYPES[letter]: letter for letter in "tc"}


@dataclass(frozen=True)
class Frame:
    """The axes that the levels of an image share.

    Parameters
    ----------
    axes, units
        Letters of the axes, and the unit of each.
    outer
        The placement that follows the transformations of every level; None where there is none.
    systems
        The coordinate systems of the image, that of its levels first; empty where the version has none.
    unread
        The places of parts that were not read.
    """

    axes: str
    units: tuple[str | None, ...]
    outer: Placement | None = None
    systems: tuple[CoordinateSystem, ...] = ()
    unread: tuple[str, ...] = ()


def axis_items(value: object, place: str) -> Sequence[Any]:
    """Return the items of ``axes``; raise SourceError unless they are 2 to 5."""
    given = items(value, place)
    if not 2 <= len(given) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(given)}")
    return given


def read_axes(value: object, place: str) -> tuple[str, tuple[str | None, ...]]:
    """Read the letters and units of the axes."""
    axes = [mapping(item, f"{place}[{i}]") for i, item in enumerate(axis_items(value, place))]
    letters = [_read_letter(axis, f"{place}[{i}].name") for i, axis in enumerate(axes)]
    return check_letters(letters, place), tuple(text(axis.get("unit")) for axis in axes)


def check_letters(letters: Sequence[str], place: str) -> str:
    """Return the letters of axes, if each is there once and y and x are among them.

    Raises
    ------
    SourceError
        If an axis is there twice, or y or x is missing.
    """
    for i, letter in enumerate(letters):
        if letter in letters[:i]:
            raise SourceError(f"{place}[{i}]: axis {letter!r} is there twice; every axis has a name of its own")
    if not {"y", "x"} <= set(letters):
        raise SourceError(f"{place}: {''.join(letters)!r} lacks y or x; an image has both")
    return "".join(letters)


def _read_letter(axis: Attributes, place: str) -> str:
    """Return the letter of an axis, from its name, its type, or its name as a word."""
    name, kind = axis.get("name"), axis.get("type")
    by_type = _LETTERS_BY_TYPE.get(kind) if isinstance(kind, str) else None
    by_name = axis_letter(name)
    is_letter = isinstance(name, str) and len(name) == 1
    letter = (by_name or by_type) if is_letter else (by_type or by_name)
    if letter is None:
        raise SourceError(
            f"{place}: axis {short_repr(name)} is not one of t, c, z, y and x, nor of type time or channel"
        )
    return letter


def unknown_placement(_dataset: Attributes, frame: Frame, _place: str) -> Placement:
    """Return the placement of a level in versions that give none."""
    return identity(len(frame.axes))


def listed_placement(dataset: Attributes, frame: Frame, place: str) -> Placement:
    """Return the placement of a level by its transformations (0.4 and 0.5).

    Those of the whole image are applied after them.
    """
    place = f"{place}.coordinateTransformations"
    placed = read_list(dataset.get("coordinateTransformations"), frame.axes, place)
    if not placed.has_scale and placed.whole:
        placed = replace(placed, unread=(*placed.unread, f"{place}: the scale is missing"))
    return compose(placed, frame.outer) if placed.whole and frame.outer is not None else placed


def listed_frame(first: Attributes, place: str) -> Frame:
    """Return the frame of an image whose ``axes`` are objects (0.4 and 0.5)."""
    axes, units = read_axes(first.get("axes"), f"{place}.axes")
    outer = first.get("coordinateTransformations")
    if outer is None:
        return Frame(axes, units)
    placed = read_outer(outer, axes, f"{place}.coordinateTransformations")
    return Frame(axes, units, replace(placed, unread=()), unread=placed.unread)
