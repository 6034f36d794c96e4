"""The opener of Zarr arrays, of both formats, and of OME-Zarr images.

It decides cheaply whether a thing is one. For an image, it opens the largest level.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from pyramid.errors import SourceError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.hierarchy.n5 import N5_KEY
from pyramid.hierarchy.within import entry_names
from pyramid.ngff.values import check_path
from pyramid.options.nearest import nearest
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.recognition import recognized_by, recognizes_nothing
from pyramid.stores import locate

if TYPE_CHECKING:
    from pathlib import Path

    from pyramid.model import Source
    from pyramid.options.convert import Options


@recognized_by(recognizes_nothing)
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
    found, inside = split_inside(source)
    if inside is not None:
        joined = _join(found, inside)
        return None if joined is None else open_zarr(joined, options)
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


def _join(source: object, inside: str) -> str | None:
    """Return the path or URL of an array in a Zarr; None if a file is there.

    Raises
    ------
    SourceError
        If the path leads out of the Zarr, or to nothing.
    """
    location = locate(str(source))
    is_archive = location.archive is not None
    if location.is_local and not is_archive and not os.path.isdir(location.path):
        return None
    try:
        path = check_path(inside.strip("/"))
    except SourceError as error:
        raise SourceError(f"{location}: {error}; leave out the parts that lead elsewhere") from error
    joined = replace(location, path=f"{location.path.rstrip('/')}/{path}".rstrip("/"))
    if not location.is_local:
        return joined.address
    if not is_archive and not os.path.isdir(joined.path):
        folder, _, name = joined.path.rpartition("/")
        near = nearest(name, entry_names(folder))
        raise SourceError(
            f"{location} has nothing at {inside!r}" + (f"; did you mean {near!r}?" if near else "; check the path")
        )
    return joined.path


def has_zarr(folder: Path) -> bool:
    """Return whether a folder has anything of the name of a Zarr's metadata.

    A zipped OME-Zarr counts as one. Anything but a file is refused when it is read.
    """
    if locate(str(folder)).archive is not None:
        return True
    marks = (folder / key for key in (*ROOT_KEYS, f"s0/{N5_KEY}"))
    return any(mark.is_symlink() or mark.exists() for mark in marks)
