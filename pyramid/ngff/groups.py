"""What a group says that holds images and is none: a plate, a well, a row of images, a list of labels.

All versions of OME-Zarr tell these alike, so that there is one parser for all. Strict on paths, and on what a place on
a plate follows from; lenient on the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyramid.errors import SourceError
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import index, items, mapping, path_below, shown, text

MAX_WELLS = 100_000
MAX_ROWS = 10_000
MAX_IMAGES = 100_000

LAYOUT_KEY = "bioformats2raw.layout"


@dataclass(frozen=True)
class PlateWell:
    """A well that a plate has: its path, and its place among the plate's rows and columns, from 0.

    A place is None where neither an index tells it (as from 0.4 on) nor the path's names are the plate's.
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
        What it is called; empty where it has no name.
    rows, columns
        Their names, in order, of wells that are there or not.
    wells
        The wells that are there.
    acquisitions
        Passes over the plate; empty where none is told.
    field_count
        The most fields that a well has; None where it is not told.
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
    """An image of a well: its path, and the acquisition that it is of, where that is told."""

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
    """Images side by side, as ``bioformats2raw.layout`` has them; `paths` is None where they are not listed."""

    paths: tuple[str, ...] | None


@dataclass(frozen=True)
class Labels:
    """The list in ``labels/``: the paths of label images."""

    paths: tuple[str, ...]


Group: TypeAlias = Plate | Well | Series | Labels


def read_group(content: Attributes, prefix: str) -> Group | None:
    """What a group that is no image is; None where it is none of those known.

    Parameters
    ----------
    content
        The attributes, or what is under ``ome`` in them.
    prefix
        Where `content` lies in the group's attributes, as ``"ome."``.

    Raises
    ------
    SourceError
        With the place of what is broken.

    Examples
    --------
    >>> read_group({"well": {"images": [{"path": "0"}, {"path": "1", "acquisition": 2}]}}, "").paths
    ('0', '1')
    """
    # A plate is first, for it may be laid out as a row of images too, of which it tells more.
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
    """The paths of a list, ``labels`` or ``series``, which may be empty."""
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
        raise SourceError(f"{place}.wells: a well is there twice; every well is there once")
    return Plate(
        name=text(plate.get("name")) or "",
        rows=rows,
        columns=columns,
        wells=read,
        acquisitions=tuple(_read_acquisitions(plate.get("acquisitions"))),
        field_count=index(plate.get("field_count")),
    )


def _read_acquisitions(value: object) -> Iterator[Acquisition]:
    """Those of a list that have a number; nothing moves where one is left out."""
    for item in value[:MAX_ROWS] if isinstance(value, list | tuple) else ():
        number = index(item.get("id")) if isinstance(item, Mapping) else None
        if number is not None:
            yield Acquisition(number, text(item.get("name")))


def _read_names(value: object, place: str) -> tuple[str, ...]:
    """The names of rows or columns, each once."""
    names = []
    for i, item in enumerate(items(value, place, MAX_ROWS)):
        name = text(mapping(item, f"{place}[{i}]").get("name"))
        if not name:
            raise SourceError(f"{place}[{i}].name: a name is text, not {shown(item.get('name'))}")
        names.append(name)
    if len(set(names)) < len(names):
        raise SourceError(f"{place}: two of them have the same name; every name is there once")
    return tuple(names)


def _read_well_place(value: object, by_name: Sequence[Mapping[str, int]], place: str) -> PlateWell:
    """A well by its path, row/column, and its place: as it is told, or from 0.1 to 0.3 as its path has it."""
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
        raise SourceError(f"{place}: {shown(well[key])} is none of the {len(by_name)} that the plate has")
    return found


def _read_well(value: object, place: str) -> Well:
    images = items(mapping(value, place).get("images"), f"{place}.images", MAX_IMAGES)
    fields = []
    for i, item in enumerate(images):
        image = mapping(item, here := f"{place}.images[{i}]")
        path = path_below(image.get("path"), f"{here}.path")
        fields.append(Field(path, index(image.get("acquisition"))))
    if len({field.path for field in fields}) < len(fields):
        raise SourceError(f"{place}.images: an image is there twice; every image is there once")
    return Well(tuple(fields))
