"""A rule of OME-Zarr as one row of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pyramid.model import Shape, StoreFormat
from pyramid.ngff import VERSIONS
from pyramid.ngff.values import list_or_empty, mapping_or_empty

Level = Literal["error", "warning", "advice"]
# The specification's pages.
_PAGES = {"0.6": "https://ngff.openmicroscopy.org/specifications/0.6/index.html"}
_PAGE = "https://ngff.openmicroscopy.org/{version}/index.html"
# Sections that have another name in a version, or that it does not have: then the paragraph that says the same.
_OLDER = {"storage-format": "on-disk", "bf2raw": "https://ngff.openmicroscopy.org/0.4/index.html#bf2raw"}
_RENAMED = {
    **dict.fromkeys(("0.1", "0.2"), _OLDER),
    "0.3": {**_OLDER, "axes-md": "multiscale-md"},  # axes are a paragraph of their own from 0.4 on
    "0.4": {"storage-format": "on-disk"},
    "0.6": {
        "multiscale-md": "multiscales-md",
        "trafo-md": "coord-trafo-md",
        "axes-md": "axes-metadata",
        "image-layout": "images",
    },
}
# The specification of Zarr, for rules that are its own.
ZARR_PAGE = "https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html"
# The keys of a group, one of which it must have.
KEYS = ("multiscales", "plate", "well", "labels", "image-label", "bioformats2raw.layout", "series", "scene")


class Breach(NamedTuple):
    """A place where a rule is broken, how, and the remedy if it has its own."""

    place: str
    message: str
    remedy: str = ""


class LevelArray(NamedTuple):
    """An array of an image, as far as its document can be read.

    `path` is below the URL. `place` and `dataset` are the place and the item of the metadata that name it. Shapes are
    in pixels, `itemsize` in bytes. `separator` is the text between the indices of its keys.
    """

    path: str
    place: str
    dataset: Mapping[str, Any]
    shape: Shape
    chunks: Shape
    shards: Shape | None
    dtype: str
    itemsize: int
    separator: str
    document: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Document:
    """The metadata of one group, and what its rules need to know of its surroundings.

    Parameters
    ----------
    path
        Path of the group below the URL.
    version
        The version whose rules hold, one of `VERSIONS`.
    content
        The keys of OME-Zarr: the attributes, or those under ``ome``.
    prefix
        The place of `content` in the attributes, as ``"ome."``.
    zarr_format
        The Zarr format of the group, 2 or 3.
    levels
        For each item of ``multiscales``, the arrays that can be read; empty where only metadata is validated.
    """

    path: str
    version: str
    content: Mapping[str, Any]
    prefix: str
    zarr_format: StoreFormat
    levels: tuple[tuple[LevelArray, ...], ...] = ()

    def images(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the items of ``multiscales`` that are objects, with their places."""
        return objects_at(self.content.get("multiscales"), f"{self.prefix}multiscales")


Check = Callable[[Document], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Parameters
    ----------
    id
        Its name, which stays the same from release to release.
    level
        ``"error"`` for a MUST, ``"warning"`` for a SHOULD, ``"advice"`` for what viewers and stores suffer from.
    section
        The section of the specification, or a whole URL.
    check
        From a document to the places where the rule is broken.
    since, until
        The first and the last version that has the rule.
    remedy
        What repairs it.
    """

    id: str
    level: Level
    section: str
    check: Check
    since: str = VERSIONS[0]
    until: str = VERSIONS[-1]
    remedy: str = "correct it in the metadata"

    def holds(self, version: str) -> bool:
        """Return whether a version has the rule."""
        return VERSIONS.index(self.since) <= VERSIONS.index(version) <= VERSIONS.index(self.until)

    def link(self, version: str) -> str:
        """Return the URL of the paragraph.

        Examples
        --------
        >>> Rule("path", "error", "multiscale-md", lambda document: ()).link("0.4")
        'https://ngff.openmicroscopy.org/0.4/index.html#multiscale-md'
        """
        return link(version, self.section)


def link(version: str, section: str) -> str:
    """Return the URL of a section in the specification of a version."""
    name = _RENAMED.get(version, {}).get(section, section)
    if name.startswith("https:"):
        return name
    return f"{_PAGES.get(version, _PAGE.format(version=version))}#{name}"


def objects_at(value: object, place: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the items of a list that are objects, each with its place.

    Examples
    --------
    >>> objects_at([{}, 3, {"a": 1}], "wells")
    [('wells[0]', {}), ('wells[2]', {'a': 1})]
    """
    items = enumerate(list_or_empty(value))
    return [(f"{place}[{i}]", item) for i, item in items if isinstance(item, Mapping)]


def axes_of(image: Mapping[str, Any], place: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the axes of an item of ``multiscales``, as objects with their places.

    Those of 0.6 are in the coordinate system that the levels have in common, and those of 0.3 are names.
    """
    if "coordinateSystems" in image:
        systems = objects_at(image["coordinateSystems"], f"{place}.coordinateSystems")
        names = {_output(dataset) for _, dataset in objects_at(image.get("datasets"), "")}
        chosen = [(where, system) for where, system in systems if _is_one_of(system.get("name"), names)] or systems[-1:]
        where, system = chosen[0] if chosen else ("", {})
        return objects_at(system.get("axes"), f"{where}.axes")
    names_or_objects = list_or_empty(image.get("axes"))
    return [
        (f"{place}.axes[{i}]", {"name": axis} if isinstance(axis, str) else axis)
        for i, axis in enumerate(names_or_objects)
        if isinstance(axis, str | Mapping)
    ]


def _is_one_of(name: object, names: set[str | None]) -> bool:
    return isinstance(name, str) and name in names


def _output(dataset: Mapping[str, Any]) -> str | None:
    """Return the name of the coordinate system to which a level is placed."""
    first = mapping_or_empty(next(iter(list_or_empty(dataset.get("coordinateTransformations"))), None))
    output = first.get("output")
    name = output.get("name") if isinstance(output, Mapping) else output
    return name if isinstance(name, str) else None
