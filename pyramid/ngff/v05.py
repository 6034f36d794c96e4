"""OME-Zarr 0.5: Zarr format 3, all keys under ``ome``, the version once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.ngff.metadata import Attributes, Multiscale, Version
from pyramid.ngff.reading import is_family, read_content
from pyramid.ngff.writing import content

NAME = "0.5"


def _write(image: Multiscale) -> dict[str, Any]:
    return {"ome": {"version": NAME, **content(image, {})}}


def _read(attributes: Attributes) -> Multiscale | None:
    ome = attributes.get("ome")
    if not isinstance(ome, Mapping) or "multiscales" not in ome or not is_family(ome.get("version"), NAME):
        return None
    return read_content(ome, "ome.")


VERSION = Version(NAME, zarr_format=3, shards=True, dimension_names=True, write=_write, read=_read)
