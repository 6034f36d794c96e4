"""OME-Zarr 0.6: as 0.5, but with axes in named coordinate systems.

Each level has one transformation into one of them. Transformations between coordinate systems move no level, and are
not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyramid.ngff.v05 as v05
from pyramid.errors import SourceError, short_repr
from pyramid.ngff.frames import Frame, read_axes
from pyramid.ngff.metadata import Attributes, CoordinateSystem, Multiscale
from pyramid.ngff.transforms import Placement, read_list
from pyramid.ngff.values import items, mapping, objects, text
from pyramid.ngff.writing import make_content

NAME = "0.6"
# Name of the coordinate system that is written: that of the sizes of pixels.
PHYSICAL = "physical"
# The most coordinate systems that are read: metadata comes from anyone.
MAX_SYSTEMS = 1000


def _frame(first: Attributes, place: str) -> Frame:
    """Return the axes of the coordinate system that the first level is transformed to."""
    here = f"{place}.coordinateSystems"
    listed = list(objects(first.get("coordinateSystems"), here, MAX_SYSTEMS))
    systems = [_read_system(*item) for item in listed]
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise SourceError(f"{here}: two coordinate systems have the same name; each must have one of its own")
    level = next(objects(first.get("datasets"), f"{place}.datasets"))
    chosen = _output(*_transform_of(*level), names)
    axes, units = read_axes(listed[chosen][0].get("axes"), f"{here}[{chosen}].axes")
    ordered = (systems[chosen], *systems[:chosen], *systems[chosen + 1 :])
    return Frame(axes, units, systems=ordered, unread=_between_systems(first, place))


def _read_system(system: Attributes, place: str) -> CoordinateSystem:
    name = text(system.get("name"))
    if not name:
        raise SourceError(f"{place}.name: a coordinate system has a name, not {short_repr(system.get('name'))}")
    axes = [axis for axis, _ in objects(system.get("axes"), f"{place}.axes", 5)]
    return CoordinateSystem(
        name,
        tuple((text(axis.get("name")) or "")[:80] for axis in axes),
        tuple(text(axis.get("unit")) for axis in axes),
    )


def _transform_of(dataset: Attributes, place: str) -> tuple[Attributes, str]:
    """Return the one transformation of a level, and its place."""
    place = f"{place}.coordinateTransformations"
    return mapping(items(dataset.get("coordinateTransformations"), place, 1)[0], f"{place}[0]"), f"{place}[0]"


def _output(transform: Attributes, place: str, names: list[str]) -> int:
    """Return the number of the coordinate system that a transformation leads to.

    Drafts of 0.6 give only its name, without an object around it.
    """
    output = transform.get("output")
    name = output.get("name") if isinstance(output, Mapping) else output
    if name not in names:
        raise SourceError(
            f"{place}.output: {short_repr(output)} is not one of the coordinate systems {short_repr(names)}"
        )
    return names.index(name)


def _placement(dataset: Attributes, frame: Frame, place: str) -> Placement:
    transform, here = _transform_of(dataset, place)
    if _output(transform, here, [system.name for system in frame.systems]) != 0:
        raise SourceError(f"{here}.output: all levels of an image must be in one coordinate system")
    placed = read_list([transform], frame.axes, here.removesuffix("[0]"))
    if not placed.has_scale and placed.whole and transform.get("type") != "identity":
        return replace(placed, unread=(*placed.unread, f"{here}: the scale is missing"))
    return replace(placed, has_scale=placed.has_scale or placed.whole)


def _between_systems(first: Attributes, place: str) -> tuple[str, ...]:
    """Return the places of transformations between coordinate systems."""
    outer = first.get("coordinateTransformations")
    moves = outer if isinstance(outer, list | tuple) else [] if outer is None else [outer]
    return tuple(f"{place}.coordinateTransformations[{i}]" for i in range(min(len(moves), MAX_SYSTEMS)))


def _write(image: Multiscale) -> dict[str, Any]:
    content = make_content(image, {})
    multiscale = content["multiscales"][0]
    multiscale["coordinateSystems"] = [{"name": PHYSICAL, "axes": multiscale.pop("axes")}]
    for dataset in multiscale["datasets"]:
        moves = dataset["coordinateTransformations"]
        whole = moves[0] if len(moves) == 1 else {"type": "sequence", "transformations": moves}
        ends = {"input": {"path": dataset["path"]}, "output": {"name": PHYSICAL}}
        dataset["coordinateTransformations"] = [{**whole, **ends}]
    return {"ome": {"version": NAME, **content}}


VERSION = replace(
    v05.VERSION,
    name=NAME,
    recognizes=lambda first: "coordinateSystems" in first,
    frame=_frame,
    placement=_placement,
    write=_write,
)
