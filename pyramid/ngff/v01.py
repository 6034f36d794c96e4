"""OME-Zarr 0.1: Zarr format 2, always five axes, no sizes or places of pixels.

Its version may be missing.
"""

from __future__ import annotations

from pyramid.model import AXES
from pyramid.ngff.metadata import Attributes, Multiscale, Version
from pyramid.ngff.reading import Frame, Layout, read_flat, unknown_placement
from pyramid.ngff.transforms import nowhere

NAME = "0.1"


def _frame(_first: Attributes, _place: str) -> Frame:
    return Frame(AXES, (None,) * len(AXES), nowhere(len(AXES)))


def looks(first: Attributes) -> bool:
    """Return whether an item without a version looks like 0.1 or 0.2.

    The item is one of ``multiscales``.
    """
    return "datasets" in first and "axes" not in first


def _read(attributes: Attributes) -> Multiscale | None:
    return read_flat(attributes, NAME, LAYOUT, looks)


LAYOUT = Layout(_frame, unknown_placement, gives_sizes=False)
VERSION = Version(NAME, zarr_format=2, shards=False, dimension_names=False, write=None, read=_read)
