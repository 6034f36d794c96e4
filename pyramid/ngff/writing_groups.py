"""Write the metadata of groups that hold images: plates, wells and series.

All versions write these alike; only their place among the attributes differs. The text of the specification wants the
version in a plate also where its schema has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyramid.ngff.groups import LAYOUT_KEY, Plate, Well
from pyramid.ngff.version import Version

# The version of the layout in which Bio-Formats' converter keeps several images.
LAYOUT = 3


def layout_attributes(version: Version) -> dict[str, Any]:
    """Return the attributes of the root of several images."""
    return _placed(version, {LAYOUT_KEY: LAYOUT})


def series_attributes(version: Version, paths: Sequence[str]) -> dict[str, Any]:
    """Return the attributes of the group ``OME``, which lists the images."""
    return _placed(version, {"series": list(paths)})


def plate_attributes(version: Version, plate: Plate) -> dict[str, Any]:
    """Return the attributes of the root of a plate.

    Wells without a row or a column are left out.
    """
    content: dict[str, Any] = {
        "columns": [{"name": name} for name in plate.columns],
        "rows": [{"name": name} for name in plate.rows],
        "wells": [
            {"path": well.path, "rowIndex": well.row, "columnIndex": well.column}
            for well in plate.wells
            if well.row is not None and well.column is not None
        ],
    }
    if plate.name:
        content["name"] = plate.name
    if plate.field_count:
        content["field_count"] = plate.field_count
    if plate.acquisitions:
        content["acquisitions"] = [
            {
                "id": each.id,
                "name": each.name or str(each.id),
                **({"maximumfieldcount": each.field_count} if each.field_count else {}),
            }
            for each in plate.acquisitions
        ]
    return _placed(version, {"plate": {**content, "version": version.name}})


def well_attributes(version: Version, well: Well) -> dict[str, Any]:
    """Return the attributes of a well."""
    images = [
        {"path": field.path, **({} if field.acquisition is None else {"acquisition": field.acquisition})}
        for field in well.fields
    ]
    return _placed(version, {"well": {"images": images, "version": version.name}})


def _placed(version: Version, content: dict[str, Any]) -> dict[str, Any]:
    return {"ome": {"version": version.name, **content}} if version.below_ome else content
