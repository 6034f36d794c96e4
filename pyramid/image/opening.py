"""Open an OME-Zarr by its path or URL: `open` and `info`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pyramid.errors import PyramidError, SourceError, StorageError, ending_with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.image.image import Collection, Image
from pyramid.image.reader import open_reader
from pyramid.stores import Location, path_or_url

logger = logging.getLogger(__name__)

# The remedy where metadata break a rule.
_CORRECT = "correct that in its metadata, or ask whoever wrote them"


@ending_with_remedy()
def open(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Image:
    """Open an OME-Zarr image of version 0.1 to 0.6, reading only its metadata.

    Parameters
    ----------
    url
        A path or URL.
    storage_options
        Options with which its store is opened, as ``{"anon": True}``.

    Raises
    ------
    SourceError
        If there is nothing, or no OME-Zarr image, or an unfinished conversion, or broken metadata. The error names the
        place in the metadata.
    OptionError
        If the scheme or an option is not known.

    Warns
    -----
    PyramidWarning
        For each of the image's notices.
    """
    image = read_image(url, storage_options)
    logger.info("opened: %s, an image of OME-Zarr %s", image.url, image.version)
    give_notices(image.notices)
    return image


def read_image(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Image:
    """Return the image that `open` opens; its notices are not given."""
    reader = open_reader(path_or_url(url, "url"), storage_options)
    with wrap_errors(reader.location):
        found = reader.read("")
        if isinstance(found, Collection):
            raise SourceError(f"it is {_PHRASES[found.kind]}, not an image; open an image in it, as {_example(found)}")
        return replace(found, notices=(*found.notices, *reader.objects.notices))


@ending_with_remedy()
def info(
    url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None, *, all: bool = False
) -> Image | Collection:
    """Read the metadata of any OME-Zarr, and no chunk.

    It may be an image, a plate, a well, a series of images, or labels.

    Parameters
    ----------
    url, storage_options
        As for `open`.
    all
        Whether all wells and images of a collection are read; if not, only the first, as a sample.

    Returns
    -------
    Image or Collection
        Either prints as a table, and has a `to_dict`.

    Raises
    ------
    SourceError, OptionError
        As `open`.

    Warns
    -----
    PyramidWarning
        For each of the notices.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/zeros.ome.zarr")
    >>> info(f"{folder}/zeros.ome.zarr").to_dict()["levels"][1]["shape"]
    [150, 200]
    """
    reader = open_reader(path_or_url(url, "url"), storage_options)
    with wrap_errors(reader.location):
        found = reader.read("")
        if isinstance(found, Collection):
            found = reader.with_members(found, "", every=all)
        found = replace(found, notices=(*found.notices, *reader.objects.notices))
    kind = _PHRASES[found.kind] if isinstance(found, Collection) else "an image"
    logger.info("opened: %s, %s of OME-Zarr %s", found.url, kind, found.version)
    give_notices(found.notices)
    return found


def check_shown(url: str, storage_options: Mapping[str, Any] | None = None) -> None:
    """Raise SourceError unless an image or a collection is at a URL."""
    reader = open_reader(url, storage_options)
    with wrap_errors(reader.location):
        reader.read("")


@contextmanager
def wrap_errors(location: Location) -> Iterator[None]:
    """Turn errors of a store and its metadata into SourceError with the address."""
    try:
        yield
    except PyramidError as error:
        message = str(error)
        if not message.startswith(str(location)):
            message = f"{location}: {message}"
        if "; " not in message:
            message = f"{message}; {error.remedy if isinstance(error, StorageError) else _CORRECT}"
        raise SourceError(message) from error.__cause__


def _example(collection: Collection) -> str:
    """Return the address of an image in a collection, by its paths or else its kind."""
    first = collection.paths[0] if collection.paths else "0"
    return f"{collection.url}/{first}/0" if collection.kind == "plate" else f"{collection.url}/{first}"


# Each kind of collection as an error calls it.
_PHRASES = {"plate": "a plate", "well": "a well", "series": "a series of images", "labels": "a list of labels"}
