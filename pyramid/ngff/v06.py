"""OME-Zarr 0.6: as 0.5, but with axes in named coordinate systems.

Each level has one transformation into one of them. Transformations between coordinate systems move no level, and are
not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyramid.errors import SourceError
from pyramid.ngff import v05
from pyramid.ngff.metadata import Attributes, CoordinateSystem, Multiscale
from pyramid.ngff.reading import Frame, Layout, read_axes, read_below_ome
from pyramid.ngff.transforms import Placement, nowhere, read_list
from pyramid.ngff.values import items, mapping, shown, text

NAME = "0.6"
# The most coordinate systems that are read: metadata comes from anyone.
MAX_SYSTEMS = 1000


def _frame(first: Attributes, place: str) -> Frame:
    """Return the axes of the coordinate system that the first level is transformed to."""
    here = f"{place}.coordinateSystems"
    listed = [
        mapping(item, f"{here}[{i}]") for i, item in enumerate(items(first.get("coordinateSystems"), here, MAX_SYSTEMS))
    ]
    systems = [_read_system(item, f"{here}[{i}]") for i, item in enumerate(listed)]
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise SourceError(f"{here}: two coordinate systems have the same name; each must have one of its own")
    level, where = _only_transform(first.get("datasets"), f"{place}.datasets")
    chosen = _output(level, names, where)
    axes, units = read_axes(listed[chosen].get("axes"), f"{here}[{chosen}].axes")
    ordered = (systems[chosen], *systems[:chosen], *systems[chosen + 1 :])
    return Frame(axes, units, nowhere(len(axes)), ordered, _leads_on(first, place))


def _read_system(system: Attributes, place: str) -> CoordinateSystem:
    name = text(system.get("name"))
    if not name:
        raise SourceError(f"{place}.name: a coordinate system has a name, not {shown(system.get('name'))}")
    axes = [mapping(axis, f"{place}.axes[{i}]") for i, axis in enumerate(items(system.get("axes"), f"{place}.axes", 5))]
    return CoordinateSystem(
        name,
        tuple((text(axis.get("name")) or "")[:80] for axis in axes),
        tuple(text(axis.get("unit")) for axis in axes),
    )


def _only_transform(datasets: object, place: str) -> tuple[Attributes, str]:
    """Return the transformation of the first level, and its place."""
    first = mapping(items(datasets, place)[0], f"{place}[0]")
    return _transform_of(first, f"{place}[0]")


def _transform_of(dataset: Attributes, place: str) -> tuple[Attributes, str]:
    """Return the one transformation of a level, and its place."""
    place = f"{place}.coordinateTransformations"
    return mapping(items(dataset.get("coordinateTransformations"), place, 1)[0], f"{place}[0]"), f"{place}[0]"


def _output(transform: Attributes, names: list[str], place: str) -> int:
    """Return the number of the coordinate system that a transformation leads to.

    Drafts of 0.6 give only its name, without an object around it.
    """
    output = transform.get("output")
    name = output.get("name") if isinstance(output, Mapping) else output
    if name not in names:
        raise SourceError(f"{place}.output: {shown(output)} is not one of the coordinate systems {shown(names)}")
    return names.index(name)


def _placement(dataset: Attributes, frame: Frame, place: str) -> Placement:
    transform, here = _transform_of(dataset, place)
    if _output(transform, [system.name for system in frame.systems], here) != 0:
        raise SourceError(f"{here}.output: all levels of an image must be in one coordinate system")
    placed = read_list([transform], frame.axes, here.removesuffix("[0]"))
    if not placed.has_scale and placed.whole and transform.get("type") != "identity":
        return replace(placed, unread=(*placed.unread, f"{here}: the scale is missing"))
    return replace(placed, has_scale=placed.has_scale or placed.whole)


def _leads_on(first: Attributes, place: str) -> tuple[str, ...]:
    """Return the places of transformations between coordinate systems."""
    outer = first.get("coordinateTransformations")
    moves = outer if isinstance(outer, list | tuple) else [] if outer is None else [outer]
    return tuple(f"{place}.coordinateTransformations[{i}]" for i in range(min(len(moves), MAX_SYSTEMS)))


def _read(attributes: Attributes) -> Multiscale | None:
    return read_below_ome(attributes, NAME, Layout(_frame, _placement), lambda first: "coordinateSystems" in first)


VERSION = replace(v05.VERSION, name=NAME, write=None, read=_read)
