"""Tables of a collection of images, for a terminal, a notebook and programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyramid.image.table import image_tables
from pyramid.ngff import Plate
from pyramid.tables import Row, Table, clean_cell, format_count, format_list, format_shape, shorten

if TYPE_CHECKING:
    from pyramid.image.image import Collection

# The heads of the table of images that were read.
MEMBER_HEADS = ("image", "axes", "shape", "dtype", "levels", "format")
# The largest plate that is drawn: 1536 wells are 32 x 48, and a terminal has room for 48 columns.
MAX_ROWS, MAX_COLUMNS = 64, 48
# The noun for a member, by the kind of a collection.
_NOUNS = {"plate": "well", "well": "field", "series": "image", "labels": "label"}


def summary(collection: Collection) -> str:
    """Summarize a collection in a few words, as ``plate of 12 wells``."""
    return f"{collection.kind} of {_count(collection)}"


def _count(collection: Collection) -> str:
    count = format_count(len(collection.paths), _NOUNS[collection.kind])
    return count if collection.counted else f"{count} or more"


def as_dict(collection: Collection) -> dict[str, Any]:
    """Return all that is known of a collection, ready for JSON."""
    return {
        "type": collection.kind,
        "url": collection.url,
        "version": collection.version,
        "zarr_format": collection.zarr_format,
        **dataclasses.asdict(collection.metadata),
        "paths": list(collection.paths),
        "members": [member.to_dict() for member in collection.members],
        "notices": list(collection.notices),
    }


def facts(collection: Collection) -> Iterator[tuple[str, str]]:
    """Yield the facts about a collection, as pairs of a name and its value."""
    metadata = collection.metadata
    name = metadata.name if isinstance(metadata, Plate) else ""
    yield collection.kind, clean_cell(name or collection.url.rstrip("/").rpartition("/")[2])
    yield "at", collection.url
    yield "format", f"OME-Zarr {collection.version or 'of an unknown version'}"
    if isinstance(metadata, Plate):
        yield "rows x columns", f"{len(metadata.rows)} x {len(metadata.columns)}"
        if metadata.acquisitions:
            yield "acquisitions", format_list([run.name or str(run.id) for run in metadata.acquisitions])
        if metadata.field_count is not None:
            yield "fields a well", f"at most {metadata.field_count}"
        if not _fits(metadata):
            yield "wells that exist", format_list(collection.paths)
    else:
        yield f"{_NOUNS[collection.kind]}s", format_list(collection.paths) or "none"
    yield "holds", _count(collection)


def _fits(plate: Plate) -> bool:
    """Return whether the plate can be drawn."""
    placed = all(well.row is not None and well.column is not None for well in plate.wells)
    return placed and len(plate.rows) <= MAX_ROWS and len(plate.columns) <= MAX_COLUMNS


def well_rows(plate: Plate) -> Iterator[Row]:
    """Yield the rows of a plate seen from above, with an ``o`` where a well exists."""
    there = {(well.row, well.column) for well in plate.wells}
    for i, row in enumerate(plate.rows):
        yield (row, *("o" if (i, j) in there else "." for j in range(len(plate.columns))))


def member_rows(collection: Collection) -> Iterator[Row]:
    """Yield one row for each image that was read, under MEMBER_HEADS.

    An image is named by its path in the collection.
    """
    for image in collection.images:
        first = image.levels[0]
        yield (
            shorten(image.url.removeprefix(collection.url.rstrip("/")).lstrip("/")),
            image.axes,
            format_shape(first.shape),
            str(first.facts.dtype),
            str(len(image.levels)),
            image.version,
        )


def collection_tables(collection: Collection) -> Sequence[Table]:
    """Return a collection as tables: its facts, its plate, and the images read."""
    plate = collection.metadata
    tables: list[Table] = [((), [*facts(collection)])]
    if isinstance(plate, Plate) and _fits(plate):
        tables.append((("", *plate.columns), [*well_rows(plate)]))
    images = collection.images
    if len(images) == 1:
        return [*tables, *image_tables(images[0])]
    return [*tables, (MEMBER_HEADS, [*member_rows(collection)])]
