"""The level 0 that levels are added to: its array and its group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyramid.errors import SourceError, StorageError, TargetError, short_repr
from pyramid.hierarchy.arrays import ArrayFacts, read_facts
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.hierarchy.unfinished import check_finished
from pyramid.ngff import FORMATS, WRITABLE, Multiscale, parse_group, parse_versioned
from pyramid.options.format import N5_ENDING
from pyramid.readers.diagnosis import sources_within
from pyramid.readers.zarr.at_url import Hierarchy
from pyramid.readers.zarr.found import FoundArray
from pyramid.readers.zarr.image import largest_first, members_remedy
from pyramid.stores import Location, Readable, locate, open_objects
from pyramid.writing.claims import check_no_run, check_no_run_around

# Version of the metadata that is written to a group without any, by the format of its arrays.
_NEW_VERSIONS = {2: "0.4", 3: "0.5", "n5": "n5"}
_CONVERT = "pyramid convert writes it with levels, to another target"


@dataclass(frozen=True)
class Base:
    """A level 0, and its group.

    Parameters
    ----------
    url
        URL of the group.
    group
        Its node; None for a group of N5 without a document.
    path
        Path of level 0 in the group.
    version
        Name of the version of the group's metadata, or of that which is to be written.
    image
        The image that the group is; None where the group has no ``multiscales``.
    array, facts
        Its array as it is read, and as its document describes it.
    """

    url: str
    group: Node | None
    path: str
    version: str
    image: Multiscale | None
    array: FoundArray
    facts: ArrayFacts

    @property
    def location(self) -> Location:
        """The place of the group."""
        return locate(self.url)

    @property
    def old_paths(self) -> tuple[str, ...]:
        """The paths of the levels after level 0 that the image has."""
        return () if self.image is None else tuple(dataset.path for dataset in self.image.datasets[1:])


@dataclass(frozen=True, slots=True)
class _Place:
    """The URL of a group, and the options of its store."""

    url: str
    storage_options: Mapping[str, Any] | None


def find_base(url: str, storage_options: Mapping[str, Any] | None) -> Base:
    """Find the level 0 at a URL, that of an image or an array in a group.

    Raises
    ------
    SourceError
        If nothing is there that levels can be added to.
    TargetError
        If the place cannot be written to, or is being written.
    """
    location = locate(url)
    _check_place(location)
    check_no_run_around(location)
    with _naming(location):
        objects = open_objects(url, storage_options)
        check_no_run(objects)
        node = read_node(objects)
        if node is None:
            raise SourceError(f"{location} does not exist, or is neither a Zarr nor an N5; check the path")
        check_finished(node)
        if node.array is None:
            return _of_image(_Place(url, storage_options), node)
        return _of_array(location, storage_options, node)


def _check_place(location: Location) -> None:
    if location.scheme in ("http", "https"):
        raise TargetError(f"{location}: cannot write to http(s) URLs; download it first, and give the copy")
    if location.archive is not None:
        raise TargetError(f"{location} is one file, which is not changed in place; unpack it, and pack it again after")


def _of_image(place: _Place, node: Node) -> Base:
    where = str(locate(place.url))
    try:
        version, image = parse_versioned(node.attributes)
    except SourceError as error:
        within = sources_within(Path(where))
        remedy = f"; name an image or an array in it, as {where}/{within[0] if within else '0'}"
        instead = members_remedy(node.attributes, where, "is given levels")
        raise SourceError(instead or f"{where} is not an image: {error}{remedy}") from error
    if version.name not in (*WRITABLE, "n5"):
        raise SourceError(f"{where} is of version {version.name}, which is only read; upgrade it first")
    if largest_first(image) is not image:
        raise SourceError(f"{where}: its levels are not listed from the largest on; {_CONVERT}")
    return _found(place, node, image.datasets[0].path, version.name, image)


def _of_array(location: Location, storage_options: Mapping[str, Any] | None, node: Node) -> Base:
    parent, _, name = location.path.rstrip("/").rpartition("/")
    above = replace(location, path=parent)
    lonely = f"{location} is an array in no group, and levels cannot be within an array; {_CONVERT}"
    if not name or (location.is_local and not parent):
        raise SourceError(lonely)
    objects = open_objects(above.address, storage_options)
    check_no_run(objects)
    group = read_node(objects, "", node.zarr_format, "group")
    in_n5 = node.zarr_format == "n5" and any(part.lower().endswith(N5_ENDING) for part in parent.split("/"))
    if group is None and not in_n5:
        raise SourceError(lonely)
    if group is not None:
        check_finished(group)
        _check_free_group(group, str(above), name)
    return _found(_Place(above.address, storage_options), group, name, _NEW_VERSIONS[node.zarr_format], None)


def _check_free_group(group: Node, where: str, name: str) -> None:
    """Raise SourceError for a group that is an image or a collection already."""
    if "multiscales" in group.ome:
        raise SourceError(f"{where}/{name} is in an image, whose levels are made from its level 0; give {where}")
    if parse_group(group.attributes) is not None:
        raise SourceError(f"{where} is a collection of images, and {name} in it is none of them; {_CONVERT}")


def _found(place: _Place, group: Node | None, path: str, version: str, image: Multiscale | None) -> Base:
    objects = Readable(open_objects(place.url, place.storage_options))
    form = FORMATS[version].zarr_format
    if group is not None and group.zarr_format != form:
        raise SourceError(f"its metadata is of version {version}, which has no arrays of Zarr {group.zarr_format}")
    node = read_node(objects, path, form, "array")
    if node is None:
        raise SourceError(f"its level 0, {short_repr(path)}, does not exist; nothing can be made of it")
    root = group if group is not None else Node("", form, {}, None, {})
    array = Hierarchy(place.url, place.storage_options, root, objects).find(path)
    return Base(place.url, group, path, version, image, array, read_facts(node))


@contextmanager
def _naming(location: Location) -> Iterator[None]:
    """Name the place in errors of reading."""
    try:
        yield
    except StorageError as error:
        raise SourceError(f"{location} cannot be read: {error}") from error
    except SourceError as error:
        if str(location) not in str(error) and str(location).rpartition("/")[0] not in str(error):
            raise SourceError(f"{location}: {error}") from error
        raise
