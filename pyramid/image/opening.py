"""`open` and `info`: from a path or URL to what lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pyramid.errors import PyramidError, SourceError
from pyramid.image.image import Collection, Image
from pyramid.image.reader import open_reader
from pyramid.stores import Location


def open(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Image:
    """Open an OME-Zarr image of version 0.1 to 0.6, reading its metadata alone.

    Parameters
    ----------
    url
        A path or URL.
    storage_options
        What its store is opened with, as ``{"anon": True}``.

    Raises
    ------
    SourceError
        Where there is nothing, no OME-Zarr image, a conversion that is not finished, or one that is broken, with the
        place in its metadata.
    OptionError
        For a scheme or an option that is not known.
    """
    reader = open_reader(os.fspath(url), storage_options)
    with _told(reader.location):
        found = reader.read("")
        if isinstance(found, Collection):
            raise SourceError(f"it is no image but {_KINDS[found.kind]}; open an image in it, as {_example(found)}")
        return replace(found, notices=(*found.notices, *reader.objects.notices))


def info(
    url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None, *, all: bool = False
) -> Image | Collection:
    """Read the metadata of any OME-Zarr: an image, a plate, a well, images side by side, or labels; never a chunk.

    Parameters
    ----------
    url, storage_options
        As for `open`.
    all
        Whether all wells and images of a collection are read; otherwise one, as a sample.

    Returns
    -------
    Image or Collection
        Either prints as a table, and has a `to_dict`.

    Raises
    ------
    SourceError, OptionError
        As `open`.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr")
    >>> info(f"{folder}/zeros.ome.zarr").to_dict()["levels"][1]["shape"]
    [150, 200]
    """
    reader = open_reader(os.fspath(url), storage_options)
    with _told(reader.location):
        found = reader.read("")
        if isinstance(found, Collection):
            found = reader.with_members(found, "", every=all)
        return replace(found, notices=(*found.notices, *reader.objects.notices))


@contextmanager
def _told(location: Location) -> Iterator[None]:
    """Turn what a store and its metadata raise into SourceError, with the address."""
    try:
        yield
    except PyramidError as error:
        said = str(error)
        raise SourceError(said if said.startswith(str(location)) else f"{location}: {said}") from error.__cause__


def _example(collection: Collection) -> str:
    """The address of an image in a collection, as its own metadata or else its kind has it."""
    first = collection.paths[0] if collection.paths else "0"
    return f"{collection.url}/{first}/0" if collection.kind == "plate" else f"{collection.url}/{first}"


_KINDS = {"plate": "a plate", "well": "a well", "series": "a row of images", "labels": "a list of labels"}
