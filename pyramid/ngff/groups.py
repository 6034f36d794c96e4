"""The metadata of groups that hold images: plates, wells, series and label lists.

All versions of OME-Zarr write these alike, so that one parser reads them all. It is strict on paths and on a well's row
and column, and lenient on the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyramid.errors import SourceError, short_repr
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import index, items, list_or_empty, mapping, mapping_or_empty, objects, path_below, text

# The most items of each list that are read: far more than instruments write, for metadata comes from anyone.
MAX_WELLS = 100_000
MAX_ROWS = 10_000
MAX_IMAGES = 100_000

# Groups in an image or a plate that hold none of its levels or wells, each with a list of its own name.
OTHER_GROUPS = ("labels", "tables")
LAYOUT_KEY = "bioformats2raw.layout"


@dataclass(frozen=True)
class PlateWell:
    """A well of a plate: its path, and its row and column, counted from 0.

    They are from the well's indices (from 0.4 on) or else from the names in its path. They are None where neither
    matches the plate.
    """

    path: str
    row: int | None
    column: int | None


@dataclass(frozen=True)
class Acquisition:
    """A pass over the plate.

    Its number, its name where it has one, and the most fields that it has in a well, where that is known.
    """

    id: int
    name: str | None
    field_count: int | None = None


@dataclass(frozen=True)
class Plate:
    """A plate.

    Parameters
    ----------
    name
        Its name; empty where it has none.
    rows, columns
        The names of all rows and columns, in order.
    wells
        The wells that exist.
    acquisitions
        Passes over the plate; empty where none is given.
    field_count
        The most fields that a well has; None where it is not given.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    wells: tuple[PlateWell, ...]
    acquisitions: tuple[Acquisition, ...]
    field_count: int | None

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its wells."""
        return tuple(well.path for well in self.wells)


@dataclass(frozen=True)
class Field:
    """An image of a well: its path, and its acquisition where that is given."""

    path: str
    acquisition: int | None


@dataclass(frozen=True)
class Well:
    """A well: its fields."""

    fields: tuple[Field, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its images."""
        return tuple(field.path for field in self.fields)


@dataclass(frozen=True)
class Series:
    """Images of one group, as in ``bioformats2raw.layout``.

    `paths` is None where they are not listed.
    """

    paths: tuple[str, ...] | None


@dataclass(frozen=True)
class Labels:
    """The list in ``labels/``: the paths of label images."""

    paths: tuple[str, ...]


Group: TypeAlias = Plate | Well | Series | Labels


def read_group(content: Attributes, prefix: str) -> Group | None:
    """Read the metadata of a group that holds images.

    Parameters
    ----------
    content
        The attributes, or those under ``ome``.
    prefix
        The place of `content` in the group's attributes, as ``"ome."``.

    Returns
    -------
    Plate, Well, Series, Labels or None
        None for any other group.

    Raises
    ------
    SourceError
        If the metadata is broken; the error names the place.

    Examples
    --------
    >>> read_group({"well": {"images": [{"path": "0"}, {"path": "1", "acquisition": 2}]}}, "").paths
    ('0', '1')
    """
    # A plate is first, for it may have the layout of a series too, and its own metadata says more.
    if "plate" in content:
        return _read_plate(content["plate"], f"{prefix}plate")
    if "well" in content:
        return _read_well(content["well"], f"{prefix}well")
    if LAYOUT_KEY in content:
        return Series(read_paths(content["series"], f"{prefix}series") if "series" in content else None)
    if "labels" in content:
        return Labels(read_paths(content["labels"], f"{prefix}labels"))
    return None


def read_paths(value: object, place: str) -> tuple[str, ...]:
    """Read the paths of a list, ``labels`` or ``series``, which may be empty."""
    if isinstance(value, list | tuple) and not value:
        return ()
    return tuple(path_below(path, f"{place}[{i}]") for i, path in enumerate(items(value, place, MAX_IMAGES)))


def _read_plate(value: object, place: str) -> Plate:
    plate = mapping(value, place)
    rows, columns = (_read_names(plate.get(key), f"{place}.{key}") for key in ("rows", "columns"))
    by_name = tuple({name: i for i, name in enumerate(names)} for names in (rows, columns))
    listed = objects(plate.get("wells"), f"{place}.wells", MAX_WELLS)
    wells = tuple(_read_plate_well(well, by_name, here) for well, here in listed)
    if len({well.path for well in wells}) < len(wells):
        raise SourceError(f"{place}.wells: a well is listed twice; every well must be listed once")
    return Plate(
        name=text(plate.get("name")) or "",
        rows=rows,
        columns=columns,
        wells=wells,
        acquisitions=tuple(_read_acquisitions(plate.get("acquisitions"))),
        field_count=index(plate.get("field_count")),
    )


def _read_acquisitions(value: object) -> Iterator[Acquisition]:
    """Yield the acquisitions that have a number.

    The others can be left out, for nothing depends on them.
    """
    for item in map(mapping_or_empty, list_or_empty(value)[:MAX_ROWS]):
        number = index(item.get("id"))
        if number is not None:
            yield Acquisition(number, text(item.get("name")), index(item.get("maximumfieldcount")))


def _read_names(value: object, place: str) -> tuple[str, ...]:
    """Read the names of rows or columns, each once."""
    names = []
    for item, here in objects(value, place, MAX_ROWS):
        name = text(item.get("name"))
        if not name:
            raise SourceError(f"{here}.name: a name is text, not {short_repr(item.get('name'))}")
        names.append(name)
    if len(set(names)) < len(names):
        raise SourceError(f"{place}: two of them have the same name; every name must be there once")
    return tuple(names)


def _read_plate_well(well: Attributes, by_name: Sequence[Mapping[str, int]], place: str) -> PlateWell:
    """Read the path, row and column of a well.

    The row and column are those that its metadata gives. From 0.1 to 0.3 they are those in its path.
    """
    path = path_below(well.get("path"), f"{place}.path")
    names = path.split("/")
    if len(names) != 2:
        raise SourceError(f"{place}.path: {short_repr(path)} does not have the form ROW/COLUMN")
    row, column = (
        _check_index(well[key], len(known), f"{place}.{key}") if key in well else known.get(name)
        for key, name, known in zip(("rowIndex", "columnIndex"), names, by_name, strict=True)
    )
    return PlateWell(path, row, column)


def _check_index(value: object, count: int, place: str) -> int:
    found = index(value)
    if found is None or found >= count:
        raise SourceError(f"{place}: {short_repr(value)} is not one of the {count} that the plate has")
    return found


def _read_well(value: object, place: str) -> Well:
    images = objects(mapping(value, place).get("images"), f"{place}.images", MAX_IMAGES)
    fields = [
        Field(path_below(image.get("path"), f"{here}.path"), index(image.get("acquisition"))) for image, here in images
    ]
    if len({field.path for field in fields}) < len(fields):
        raise SourceError(f"{place}.images: an image is listed twice; every image must be listed once")
    return Well(tuple(fields))
