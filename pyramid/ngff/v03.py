"""OME-Zarr 0.3: as 0.2, but with two to five axes, each a letter in ``axes``."""

from __future__ import annotations

from dataclasses import replace

from pyramid.errors import SourceError
from pyramid.model import AXES
from pyramid.ngff import v02
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.reading import Frame, Layout, check_letters, read_flat, untold
from pyramid.ngff.values import items, shown

NAME = "0.3"


def _frame(first: Attributes, place: str) -> Frame:
    letters = items(first.get("axes"), place := f"{place}.axes")
    if not 2 <= len(letters) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(letters)}")
    for i, letter in enumerate(letters):
        if not isinstance(letter, str) or len(letter) != 1 or letter not in AXES:
            raise SourceError(f"{place}[{i}]: axis {shown(letter)} is none of t, c, z, y and x")
    return Frame(check_letters(letters, place), (None,) * len(letters))


def looks(first: Attributes) -> bool:
    """Whether an item of ``multiscales`` without a version is of this one."""
    axes = first.get("axes")
    return isinstance(axes, list | tuple) and bool(axes) and all(isinstance(axis, str) for axis in axes)


def _read(attributes: Attributes) -> Multiscale | None:
    return read_flat(attributes, NAME, Layout(_frame, untold), looks)


VERSION = replace(v02.VERSION, name=NAME, read=_read)
