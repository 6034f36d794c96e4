"""Zarr arrays of both formats, and the largest level of OME-Zarr images: which things are one, told cheaply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyramid.readers.paths import is_url, local_path

if TYPE_CHECKING:
    from pathlib import Path

    from pyramid.model import Source
    from pyramid.options.convert import Options

MARKS = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


def open_zarr(source: object, options: Options) -> Source | None:
    """Open a Zarr array or an OME-Zarr image; None for anything else.

    A folder is one by the metadata file in it, a URL always.

    Raises
    ------
    SourceError
        For what cannot be opened, for a group that is no image, and for arrays that are no image.
    """
    path = local_path(source)
    if path is None and not is_url(source):
        zarr = sys.modules.get("zarr")  # where nobody has imported zarr, nothing is a Zarr array
        if zarr is None or not isinstance(source, (zarr.Array, zarr.Group)):
            return None
    elif path is not None and not any(_is_there(path / mark) for mark in MARKS):
        return None
    from pyramid.readers.zarr_source import open_zarr_node, open_zarr_url  # noqa: PLC0415  (start-up: 0.6 s of zarr)

    if path is None and not is_url(source):
        return open_zarr_node(source, options)
    return open_zarr_url(str(path or source), options)


def _is_there(mark: Path) -> bool:
    """Whether anything has a mark's name, a file or not: what is no file is refused where it is read."""
    return mark.is_symlink() or mark.exists()
