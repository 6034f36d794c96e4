"""The opener of Zarr arrays, of both formats, and of OME-Zarr images.

It decides cheaply whether a thing is one. For an image, it opens the largest level.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.readers.paths import is_url, local_path

if TYPE_CHECKING:
    from pathlib import Path

    from pyramid.model import Source
    from pyramid.options.convert import Options


def open_zarr(source: object, options: Options) -> Source | None:
    """Open a Zarr array or an OME-Zarr image.

    A folder is recognized by the metadata file in it. A URL is always taken for Zarr.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        If it cannot be opened, and for a group or an array that is not an image.
    """
    path = local_path(source)
    if path is None and not is_url(source):
        zarr = sys.modules.get("zarr")  # if zarr is not imported, nothing is a Zarr array
        if zarr is None or not isinstance(source, (zarr.Array, zarr.Group)):
            return None
    elif path is not None and not has_zarr(path):
        return None
    if path is None and not is_url(source):
        from pyramid.readers.zarr.given import open_zarr_node  # noqa: PLC0415  (start-up: 0.6 s of zarr)

        return open_zarr_node(source, options)
    from pyramid.readers.zarr.opening import open_zarr_url  # noqa: PLC0415  (only where there is a Zarr)

    return open_zarr_url(str(path or source), options)


def has_zarr(folder: Path) -> bool:
    """Return whether a folder has anything of the name of a Zarr's metadata.

    Anything but a file is refused when it is read.
    """
    marks = (folder / key for key in ROOT_KEYS)
    return any(mark.is_symlink() or mark.exists() for mark in marks)
