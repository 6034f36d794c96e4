"""OME-Zarr 0.1: Zarr format 2, always five axes, no sizes or places of pixels.

Its version may be missing.
"""

from __future__ import annotations

from pyramid.model import AXES
from pyramid.ngff.frames import Frame, unknown_placement
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.version import Version


def _frame(_first: Attributes, _place: str) -> Frame:
    return Frame(AXES, (None,) * len(AXES))


def recognizes(first: Attributes) -> bool:
    """Return whether an item of ``multiscales`` looks like 0.1 or 0.2."""
    return "datasets" in first and "axes" not in first


VERSION = Version(
    "0.1",
    zarr_format=2,
    shards=False,
    dimension_names=False,
    below_ome=False,
    recognizes=recognizes,
    frame=_frame,
    placement=unknown_placement,
)
