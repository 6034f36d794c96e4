"""OME-Zarr 0.2: as 0.1, but the parts of a chunk's key are folders.

Each array's document gives the separator of its keys.
"""

from __future__ import annotations

from dataclasses import replace

from pyramid.ngff import v01
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.reading import read_flat

NAME = "0.2"


def _read(attributes: Attributes) -> Multiscale | None:
    # It differs from 0.1 only in its version, so an image without one is taken for 0.1.
    return read_flat(attributes, NAME, v01.LAYOUT, lambda _: False)


VERSION = replace(v01.VERSION, name=NAME, read=_read)
