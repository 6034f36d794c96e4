"""Attributes of a group in the next version of OME-Zarr, by one function a step.

Each function changes what is of the version before it, and returns all else as it is. So it may be called again on what
it made, and keys of other programs survive.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from pyramid.editing.arrays import NeedsConversionError
from pyramid.editing.placing import check_simple, place_levels
from pyramid.errors import SourceError
from pyramid.model import Shape
from pyramid.ngff import Plate, parse_group, parse_versioned, v04, v05, v06
from pyramid.ngff.metadata import Dataset, Multiscale
from pyramid.ngff.values import mapping_or_empty, mappings
from pyramid.ngff.writing import make_axis

Document: TypeAlias = dict[str, Any]
# Gives the shape of a level by its path below the group.
Shapes: TypeAlias = Callable[[str], Shape]

# The keys of OME-Zarr that are below ``ome`` from 0.5 on.
OME_KEYS = (
    *("multiscales", "omero", "labels", "image-label", "plate", "well", "bioformats2raw.layout", "series", "_creator"),
)
# Objects that carry a version of their own up to 0.4.
_STAMPED = ("omero", "image-label", "plate", "well")


def to_04(attributes: Mapping[str, Any], shapes: Shapes) -> Document:
    """Return the attributes of 0.1 to 0.3 as those of 0.4.

    A level has the factor to level 0 that their shapes have; where it is placed is not known, and not written.
    """
    document = copy.deepcopy(dict(attributes))
    if "ome" in document:
        return document
    if "multiscales" in document:
        version, image = parse_versioned(document)
        if version.name >= v04.NAME:
            return document
        item = document["multiscales"][0]
        item["axes"] = [make_axis(letter, None) for letter in image.axes]
        place_levels(item, _with_factors(image, shapes), None)
        item["version"] = v04.NAME
    if "plate" in document:
        _index_wells(document)
    for key in _STAMPED:
        if isinstance(document.get(key), dict) and "version" in document[key]:
            document[key]["version"] = v04.NAME
    return document


def _with_factors(image: Multiscale, shapes: Shapes) -> Multiscale:
    first = shapes(image.datasets[0].path)
    levels = []
    for level in image.datasets:
        pairs = zip(first, shapes(level.path), strict=True)
        levels.append(Dataset(level.path, tuple(_factor(whole, reduced) for whole, reduced in pairs), None))
    return replace(image, datasets=tuple(levels))


def _factor(whole: int, reduced: int) -> float:
    """Return the factor between two extents: a whole number where one gives them.

    Examples
    --------
    >>> _factor(301, 150), _factor(301, 151), _factor(10, 4)
    (2.0, 2.0, 2.5)
    """
    nearest = round(whole / max(reduced, 1))
    fits = nearest and reduced in (whole // nearest, -(-whole // nearest))
    return float(nearest) if fits else whole / max(reduced, 1)


def _index_wells(document: Document) -> None:
    """Write the row and column of each well, as 0.4 wants them."""
    found = parse_group(document)
    if found is None or not isinstance(found[1], Plate):
        return
    for item, well in zip(document["plate"]["wells"], found[1].wells, strict=True):
        if well.row is None or well.column is None:
            raise SourceError(f"plate: the path of well {well.path!r} does not name a row and a column of the plate")
        item |= {"rowIndex": well.row, "columnIndex": well.column}


def to_05(attributes: Mapping[str, Any], _shapes: Shapes) -> Document:
    """Return the attributes of 0.4 as those of 0.5, with all its keys under ``ome``."""
    document = copy.deepcopy(dict(attributes))
    if "ome" in document or not any(key in document for key in OME_KEYS):
        return document
    content = {key: document.pop(key) for key in OME_KEYS if key in document}
    _restamp(content, v05.NAME)
    return {"ome": {"version": v05.NAME, **content}, **document}


def _restamp(content: Document, version: str) -> None:
    """Remove versions below ``ome``, but for plates and wells, which have their own."""
    for holder in (*mappings(content.get("multiscales")), *(content.get(key) for key in _STAMPED)):
        if isinstance(holder, dict):
            holder.pop("version", None)
    for key in ("plate", "well"):
        if isinstance(content.get(key), dict):
            content[key]["version"] = version


def to_06(attributes: Mapping[str, Any], _shapes: Shapes) -> Document:
    """Return the attributes of 0.5 as those of 0.6, with axes in a coordinate system."""
    document = copy.deepcopy(dict(attributes))
    ome = document.get("ome")
    if not isinstance(ome, dict) or "coordinateSystems" in (mappings(ome.get("multiscales")) or [{}])[0]:
        return document
    if "multiscales" in ome:
        _, image = parse_versioned(document)
        item = ome["multiscales"][0]
        check_simple(item, image)
        item.pop("coordinateTransformations", None)  # those of all levels are in each level's now
        item["coordinateSystems"] = [{"name": v06.PHYSICAL, "axes": item.pop("axes")}]
        place_levels(item, image, v06.PHYSICAL)
    _restamp(ome, v06.NAME)
    ome["version"] = v06.NAME
    return document


STEPS: Mapping[str, Callable[[Mapping[str, Any], Shapes], Document]] = {
    v04.NAME: to_04,
    v05.NAME: to_05,
    v06.NAME: to_06,
}


def upgrade_attributes(attributes: Mapping[str, Any], target: str, shapes: Shapes) -> Document:
    """Return a group's attributes in a later version, each level placed as before.

    Raises
    ------
    NeedsConversionError
        If they hold what the version cannot say.
    SourceError
        If they are broken.
    """
    before = _image(attributes)
    if before is not None and len(mappings(mapping_or_empty(attributes.get("ome", attributes))["multiscales"])) > 1:
        raise SourceError("multiscales: it lists several images, of which only the first is read; keep one")
    after = dict(attributes)
    for name, step in STEPS.items():
        if name <= target:
            after = step(after, shapes)
    seen = _image(after)
    if before is not None and (seen is None or not _same(before, seen)):
        raise NeedsConversionError("its transformations cannot be written in the new version without loss")
    return after


def _image(attributes: Mapping[str, Any]) -> Multiscale | None:
    content = mapping_or_empty(attributes.get("ome", attributes))
    return parse_versioned(attributes)[1] if "multiscales" in content else None


def _same(one: Multiscale, other: Multiscale) -> bool:
    """Return whether two versions of an image agree in all that both give."""
    pairs = list(zip(one.datasets, other.datasets, strict=True))
    return (one.axes, one.name, one.channels, len(one.datasets)) == (
        other.axes,
        other.name,
        other.channels,
        len(other.datasets),
    ) and all(a.path == b.path and a.scale in (None, b.scale) and _at(a) == _at(b) for a, b in pairs)


def _at(level: Dataset) -> tuple[float, ...]:
    """Return the translation of a level, empty where it is none or zero."""
    return level.translation if level.translation and any(level.translation) else ()
