"""The documents of a plate: its own, and those of its rows and wells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pyramid.hierarchy.documents import ATTRIBUTE_KEYS, group_documents
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.ngff.groups import LAYOUT_KEY, Acquisition, Field, Plate, PlateWell, Well, read_group
from pyramid.ngff.version import Version
from pyramid.ngff.writing_groups import layout_attributes, plate_attributes, well_attributes
from pyramid.readers.patterns.values import natural_key
from pyramid.stores import Objects
from pyramid.writing.ome_group import ome_documents


class Placed(Protocol):
    """An image by its place on a plate."""

    @property
    def row(self) -> str:
        """Name of the row."""
        ...

    @property
    def column(self) -> str:
        """Name of the column."""
        ...

    @property
    def path(self) -> str:
        """Its path below the plate."""
        ...

    @property
    def acquisition(self) -> int | None:
        """The number of the pass over the plate."""
        ...


@dataclass(frozen=True, slots=True)
class PlateLayout:
    """A plate as it is described besides its images.

    Parameters
    ----------
    name
        Its name; empty where it has none.
    rows, columns
        The names of all rows and columns, in order; empty for those that images are in.
    acquisitions
        Name by number.
    other_name
        The name of a plate without one.
    """

    name: str = ""
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    acquisitions: Mapping[int, str] | None = None
    other_name: str = ""


def plate_documents(
    version: Version, images: Sequence[Placed], layout: PlateLayout, xml: bytes | None
) -> Callable[[Objects, Node | None], tuple[Mapping[str, bytes], Mapping[str, Any]]]:
    """Return the function that makes the documents of a plate."""

    def documents(objects: Objects, before: Node | None) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
        old = None if before is None else read_group(before.ome, "")
        wells = _wells(objects, images, old if isinstance(old, Plate) else None)
        plate = _plate(wells, images, layout, old if isinstance(old, Plate) else None)
        found = ome_documents(version, xml)
        for row in {path.partition("/")[0] for path in wells}:
            found |= _new(objects, row, version)
        for path, well in wells.items():
            found |= _below(path, version, well_attributes(version, well))
        return found, _root(version, plate, before, has_xml=xml is not None)

    return documents


def _root(version: Version, plate: Plate, before: Node | None, *, has_xml: bool) -> dict[str, Any]:
    """Return the attributes of the plate, with those of others that it had before."""
    made = plate_attributes(version, plate)
    kept = {} if before is None else dict(before.attributes)
    extra = layout_attributes(version) if has_xml or (before is not None and LAYOUT_KEY in before.ome) else {}
    if version.below_ome:
        return {**kept, "ome": {**dict(kept.get("ome", {})), **made["ome"], **extra.get("ome", {})}}
    return {**kept, **made, **extra}


def _wells(objects: Objects, images: Sequence[Placed], old: Plate | None) -> dict[str, Well]:
    """Return the wells by path, with those of a plate that exists."""
    fields: dict[str, dict[str, Field]] = {}
    for path in old.paths if old is not None else ():
        node = read_node(objects, path)
        well = None if node is None else read_group(node.ome, "")
        fields[path] = {each.path: each for each in well.fields} if isinstance(well, Well) else {}
    for image in images:
        well_path, _, name = image.path.rpartition("/")
        fields.setdefault(well_path, {})[name] = Field(name, image.acquisition)
    return {path: Well(tuple(own[name] for name in _ordered(own))) for path, own in fields.items()}


def _plate(wells: Mapping[str, Well], images: Sequence[Placed], layout: PlateLayout, old: Plate | None) -> Plate:
    rows = _names((path.split("/")[0] for path in wells), layout.rows, old.rows if old else ())
    columns = _names((path.split("/")[1] for path in wells), layout.columns, old.columns if old else ())
    numbers = {image.acquisition for image in images if image.acquisition is not None}
    known = {each.id: each.name for each in (old.acquisitions if old else ())} | dict(layout.acquisitions or {})
    return Plate(
        name=layout.name or (old.name if old else "") or layout.other_name,
        rows=rows,
        columns=columns,
        wells=tuple(
            PlateWell(path, rows.index(path.split("/")[0]), columns.index(path.split("/")[1]))
            for path in sorted(wells, key=lambda path: [natural_key(part) for part in path.split("/")])
        ),
        acquisitions=tuple(
            Acquisition(number, known.get(number), _most_fields(wells.values(), number))
            for number in sorted(numbers | set(known))
        ),
        field_count=max(len(well.fields) for well in wells.values()),
    )


def _most_fields(wells: Iterable[Well], acquisition: int) -> int:
    """Return the most fields that an acquisition has in a well."""
    return max(sum(each.acquisition == acquisition for each in well.fields) for well in wells)


def _names(own: Iterable[str], given: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    """Return names of rows or columns, those that are given first."""
    known = list(dict.fromkeys([*given, *before]))
    added = set(own) - set(known)
    return tuple(_ordered([*known, *added])) if added and not given else (*known, *_ordered(added))


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=natural_key)


def _new(objects: Objects, path: str, version: Version) -> dict[str, bytes]:
    """Return the documents of a group without attributes, unless it exists."""
    exists = objects.size(f"{path}/{ATTRIBUTE_KEYS[version.zarr_format]}") is not None
    return {} if exists else _below(path, version, {})


def _below(path: str, version: Version, attributes: Mapping[str, Any]) -> dict[str, bytes]:
    documents = group_documents(version.zarr_format, attributes)
    return {f"{path}/{key}": body for key, body in documents.items()}
