"""Paths within a file: ``file.h5::/path``, ``file.npz::name``, ``image.zarr::0``."""

from __future__ import annotations

import os
from pathlib import Path

from pyramid.readers.paths import is_url, local_path

# Between the path or URL of a file and the path of an array in it.
MARK = "::"


def split_inside(source: object) -> tuple[object, str | None]:
    """Split what a user gives into a file and the path of an array in it.

    Returns
    -------
    tuple[object, str | None]
        What the user gave, and None, if it names no path within a file. So it is for a file that has the mark in its
        name, and for the chained URLs of fsspec.

    Examples
    --------
    >>> split_inside("s3://bucket/cells.h5::/raw"), split_inside("cells.tif")
    (('s3://bucket/cells.h5', '/raw'), ('cells.tif', None))
    """
    if not isinstance(source, str | os.PathLike):
        return source, None
    text = os.fsdecode(source)
    if MARK not in text:
        return source, None
    if is_url(text) and local_path(text) is None:
        file, _, inner = text.partition(MARK)
        return (source, None) if "://" in inner else (file, inner)
    if _exists(text):
        return source, None
    places = [place for place in range(len(text)) if text.startswith(MARK, place)]
    place = next((place for place in places if _exists(text[:place])), places[0])
    return text[:place], text[place + len(MARK) :]


def _exists(text: str) -> bool:
    path = local_path(text)
    return path is not None and Path(path).exists()


def join_inside(file: object, path: str) -> str:
    """Return the text that names an array in a file.

    Examples
    --------
    >>> join_inside("cells.h5", "/raw")
    'cells.h5::/raw'
    """
    return f"{file}{MARK}{path}"
