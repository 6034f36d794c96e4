"""The metadata of OME-Zarr: pure, from dataclasses to JSON and back.

`FORMATS` alone chooses between versions. What they share is in the modules beside, what sets one apart is in a module
of its own; another version is one more module and one more line in the table. Groups that hold images, as plates do,
are told alike in all versions (`pyramid.ngff.groups`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyramid.errors import OptionError, SourceError
from pyramid.ngff import v01, v02, v03, v04, v05, v06
from pyramid.ngff.channels import omero_channels
from pyramid.ngff.groups import (
    Acquisition,
    Field,
    Group,
    Labels,
    Plate,
    PlateWell,
    Series,
    Well,
    read_group,
    read_paths,
)
from pyramid.ngff.metadata import (
    Attributes,
    CoordinateSystem,
    Dataset,
    LabelFacts,
    Multiscale,
    OmeroChannel,
    Version,
    Window,
)
from pyramid.ngff.reading import first_image, is_family
from pyramid.ngff.values import shown

__all__ = [
    "FORMATS",
    "WRITABLE",
    "Acquisition",
    "CoordinateSystem",
    "Dataset",
    "Field",
    "Group",
    "LabelFacts",
    "Labels",
    "Multiscale",
    "OmeroChannel",
    "Plate",
    "PlateWell",
    "Series",
    "Version",
    "Well",
    "Window",
    "attributes",
    "creator",
    "omero_channels",
    "parse",
    "parse_group",
    "parse_versioned",
    "read_paths",
    "said_version",
]

_MODULES = (v01, v02, v03, v04, v05, v06)
FORMATS: Mapping[str, Version] = {module.VERSION.name: module.VERSION for module in _MODULES}
WRITABLE = tuple(name for name, version in FORMATS.items() if version.write is not None)


def attributes(image: Multiscale, version: str) -> dict[str, Any]:
    """The attributes of the image's group, ready for JSON.

    Raises
    ------
    OptionError
        Where there is no such version, or it is only read.

    Examples
    --------
    >>> image = Multiscale("yx", (None, None), (Dataset("0", (1.0, 1.0), None),), name="cells")
    >>> list(attributes(image, "0.4")), list(attributes(image, "0.5"))
    (['multiscales'], ['ome'])
    """
    write = FORMATS[version].write if version in FORMATS else None
    if write is None:
        raise OptionError(f"there is no OME-Zarr version {version!r} to write; it is one of: {', '.join(WRITABLE)}")
    return write(image)


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
    if "multiscales" not in _content(attributes)[0]:
        raise SourceError("there are no multiscales among its attributes, so it is no OME-Zarr image")
    raise _unread(said_version(attributes))


def parse_group(attributes: Attributes) -> tuple[str | None, Group] | None:
    """The version, None where it is not told, and the metadata of a group that holds images; None for all others.

    Raises
    ------
    SourceError
        Where it is of another version than those of `FORMATS`, or with the place of what is broken.

    Examples
    --------
    >>> parse_group({"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    ('0.5', Series(paths=None))
    """
    content, prefix = _content(attributes)
    group = read_group(content, prefix)
    if group is None:
        return None
    said = said_version(attributes)
    family = next((name for name in FORMATS if is_family(said, name)), None)
    if said is not None and family is None:
        raise _unread(said)
    return family, group


def said_version(attributes: Attributes) -> object:
    """The version as it is told, wherever the versions have it; None where it is not.

    Examples
    --------
    >>> said_version({"multiscales": [{"version": "0.4-dev-spatialdata"}]}), said_version({"plate": {"version": "0.2"}})
    ('0.4-dev-spatialdata', '0.2')
    """
    content, _ = _content(attributes)
    holders = (content, first_image(content), content.get("plate"), content.get("well"))
    told = (holder.get("version") for holder in holders if isinstance(holder, Mapping))
    return next((version for version in told if version is not None), None)


def _content(attributes: Attributes) -> tuple[Attributes, str]:
    """What holds the keys of OME-Zarr, and what their places begin with."""
    ome = attributes.get("ome")
    return (ome, "ome.") if isinstance(ome, Mapping) else (attributes, "")


def _unread(said: object) -> SourceError:
    return SourceError(f"it is of OME-Zarr version {shown(said)}; those read here are: {', '.join(FORMATS)}")


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
