"""OME-Zarr 0.4: Zarr format 2, its keys among all other attributes.

The version is written in each of them.
"""

from __future__ import annotations

from typing import Any

from pyramid.ngff import v01, v03
from pyramid.ngff.metadata import Attributes, Multiscale, Version
from pyramid.ngff.reading import Layout, listed_frame, listed_placement, read_flat
from pyramid.ngff.writing import content

NAME = "0.4"
LAYOUT = Layout(listed_frame, listed_placement)


def _write(image: Multiscale) -> dict[str, Any]:
    return content(image, {"version": NAME})


def _looks(first: Attributes) -> bool:
    return not v01.looks(first) and not v03.looks(first)


def _read(attributes: Attributes) -> Multiscale | None:
    return read_flat(attributes, NAME, LAYOUT, _looks)


VERSION = Version(NAME, zarr_format=2, shards=False, dimension_names=False, write=_write, read=_read)
