"""The metadata of OME-Zarr, from dataclasses to JSON and back.

Only `FORMATS` chooses between versions. Each version has a module for its differences; the other modules hold the
common parts. A further version is one more module and one more line in the table. Groups that hold images, as plates
do, are described alike in all versions (`pyramid.ngff.groups`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.ngff import n5, v01, v02, v03, v04, v05, v06
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
    Window,
    ome_content,
)
from pyramid.ngff.values import mapping_or_empty
from pyramid.ngff.version import Version, first_image

__all__ = [
    "FORMATS",
    "PROGRAM",
    "VERSIONS",
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
    "given_version",
    "last_name",
    "omero_channels",
    "parse",
    "parse_group",
    "parse_versioned",
    "read_paths",
]

# One module for each version, the earliest first, and one for N5.
_MODULES = (v01, v02, v03, v04, v05, v06, n5)
FORMATS: Mapping[str, Version] = {module.VERSION.name: module.VERSION for module in _MODULES}
# The name of this program in the metadata of what it wrote.
PROGRAM = "ome-pyramid"
# The versions of OME-Zarr.
VERSIONS = tuple(name for name, form in FORMATS.items() if form is not n5.VERSION)
WRITABLE = tuple(name for name in VERSIONS if FORMATS[name].write is not None)


def attributes(image: Multiscale, version: str) -> dict[str, Any]:
    """Return the attributes of an image's group, ready for JSON.

    Raises
    ------
    OptionError
        If the version does not exist, or can only be read.

    Examples
    --------
    >>> image = Multiscale("yx", (None, None), (Dataset("0", (1.0, 1.0), None),), name="cells")
    >>> list(attributes(image, "0.4")), list(attributes(image, "0.5"))
    (['multiscales'], ['ome'])
    """
    write = FORMATS[version].write if version in FORMATS else None
    if write is None:
        raise OptionError(f"OME-Zarr version {version!r} cannot be written; give one of: {', '.join(WRITABLE)}")
    return write(image)


def parse(attributes: Attributes) -> Multiscale:
    """Parse the attributes of an image's group, in any version of `FORMATS`.

    Raises
    ------
    SourceError
        If they are not those of an image, of another version, or broken; the error names the place.
    """
    return parse_versioned(attributes)[1]


def parse_versioned(attributes: Attributes) -> tuple[Version, Multiscale]:
    """Return the version of an image's attributes, and the metadata as from `parse`."""
    for version in FORMATS.values():
        image = version.read(attributes)
        if image is not None:
            return version, image
    if "multiscales" not in ome_content(attributes)[0]:
        raise SourceError("its attributes have no multiscales")
    raise _unread(given_version(attributes))


def parse_group(attributes: Attributes) -> tuple[str | None, Group] | None:
    """Parse the attributes of a group that holds images, as a plate does.

    Returns
    -------
    tuple or None
        The version (None where it is not given) and the metadata; None for any other group.

    Raises
    ------
    SourceError
        If the version is not in `FORMATS`, or the metadata is broken; the error names the place.

    Examples
    --------
    >>> parse_group({"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    ('0.5', Series(paths=None))
    """
    group = read_group(*ome_content(attributes))
    if group is None:
        return None
    given = given_version(attributes)
    family = next((name for name, version in FORMATS.items() if version.belongs(given)), None)
    if given is not None and family is None:
        raise _unread(given)
    return family, group


def given_version(attributes: Attributes) -> object:
    """Return the version in the attributes, wherever OME-Zarr's versions write it.

    It is None where it is missing.

    Examples
    --------
    >>> given_version({"multiscales": [{"version": "0.4-dev-spatialdata"}]})
    '0.4-dev-spatialdata'
    >>> given_version({"plate": {"version": "0.2"}})
    '0.2'
    """
    content, _ = ome_content(attributes)
    holders = (content, first_image(content), content.get("plate"), content.get("well"))
    given = (mapping_or_empty(holder).get("version") for holder in holders)
    return next((version for version in given if version is not None), None)


def _unread(given: object) -> SourceError:
    return SourceError(f"it is of OME-Zarr version {short_repr(given)}; those read here are: {', '.join(VERSIONS)}")


def creator(
    version: str, method: str | None, location: str | None, *, skip_empty: bool = False
) -> dict[str, str | bool]:
    """Return the provenance of an image: program, method and the source's name.

    Only the last part of the source's path or URL is kept, for the rest can hold secrets. `skip_empty` is named where
    it is set: objects may then be missing, and otherwise none may.

    Examples
    --------
    >>> creator("1.0", "mean", "https://user:word@host/a/cells.tif?token=1")
    {'name': 'ome-pyramid', 'version': '1.0', 'method': 'mean', 'source': 'cells.tif'}
    """
    provenance: dict[str, str | bool] = {"name": PROGRAM, "version": version}
    if method is not None:
        provenance["method"] = method
    if location is not None:
        provenance["source"] = last_name(location)
    if skip_empty:
        provenance["skip_empty"] = True
    return provenance


def last_name(location: str) -> str:
    """Return the last part of a path or URL.

    Examples
    --------
    >>> last_name("s3://bucket/cells/")
    'cells'
    """
    path = urlsplit(location).path if "://" in location else location
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
