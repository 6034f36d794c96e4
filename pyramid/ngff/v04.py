"""OME-Zarr 0.4: as 0.3, but axes are objects, and levels have transformations.

The version is written in each of its keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyramid.ngff.v01 as v01
import pyramid.ngff.v03 as v03
from pyramid.ngff.frames import listed_frame, listed_placement
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.writing import make_content

NAME = "0.4"


def _recognizes(first: Attributes) -> bool:
    return not v01.recognizes(first) and not v03.recognizes(first)


def _write(image: Multiscale) -> dict[str, Any]:
    return make_content(image, {"version": NAME})


VERSION = replace(
    v03.VERSION,
    name=NAME,
    recognizes=_recognizes,
    frame=listed_frame,
    placement=listed_placement,
    write=_write,
)
