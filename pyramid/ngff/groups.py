"""The metadata of groups that hold images: plates, wells, series and label lists.

All versions of OME-Zarr write these alike, so that one parser reads them all. It is strict on paths and on a well's row
and column, and lenient on the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyramid.errors import SourceError
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import index, items, mapping, path_below, shown, text

# The most items of each list that are read: far more than instruments write, for metadata comes from anyone.
MAX_WELLS = 100_000
MAX_ROWS = 10_000
MAX_IMAGES = 100_000

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
    """A pass over the plate: its number, and its name where it has one."""

    id: int
    name: str | None


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
    wells = items(plate.get("wells"), f"{place}.wells", MAX_WELLS)
    by_name = tuple({name: i for i, name in enumerate(names)} for names in (rows, columns))
    read = tuple(_read_well_place(well, by_name, f"{place}.wells[{i}]") for i, well in enumerate(wells))
    if len({well.path for well in read}) < len(read):
        raise SourceError(f"{place}.wells: a well is listed twice; every well must be listed once")
    return Plate(
        name=text(plate.get("name")) or "",
        rows=rows,
        columns=columns,
        wells=read,
        acquisitions=tuple(_read_acquisitions(plate.get("acquisitions"))),
        field_count=index(plate.get("field_count")),
    )


def _read_acquisitions(value: object) -> Iterator[Acquisition]:
    """Yield the acquisitions that have a number.

    The others can be left out, for nothing depends on them.
    """
    for item in value[:MAX_ROWS] if isinstance(value, list | tuple) else ():
        number = index(item.get("id")) if isinstance(item, Mapping) else None
        if number is not None:
            yield Acquisition(number, text(item.get("name")))


def _read_names(value: object, place: str) -> tuple[str, ...]:
    """Read the names of rows or columns, each once."""
    names = []
    for i, item in enumerate(items(value, place, MAX_ROWS)):
        name = text(mapping(item, f"{place}[{i}]").get("name"))
        if not name:
            raise SourceError(f"{place}[{i}].name: a name is text, not {shown(item.get('name'))}")
        names.append(name)
    if len(set(names)) < len(names):
        raise SourceError(f"{place}: two of them have the same name; every name must be there once")
    return tuple(names)


def _read_well_place(value: object, by_name: Sequence[Mapping[str, int]], place: str) -> PlateWell:
    """Read the path, row and column of a well.

    The row and column are those that its metadata gives. From 0.1 to 0.3 they are those in its path.
    """
    well = mapping(value, place)
    path = path_below(well.get("path"), f"{place}.path")
    names = path.split("/")
    if len(names) != 2:
        raise SourceError(f"{place}.path: {shown(path)} does not have the form ROW/COLUMN")
    row, column = (
        _place_of(well, key, name, (known, f"{place}.{key}"))
        for key, name, known in zip(("rowIndex", "columnIndex"), names, by_name, strict=True)
    )
    return PlateWell(path, row, column)


def _place_of(well: Attributes, key: str, name: str, known: tuple[Mapping[str, int], str]) -> int | None:
    by_name, place = known
    if key not in well:
        return by_name.get(name)
    found = index(well[key])
    if found is None or found >= len(by_name):
        raise SourceError(f"{place}: {shown(well[key])} is not one of the {len(by_name)} that the plate has")
    return found


def _read_well(value: object, place: str) -> Well:
    images = items(mapping(value, place).get("images"), f"{place}.images", MAX_IMAGES)
    fields = []
    for i, item in enumerate(images):
        image = mapping(item, here := f"{place}.images[{i}]")
        path = path_below(image.get("path"), f"{here}.path")
        fields.append(Field(path, index(image.get("acquisition"))))
    if len({field.path for field in fields}) < len(fields):
        raise SourceError(f"{place}.images: an image is listed twice; every image must be listed once")
    return Well(tuple(fields))
