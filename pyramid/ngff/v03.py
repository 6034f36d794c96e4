"""OME-Zarr 0.3: as 0.2, but with two to five axes, each a letter in ``axes``."""

from __future__ import annotations

from dataclasses import replace

from pyramid.errors import SourceError
from pyramid.model import AXES
from pyramid.ngff import v02
from pyramid.ngff.axis_names import axis_letter
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.reading import Frame, Layout, check_letters, read_flat, unknown_placement
from pyramid.ngff.transforms import nowhere
from pyramid.ngff.values import items, shown

NAME = "0.3"


def _frame(first: Attributes, place: str) -> Frame:
    letters = items(first.get("axes"), place := f"{place}.axes")
    if not 2 <= len(letters) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(letters)}")
    known = [axis_letter(letter) for letter in letters]
    if None in known:
        i = known.index(None)
        raise SourceError(f"{place}[{i}]: axis {shown(letters[i])} is not one of t, c, z, y and x")
    axes = check_letters([letter for letter in known if letter is not None], place)
    return Frame(axes, (None,) * len(axes), nowhere(len(axes)))


def looks(first: Attributes) -> bool:
    """Return whether an item of ``multiscales`` without a version looks like 0.3."""
    axes = first.get("axes")
    return isinstance(axes, list | tuple) and bool(axes) and all(isinstance(axis, str) for axis in axes)


def _read(attributes: Attributes) -> Multiscale | None:
    return read_flat(attributes, NAME, Layout(_frame, unknown_placement, gives_sizes=False), looks)


VERSION = replace(v02.VERSION, name=NAME, read=_read)
