"""OME-Zarr 0.5: Zarr format 3, all keys under ``ome``, the version once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyramid.ngff.v04 as v04
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.writing import make_content

NAME = "0.5"


def _recognizes(first: Attributes) -> bool:
    return "coordinateSystems" not in first


def _write(image: Multiscale) -> dict[str, Any]:
    return {"ome": {"version": NAME, **make_content(image, {})}}


VERSION = replace(
    v04.VERSION,
    name=NAME,
    zarr_format=3,
    shards=True,
    dimension_names=True,
    below_ome=True,
    recognizes=_recognizes,
    write=_write,
)
