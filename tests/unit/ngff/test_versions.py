"""What sets the versions of OME-Zarr apart, and what groups say that hold images."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from pyramid.errors import SourceError
from pyramid.ngff import (
    CoordinateSystem,
    Dataset,
    Field,
    LabelFacts,
    Labels,
    Plate,
    PlateWell,
    Series,
    Well,
    given_version,
    parse_group,
    parse_versioned,
)
from pyramid.ngff.groups import MAX_WELLS

LEVELS = [{"path": "0"}, {"path": "a/1"}]


def flat(**told: Any) -> dict[str, Any]:
    """Attributes as they were up to 0.4."""
    return {"multiscales": [{"datasets": LEVELS, **told}]}


@pytest.mark.parametrize(
    ("told", "version", "axes"),
    [
        (flat(version="0.1"), "0.1", "tczyx"),
        (flat(), "0.1", "tczyx"),
        (flat(version="0.2"), "0.2", "tczyx"),
        (flat(version="0.3", axes=["z", "y", "x"]), "0.3", "zyx"),
        (flat(axes=["y", "x"]), "0.3", "yx"),
    ],
)
def test_versions_without_transformations_tell_no_scale(told: dict[str, Any], version: str, axes: str) -> None:
    found, image = parse_versioned(told)
    assert (found.name, image.axes, image.units) == (version, axes, (None,) * len(axes))
    assert image.datasets == (Dataset("0", None, None), Dataset("a/1", None, None))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (None, r"multiscales\[0\]\.axes: there must be a list"),
        (["x"], r"axes: an image has 2 to 5 axes, and there are 1"),
        (["q", "y", "x"], r"axes\[0\]: axis 'q' is not one of"),
        ([{"name": "y"}, "x"], r"axes\[0\]: axis \{'name': 'y'\} is not one of"),
        (["y", "y", "x"], r"axes\[1\]: axis 'y' is there twice"),
        (["z", "x"], r"'zx' lacks y or x"),
        (["tczyx", "y", "x"], r"axes\[0\]: axis 'tczyx' is not one of"),
    ],
)
def test_axes_of_0_3(axes: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse_versioned(flat(version="0.3", axes=axes))


def axes(letters: str) -> list[dict[str, str]]:
    return [{"name": letter, "type": "space", "unit": "micrometer"} for letter in letters]


V06: dict[str, Any] = {
    "ome": {
        "version": "0.6",
        "multiscales": [
            {
                "coordinateSystems": [{"name": "world", "axes": axes("xyz")}, {"name": "own", "axes": axes("zyx")}],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [
                            {"type": "identity", "input": {"path": "0"}, "output": {"name": "own"}}
                        ],
                    },
                    {
                        "path": "1",
                        "coordinateTransformations": [
                            {
                                "type": "sequence",
                                "input": {"path": "1"},
                                "output": {"name": "own"},
                                "transformations": [
                                    {"type": "scale", "scale": [1, 2, 2]},
                                    {"type": "translation", "translation": [0, 0.5, 0.5]},
                                ],
                            }
                        ],
                    },
                    {
                        "path": "2",
                        "coordinateTransformations": [
                            {"type": "scale", "scale": [1, 4, 4], "input": {"path": "2"}, "output": {"name": "own"}}
                        ],
                    },
                ],
                "coordinateTransformations": [
                    {"type": "scale", "scale": [9, 9, 9], "input": {"name": "own"}, "output": {"name": "world"}}
                ],
            }
        ],
    }
}


@pytest.mark.parametrize("said", ["0.6", "0.6rc0", "0.6.dev1", None])
def test_levels_of_0_6_lie_in_their_own_coordinate_system(said: str | None) -> None:
    told = copy.deepcopy(V06)
    told["ome"]["version"] = said
    version, image = parse_versioned(told)
    micrometers = ("micrometer",) * 3
    assert (version.name, image.axes, image.units) == ("0.6", "zyx", micrometers)
    assert image.systems == (
        CoordinateSystem("own", ("z", "y", "x"), micrometers),
        CoordinateSystem("world", ("x", "y", "z"), micrometers),
    )
    assert image.datasets == (
        Dataset("0", (1.0, 1.0, 1.0), None),
        Dataset("1", (1.0, 2.0, 2.0), (0.0, 0.5, 0.5)),
        Dataset("2", (1.0, 4.0, 4.0), None),
    )


@pytest.mark.parametrize(
    ("level", "key", "value", "message"),
    [
        (0, "output", {"name": "else"}, r"output: \{'name': 'else'\} is not one of the coordinate systems"),
        (1, "output", {"name": "world"}, r"datasets\[1\].*output: all levels of an image must be in one"),
    ],
)
def test_broken_levels_of_0_6_are_told(level: int, key: str, value: object, message: str) -> None:
    told = copy.deepcopy(V06)
    told["ome"]["multiscales"][0]["datasets"][level]["coordinateTransformations"][0][key] = value
    with pytest.raises(SourceError, match=message):
        parse_versioned(told)


@pytest.mark.parametrize(
    ("level", "key", "value", "scale", "message"),
    [
        (0, "type", "affine", None, r"datasets\[0\]\.coordinateTransformations\[0\]: a 'affine'"),
        (1, "transformations", [{"type": "translation", "translation": [0, 0, 0]}], None, "the scale is missing"),
        (2, "scale", [1, 4], None, r"datasets\[2\]\.coordinateTransformations\[0\]: a 'scale'"),
        (2, "scale", [1, 4, 0], (1.0, 4.0, 1.0), r"scale: 0 on x"),
    ],
)
def test_what_is_not_read_of_levels_of_0_6_is_named(
    level: int, key: str, value: object, scale: tuple[float, ...] | None, message: str
) -> None:
    told = copy.deepcopy(V06)
    told["ome"]["multiscales"][0]["datasets"][level]["coordinateTransformations"][0][key] = value
    image = parse_versioned(told)[1]
    assert image.datasets[level].scale == scale
    assert re.search(rf"not read: .*{message}", image.notices[0])


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ([], "there must be a list"),
        ([{"name": "own", "axes": axes("yx")}] * 2, "two coordinate systems have the same name"),
        ([{"name": "own"}], r"coordinateSystems\[0\]\.axes: there must be a list"),
        ([{"axes": axes("yx")}], r"coordinateSystems\[0\]\.name"),
        ([{"name": str(i), "axes": axes("yx")} for i in range(1001)], "1001 coordinateSystems are more than the 1000"),
    ],
)
def test_broken_coordinate_systems_are_told(systems: object, message: str) -> None:
    told = copy.deepcopy(V06)
    told["ome"]["multiscales"][0]["coordinateSystems"] = systems
    with pytest.raises(SourceError, match=message):
        parse_versioned(told)


def test_a_label_tells_what_it_labels() -> None:
    label = {"source": {"image": "../../"}, "colors": [{"label-value": 1}], "properties": 7}
    _, image = parse_versioned({**flat(), "image-label": label})
    assert image.label == LabelFacts("../../", colors=1, properties=0)


PLATE: dict[str, Any] = {
    "name": "screen",
    "rows": [{"name": "A"}, {"name": "B"}],
    "columns": [{"name": "1"}, {"name": "2"}],
    "wells": [{"path": "A/2", "rowIndex": 0, "columnIndex": 1}, {"path": "B/1"}, {"path": "C/9"}],
    "acquisitions": [{"id": 3, "name": "day"}, {"id": -1}, 7],
    "field_count": 4,
    "version": "0.4",
}


def test_a_plate() -> None:
    found = parse_group({"plate": PLATE})
    assert found is not None
    version, plate = found
    assert version == "0.4"
    assert isinstance(plate, Plate)
    assert plate.wells == (PlateWell("A/2", 0, 1), PlateWell("B/1", 1, 0), PlateWell("C/9", None, None))
    assert (plate.rows, plate.columns, plate.field_count) == (("A", "B"), ("1", "2"), 4)
    assert [(one.id, one.name) for one in plate.acquisitions] == [(3, "day")]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("wells", [{"path": "../A"}], r"plate\.wells\[0\]\.path: '\.\./A' is not a path below"),
        ("wells", [{"path": "A/1/0"}], r"wells\[0\]\.path: 'A/1/0' does not have the form ROW/COLUMN"),
        ("wells", [{"path": "A/1", "rowIndex": 2}], r"wells\[0\]\.rowIndex: 2 is not one of the 2"),
        ("wells", [{"path": "A/1"}] * 2, "a well is listed twice"),
        ("wells", [{"path": "A/1"}] * (MAX_WELLS + 1), "100001 wells are more than the 100000"),
        ("wells", [], r"wells: there must be a list"),
        ("rows", [{"name": 7}], r"rows\[0\]\.name: a name is text, not 7"),
        ("columns", [{"name": "1"}, {"name": "1"}], "two of them have the same name"),
        ("version", "0.9", r"version '0\.9'; those read here are"),
    ],
)
def test_broken_plates_are_told(key: str, value: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse_group({"plate": {**PLATE, key: value}})


def test_other_groups() -> None:
    well = {"version": "0.1", "images": [{"path": "0", "acquisition": 3}, {"path": "f1"}]}
    assert parse_group({"well": well}) == ("0.1", Well((Field("0", 3), Field("f1", None))))
    assert parse_group({"bioformats2raw.layout": 3}) == (None, Series(None))
    assert parse_group({"ome": {"version": "0.5", "series": ["0", "1"], "bioformats2raw.layout": 3}}) == (
        "0.5",
        Series(("0", "1")),
    )
    assert parse_group({"labels": ["a", "b/c"]}) == (None, Labels(("a", "b/c")))
    assert parse_group({"other": 1}) is None
    with pytest.raises(SourceError, match=r"ome\.labels\[1\]: '/etc' is not a path below"):
        parse_group({"ome": {"labels": ["a", "/etc"]}})
    with pytest.raises(SourceError, match="an image is listed twice"):
        parse_group({"well": {"images": [{"path": "0"}] * 2}})


def test_versions_are_found_wherever_they_are() -> None:
    assert given_version({"plate": {"version": "0.2"}}) == "0.2"
    assert given_version({"ome": {"version": "0.5", "plate": {"version": "0.4"}}}) == "0.5"
    assert given_version({"well": 7}) is None


@pytest.mark.parametrize("path", ["", "..", "a/../b", "/a", "a//b", "a\\b", ".", "a\0", 7, None])
def test_paths_stay_below(path: object) -> None:
    with pytest.raises(SourceError, match=r"datasets\[0\]\.path"):
        parse_versioned({"multiscales": [{"datasets": [{"path": path}]}]})
