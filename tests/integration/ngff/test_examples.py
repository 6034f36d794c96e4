"""The examples of the specification are read as ome-zarr-models and plain JSON have them."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from ome_zarr_models.v04.hcs import HCSAttrs as Plate04
from ome_zarr_models.v04.image import ImageAttrs as Image04
from ome_zarr_models.v04.well import WellAttrs as Well04
from ome_zarr_models.v05.hcs import HCSAttrs as Plate05
from ome_zarr_models.v05.image import ImageAttrs as Image05
from ome_zarr_models.v05.well import WellAttrs as Well05

from pyramid.ngff import parse, parse_group
from pyramid.ngff.groups import Plate, Well
from tests.support.validators import SCHEMAS

IMAGES: dict[str, Any] = {"0.4": Image04, "0.5": Image05}
PLATES: dict[str, Any] = {"0.4": Plate04, "0.5": Plate05}
WELLS: dict[str, Any] = {"0.4": Well04, "0.5": Well05}


def named(pattern: str, *versions: str) -> list[Any]:
    found = [(v, path) for v in versions for path in sorted((SCHEMAS / v / "examples").glob(pattern))]
    assert found
    return [pytest.param(v, path, id=f"{v} {path.stem}") for v, path in found]


def attributes_of(path: Path) -> Any:
    """The attributes of an example, which may have comments, and a comma after the last of its values."""
    text = re.sub(r",(\s*[\]}])", r"\1", re.sub(r"(?m)(?<![:\w])//.*$", "", path.read_text()))
    document = json.loads(text)
    return document.get("attributes", document)


@pytest.mark.parametrize(("version", "path"), named("multiscales_*.json", "0.4", "0.5"))
def test_an_image_is_read_as_by_the_models(version: str, path: Path) -> None:
    attributes = attributes_of(path)
    other = IMAGES[version].model_validate(attributes.get("ome", attributes)).multiscales[0]
    ours = parse(attributes)
    assert ours.axes == "".join(axis.name for axis in other.axes)
    assert ours.units == tuple(axis.unit for axis in other.axes)
    assert (ours.name, ours.method) == (other.name, other.type)
    assert [each.path for each in ours.datasets] == [each.path for each in other.datasets]
    for own, theirs in zip(ours.datasets, other.datasets, strict=True):
        every = [*theirs.coordinateTransformations, *(other.coordinateTransformations or ())]
        scales = [step.scale for step in every if step.type == "scale"]
        assert own.scale == pytest.approx([math.prod(along) for along in zip(*scales, strict=True)])
        assert not [step for step in every if step.type == "translation"]
        assert not any(own.translation or ())


@pytest.mark.filterwarnings("ignore:'version' field not specified in plate")
@pytest.mark.parametrize(("version", "path"), named("plate_*.json", "0.4", "0.5"))
def test_a_plate_is_read_as_by_the_models(version: str, path: Path) -> None:
    attributes = attributes_of(path)
    other = PLATES[version].model_validate(attributes.get("ome", attributes)).plate
    found = parse_group(attributes)
    assert found is not None
    ours = found[1]
    assert isinstance(ours, Plate)
    assert ours.rows == tuple(row.name for row in other.rows)
    assert ours.columns == tuple(column.name for column in other.columns)
    assert [(well.path, well.row, well.column) for well in ours.wells] == [
        (well.path, well.rowIndex, well.columnIndex) for well in other.wells
    ]
    assert [(each.id, each.name, each.field_count) for each in ours.acquisitions] == [
        (each.id, each.name, each.maximumfieldcount) for each in other.acquisitions or ()
    ]
    assert (ours.name, ours.field_count) == (other.name, other.field_count)


@pytest.mark.parametrize(("version", "path"), named("well_*.json", "0.4", "0.5"))
def test_a_well_is_read_as_by_the_models(version: str, path: Path) -> None:
    attributes = attributes_of(path)
    other = WELLS[version].model_validate(attributes.get("ome", attributes)).well
    found = parse_group(attributes)
    assert found is not None
    ours = found[1]
    assert isinstance(ours, Well)
    assert [(field.path, field.acquisition) for field in ours.fields] == [
        (image.path, image.acquisition) for image in other.images
    ]


@pytest.mark.parametrize(("version", "path"), named("multiscales_*.json", "0.6rc0"))
def test_an_image_of_0_6_is_read_as_it_is_written(version: str, path: Path) -> None:
    del version
    attributes = attributes_of(path)
    other = attributes["ome"]["multiscales"][0]
    ours = parse(attributes)
    assert ours.axes in ["".join(a["name"] for a in system["axes"]) for system in other["coordinateSystems"]]
    for own, theirs in zip(ours.datasets, other["datasets"], strict=True):
        assert own.path == theirs["path"]
        (step,) = theirs["coordinateTransformations"]
        scale, *shift = step["transformations"] if step["type"] == "sequence" else [step]
        assert own.scale == pytest.approx(scale["scale"])
        assert list(own.translation or ()) == [part for each in shift for part in each["translation"]]
