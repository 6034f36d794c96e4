"""OME-Zarr 0.4: Zarr format 2, its keys side by side with anyone else's, the version in each of them."""

from __future__ import annotations

from typing import Any

from pyramid.ngff.metadata import Attributes, Multiscale, Version
from pyramid.ngff.reading import first_version, is_family, read_content
from pyramid.ngff.writing import content

NAME = "0.4"


def _write(image: Multiscale) -> dict[str, Any]:
    return content(image, {"version": NAME})


def _read(attributes: Attributes) -> Multiscale | None:
    if "multiscales" not in attributes or not is_family(first_version(attributes), NAME):
        return None
    return read_content(attributes, "")


VERSION = Version(NAME, zarr_format=2, shards=False, dimension_names=False, write=_write, read=_read)
