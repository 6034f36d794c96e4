"""OME-Zarr 0.3: as 0.2, but with two to five axes, each a letter in ``axes``."""

from __future__ import annotations

from dataclasses import replace

import pyramid.ngff.v02 as v02
from pyramid.errors import SourceError, short_repr
from pyramid.ngff.axis_names import axis_letter
from pyramid.ngff.frames import Frame, axis_items, check_letters
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import list_or_empty


def _frame(first: Attributes, place: str) -> Frame:
    letters = []
    for i, name in enumerate(axis_items(first.get("axes"), place := f"{place}.axes")):
        letter = axis_letter(name)
        if letter is None:
            raise SourceError(f"{place}[{i}]: axis {short_repr(name)} is not one of t, c, z, y and x")
        letters.append(letter)
    axes = check_letters(letters, place)
    return Frame(axes, (None,) * len(axes))


def recognizes(first: Attributes) -> bool:
    """Return whether an item of ``multiscales`` looks like 0.3."""
    axes = list_or_empty(first.get("axes"))
    return bool(axes) and all(isinstance(axis, str) for axis in axes)


VERSION = replace(v02.VERSION, name="0.3", recognizes=recognizes, frame=_frame)
