"""The metadata of OME-Zarr: pure, from dataclasses to JSON and back.

`FORMATS` alone chooses between versions. What they share is in the modules beside, what sets one apart is in a module
of its own; another version is one more module and one more line in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyramid.errors import OptionError, SourceError
from pyramid.ngff import v04, v05
from pyramid.ngff.channels import omero_channels
from pyramid.ngff.metadata import Attributes, Dataset, Multiscale, OmeroChannel, Version, Window
from pyramid.ngff.reading import first_version

__all__ = [
    "FORMATS",
    "Dataset",
    "Multiscale",
    "OmeroChannel",
    "Version",
    "Window",
    "attributes",
    "creator",
    "omero_channels",
    "parse",
    "parse_versioned",
]

FORMATS: Mapping[str, Version] = {version.name: version for version in (v04.VERSION, v05.VERSION)}


def attributes(image: Multiscale, version: str) -> dict[str, Any]:
    """The attributes of the image's group, ready for JSON.

    Raises
    ------
    OptionError
        Where there is no such version.

    Examples
    --------
    >>> image = Multiscale("yx", (None, None), (Dataset("0", (1.0, 1.0), None),), name="cells")
    >>> list(attributes(image, "0.4")), list(attributes(image, "0.5"))
    (['multiscales'], ['ome'])
    """
    if version not in FORMATS:
        raise OptionError(f"there is no OME-Zarr version {version!r} to write; it is one of: {', '.join(FORMATS)}")
    return FORMATS[version].write(image)


def parse(attributes: Attributes) -> Multiscale:
    """The metadata of an image, from its group's attributes in any version of `FORMATS`.

    Raises
    ------
    SourceError
        Where they are of no image or of another version, or with the place of what is broken.
    """
    return parse_versioned(attributes)[1]


def parse_versioned(attributes: Attributes) -> tuple[Version, Multiscale]:
    """As `parse`, and the version that the attributes are of."""
    for version in FORMATS.values():
        image = version.read(attributes)
        if image is not None:
            return version, image
    ome = attributes.get("ome")
    held = ome if isinstance(ome, Mapping) else attributes
    if "multiscales" not in held:
        raise SourceError("there are no multiscales among its attributes, so it is no OME-Zarr image")
    said = held.get("version", first_version(held))
    raise SourceError(f"it is of OME-Zarr version {str(said)[:40]!r}; those read here are: {', '.join(FORMATS)}")


def creator(version: str, method: str | None, location: str | None) -> dict[str, str]:
    """What made an image, from what: the name of the source alone, for a path or a URL can hold secrets.

    Examples
    --------
    >>> creator("1.0", "mean", "https://user:word@host/a/cells.tif?token=1")
    {'name': 'ome-pyramid', 'version': '1.0', 'method': 'mean', 'source': 'cells.tif'}
    """
    told = {"name": "ome-pyramid", "version": version}
    if method is not None:
        told["method"] = method
    if location is not None:
        path = urlsplit(location).path if "://" in location else location
        told["source"] = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return told
