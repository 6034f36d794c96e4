"""OME-Zarr 0.5: Zarr format 3, all keys under ``ome``, the version once."""

from __future__ import annotations

from typing import Any

from pyramid.ngff import v04
from pyramid.ngff.metadata import Attributes, Multiscale, Version
from pyramid.ngff.reading import read_below_ome
from pyramid.ngff.writing import content

NAME = "0.5"


def _write(image: Multiscale) -> dict[str, Any]:
    return {"ome": {"version": NAME, **content(image, {})}}


def _read(attributes: Attributes) -> Multiscale | None:
    return read_below_ome(attributes, NAME, v04.LAYOUT, lambda first: "coordinateSystems" not in first)


VERSION = Version(NAME, zarr_format=3, shards=True, dimension_names=True, write=_write, read=_read)
