"""The metadata of OME-Zarr, case by case."""

from __future__ import annotations

import copy
import json
import math
import re
from typing import Any

import pytest

from pyramid.errors import OptionError, SourceError
from pyramid.model import Channel
from pyramid.ngff import (
    FORMATS,
    WRITABLE,
    Dataset,
    Multiscale,
    OmeroChannel,
    Window,
    attributes,
    creator,
    omero_channels,
    parse,
)
from pyramid.ngff.channels import MAX_ACTIVE, make_window

RANGE = (0.0, 100.0, 10.0, 90.0)

IMAGE = Multiscale(
    axes="czyx",
    units=(None, "micrometer", "micrometer", "micrometer"),
    datasets=(
        Dataset("0", (1.0, 0.5, 0.1, 0.1), (0.0, 0.0, 0.0, 0.0)),
        Dataset("1", (1.0, 0.5, 0.2, 0.2), (0.0, 0.0, 0.05, 0.05)),
    ),
    name="cells",
    method="mean",
    channels=(OmeroChannel("DAPI", "0000FF", Window(*RANGE), active=True),),
    provenance={"name": "ome-pyramid", "version": "1"},
    default_z=7,
)


# Versions in which axes and transformations are lists of an image and of its levels.
LISTED = ("0.4", "0.5")


def written(version: str) -> dict[str, Any]:
    """The attributes of IMAGE as a reader gets them, below ``ome`` where that is."""
    told: dict[str, Any] = json.loads(json.dumps(attributes(IMAGE, version), allow_nan=False))
    return told


def content(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told.get("ome", told)
    return found


def test_formats_are_a_table_of_versions() -> None:
    facts = {name: (one.zarr_format, one.shards, one.dimension_names) for name, one in FORMATS.items()}
    old, new = (2, False, False), (3, True, True)
    assert facts == {"0.1": old, "0.2": old, "0.3": old, "0.4": old, "0.5": new, "0.6": new, "n5": ("n5", False, False)}
    assert WRITABLE == ("0.4", "0.5", "0.6")


def test_0_4_is_flat_and_carries_its_version_in_each_object() -> None:
    told = written("0.4")
    assert set(told) == {"multiscales", "omero", "_creator"}
    assert told["multiscales"][0]["version"] == told["omero"]["version"] == "0.4"


def test_0_5_lies_under_ome_and_carries_its_version_once() -> None:
    told = written("0.5")
    assert set(told) == {"ome"}
    assert told["ome"]["version"] == "0.5"
    assert "version" not in told["ome"]["multiscales"][0]
    assert "version" not in told["ome"]["omero"]


def test_0_6_has_one_transformation_of_each_level_into_a_coordinate_system() -> None:
    listed, image = (content(written(version)) for version in ("0.5", "0.6"))
    (before,), (multiscale,) = listed["multiscales"], image["multiscales"]
    assert (image["version"], image["omero"]) == ("0.6", listed["omero"])
    assert "axes" not in multiscale
    (system,) = multiscale["coordinateSystems"]
    assert system["axes"] == before["axes"]
    for dataset, old in zip(multiscale["datasets"], before["datasets"], strict=True):
        assert dataset["coordinateTransformations"] == [
            {
                "type": "sequence",
                "transformations": old["coordinateTransformations"],
                "input": {"path": old["path"]},
                "output": {"name": system["name"]},
            }
        ]


@pytest.mark.parametrize("version", LISTED)
def test_multiscales_as_the_rules_have_them(version: str) -> None:
    multiscale = content(written(version))["multiscales"][0]
    assert multiscale["axes"] == [
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    assert [dataset["coordinateTransformations"] for dataset in multiscale["datasets"]] == [
        [
            {"type": "scale", "scale": [1.0, 0.5, 0.1, 0.1]},
            {"type": "translation", "translation": [0.0, 0.0, 0.0, 0.0]},
        ],
        [
            {"type": "scale", "scale": [1.0, 0.5, 0.2, 0.2]},
            {"type": "translation", "translation": [0.0, 0.0, 0.05, 0.05]},
        ],
    ]
    assert multiscale["type"] == multiscale["metadata"]["method"] == "mean"


@pytest.mark.parametrize("version", WRITABLE)
def test_omero_as_viewers_want_it(version: str) -> None:
    omero = content(written(version))["omero"]
    assert omero["rdefs"] == {"model": "color", "defaultZ": 7, "defaultT": 0}
    (channel,) = omero["channels"]
    assert channel["window"] == {"min": 0.0, "max": 100.0, "start": 10.0, "end": 90.0}
    assert (channel["label"], channel["color"], channel["active"]) == ("DAPI", "0000FF", True)


def test_one_white_channel_is_greyscale() -> None:
    channels = omero_channels((), "uint16", [RANGE])
    image = Multiscale("yx", (None, None), (Dataset("0", (1.0, 1.0), None),), channels=channels)
    assert attributes(image, "0.4")["omero"]["rdefs"]["model"] == "greyscale"


def test_time_has_its_type_and_nothing_is_said_that_is_not_known() -> None:
    image = Multiscale("tyx", ("second", None, None), (Dataset("0", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),))
    told = attributes(image, "0.5")["ome"]
    assert set(told) == {"version", "multiscales"}
    assert set(told["multiscales"][0]) == {"axes", "datasets"}
    assert told["multiscales"][0]["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert len(told["multiscales"][0]["datasets"][0]["coordinateTransformations"]) == 1


def test_an_unknown_version_is_refused_with_those_there_are() -> None:
    for version in ("0.7", "0.3"):
        with pytest.raises(OptionError, match=rf"'{version}'.*0\.4, 0\.5"):
            attributes(IMAGE, version)


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("/data/a b/cells.tif", "cells.tif"),
        ("s3://key:secret@bucket/cells.zarr/?token=1#x", "cells.zarr"),
        (None, None),
    ],
)
def test_a_creator_names_its_source_alone(location: str | None, name: str | None) -> None:
    assert creator("1", "mean", location).get("source") == name


def test_colors_by_count_and_source() -> None:
    def colors(count: int, dtype: str = "uint16", channels: tuple[Channel, ...] = ()) -> list[str]:
        return [channel.color for channel in omero_channels(channels, dtype, [RANGE] * count)]

    assert colors(1) == ["FFFFFF"]
    assert len(set(colors(6))) == 6
    assert colors(3, "uint8") == ["FF0000", "00FF00", "0000FF"]
    assert colors(2, channels=(Channel(None, "123456"), Channel("b"))) == ["123456", "E69F00"]


def test_a_picture_shows_its_whole_range_and_no_alpha() -> None:
    shown = omero_channels((), "uint8", [RANGE] * 4)
    assert {channel.window for channel in shown} == {Window(0.0, 255.0, 0.0, 255.0)}
    assert [channel.active for channel in shown] == [True, True, True, False]


def test_red_green_and_blue_by_name_and_colour_are_a_picture_too() -> None:
    named = [Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF")]
    made = omero_channels(named, "uint8", [(10, 200, 20, 150)] * 3)
    assert {channel.window for channel in made} == {Window(0, 255, 0, 255)}


def test_named_channels_of_uint8_are_no_picture() -> None:
    names = tuple(Channel(name) for name in ("DAPI", "GFP", "RFP"))
    shown = omero_channels(names, "uint8", [RANGE] * 3)
    assert [channel.label for channel in shown] == ["DAPI", "GFP", "RFP"]
    assert {channel.window for channel in shown} == {Window(*RANGE)}


def test_no_more_channels_are_active_than_viewers_blend() -> None:
    shown = omero_channels((), "uint16", [RANGE] * 9)
    assert [channel.active for channel in shown] == [True] * MAX_ACTIVE + [False] * 3
    assert shown[8].label == "Channel 8"


def test_channels_and_measurements_must_agree() -> None:
    with pytest.raises(ValueError, match="zip"):
        omero_channels((Channel("a"),), "uint16", [RANGE, RANGE])


@pytest.mark.parametrize(
    ("measured", "dtype", "expected"),
    [
        ((math.nan,) * 4, "float32", Window(0.0, 1.0, 0.0, 1.0)),
        ((math.nan,) * 4, "int8", Window(-128.0, 127.0, -128.0, 127.0)),
        ((-math.inf, math.inf, 2.0, 3.0), "float64", Window(2.0, 3.0, 2.0, 3.0)),
        ((5.0, 5.0, 5.0, 5.0), "uint16", Window(5.0, 6.0, 5.0, 6.0)),
        ((False, True, False, True), "bool", Window(0.0, 1.0, 0.0, 1.0)),
    ],
)
def test_windows_of_odd_data(measured: tuple[float, float, float, float], dtype: str, expected: Window) -> None:
    assert make_window(measured, dtype) == expected


BROKEN: list[tuple[str, list[Any], Any, str]] = [
    ("no datasets", ["datasets"], [], r"multiscales\[0\]\.datasets: .*\[\]"),
    ("too many levels", ["datasets"], [{}] * 1001, r"datasets: 1001 datasets"),
    ("one axis", ["axes"], [{"name": "x"}], r"axes: an image has 2 to 5 axes, and there are 1"),
    ("an axis of 0.3", ["axes", 0], "c", r"axes\[0\]: there must be a JSON object"),
    ("unknown axis", ["axes", 1, "name"], "q", r"axes\[1\]\.name: axis 'q'"),
    ("axis twice", ["axes", 1, "name"], "x", r"axes\[3\]: axis 'x' is there twice"),
    ("path upwards", ["datasets", 1, "path"], "../0", r"datasets\[1\]\.path: '\.\./0'"),
    ("absolute path", ["datasets", 1, "path"], "/etc", r"datasets\[1\]\.path: '/etc'"),
    ("path of no text", ["datasets", 0, "path"], 0, r"datasets\[0\]\.path: .* not 0"),
]


@pytest.mark.parametrize("version", LISTED)
@pytest.mark.parametrize(("place", "value", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_places_pixels_is_strict_and_the_place_is_told(
    version: str, place: list[Any], value: object, message: str
) -> None:
    told = copy.deepcopy(written(version))
    holder: Any = content(told)["multiscales"][0]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    with pytest.raises(SourceError, match=message) as caught:
        parse(told)
    assert str(caught.value).startswith("ome.multiscales[0]" if version == "0.5" else "multiscales[0]")


LEVEL = ["datasets", 0, "coordinateTransformations"]
# A level's transformations, or a part of them, replaced: the scale that is left, and what the notice says.
UNREAD: list[tuple[list[Any], Any, tuple[float, ...] | None, str]] = [
    (LEVEL, None, None, r"coordinateTransformations: None"),
    (LEVEL, [], None, "the scale is missing"),
    ([*LEVEL, 0, "scale"], [1, 1], None, r"\[0\]: a 'scale'"),
    ([*LEVEL, 0, "scale", 1], math.nan, (1.0, 1.0, 0.1, 0.1), r"\[0\]\.scale: nan on z"),
    ([*LEVEL, 0, "scale", 1], 10**400, (1.0, 1.0, 0.1, 0.1), r"scale: 1000.* on z"),
    ([*LEVEL, 0, "scale", 1], 1e200, (1.0, 1.0, 0.1, 0.1), r"scale: 1e\+200 on z"),
    ([*LEVEL, 0, "scale", 2], "1", (1.0, 0.5, 1.0, 0.1), r"scale: '1' on y"),
    ([*LEVEL, 0, "scale", 3], 0, (1.0, 0.5, 0.1, 1.0), r"scale: 0 on x"),
    ([*LEVEL, 0, "scale", 3], -1, (1.0, 0.5, 0.1, 1.0), r"scale: -1 on x"),
    ([*LEVEL, 0], {"type": "scale", "path": "sizes"}, None, r"\[0\]: a 'scale'; .*\[1\]"),
    ([*LEVEL, 1, "translation", 0], None, (1.0, 0.5, 0.1, 0.1), r"\[1\]\.translation: None on c"),
    ([*LEVEL, 1, "type"], "affine", (1.0, 0.5, 0.1, 0.1), r"\[1\]: a 'affine'"),
    ([*LEVEL, 1, "type"], ["x"], (1.0, 0.5, 0.1, 0.1), r"\[1\]: a \['x'\]"),
]


@pytest.mark.parametrize("version", LISTED)
@pytest.mark.parametrize(("place", "value", "scale", "message"), UNREAD)
def test_what_is_not_read_of_a_level_is_named_and_the_rest_is_kept(
    version: str, place: list[Any], value: object, scale: tuple[float, ...] | None, message: str
) -> None:
    told = copy.deepcopy(written(version))
    holder: Any = content(told)["multiscales"][0]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    image = parse(told)
    assert image.datasets[0].scale == scale
    assert image.datasets[1:] == IMAGE.datasets[1:]
    assert len(image.notices) == 1
    assert re.search(f"not read: .*{message}", image.notices[0]), image.notices


def test_an_axis_without_a_size_has_no_unit() -> None:
    told = copy.deepcopy(written("0.4"))
    told["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][1] = -1
    assert parse(told).units == (None, None, *IMAGE.units[2:])
    told["multiscales"][0]["datasets"][0]["coordinateTransformations"] = None
    assert parse(told).units == (None,) * 4


AFFINE = [[1, 0, 0], [0, 0.5, 4]]
ENDS = {"input": {"name": "yx", "axes": [{"name": "y"}, {"name": "x"}]}, "output": {"name": "global"}}
SWAPPED = {"input": {"name": "xy", "axes": [{"name": "x"}, {"name": "y"}]}, "output": {"name": "global"}}
# What follows a level's scale of 0.5 and 0.25: what both are together, and what a notice names.
OUTER: list[tuple[Any, tuple[float, float], tuple[float, float] | None, str]] = [
    ([{"type": "identity", **ENDS}], (0.5, 0.25), None, ""),
    ([{"type": "scale", "scale": [2, 4]}], (1.0, 1.0), None, ""),
    ([{"type": "affine", "affine": AFFINE}], (0.5, 0.125), (0.0, 4.0), ""),
    ([{"type": "affine", "affine": [*AFFINE, [0, 0, 1]], **ENDS}], (0.5, 0.125), (0.0, 4.0), ""),
    ([{"type": "affine", "affine": [[0, 1, 0], [1, 0, 0]]}], (0.5, 0.25), None, "'affine'"),
    ([{"type": "affine", "affine": [[1, 0, 0], [0, -1, 0]]}], (0.5, 0.25), None, "'affine'"),
    ([{"type": "affine", "affine": [[1, 0], [0, 1]]}], (0.5, 0.25), None, "'affine'"),
    ([{"type": "affine", "affine": [[1, 0, None], [0, 1, 0]]}], (0.5, 0.25), None, "'affine'"),
    ([{"type": "affine", "affine": AFFINE, **SWAPPED}], (0.5, 0.25), None, "'affine'"),
    ([{"type": "rotation", "rotation": [[1, 0], [0, 1]]}], (0.5, 0.25), None, ""),
    (
        [{"type": "rotation", "rotation": [[0, -1], [1, 0]]}, {"type": "scale", "scale": [9, 9]}],
        (0.5, 0.25),
        None,
        "'r",
    ),
    ([{"type": "mapAxis", "mapAxis": [0, 1]}], (0.5, 0.25), None, ""),
    ([{"type": "mapAxis", "mapAxis": {"x": "y", "y": "x"}}], (0.5, 0.25), None, "'mapAxis'"),
    ([{"type": "byDimension", "transformations": []}], (0.5, 0.25), None, "'byDimension'"),
    ([{"type": "sequence", "transformations": [{"type": "scale", "scale": [2, 2]}, 7]}], (1.0, 0.5), None, r"\[1\]: 7"),
    (
        [{"type": "sequence", "transformations": [{"type": "translation", "translation": [1, 2]}]}],
        (0.5, 0.25),
        (1.0, 2.0),
        "",
    ),
    ([{"type": "scale", "scale": [3, 3], **ENDS}, {"type": "identity", **ENDS}], (0.5, 0.25), None, "'scale'"),
    ({"type": "scale"}, (0.5, 0.25), None, "scale"),
    ("text", (0.5, 0.25), None, "'text'"),
    ([{"type": "scale", "scale": [1e90, 1]}, {"type": "scale", "scale": [1e90, 1]}], (1.0, 0.25), None, "on axis 0"),
]


@pytest.mark.parametrize(("outer", "scale", "translation", "message"), OUTER)
@pytest.mark.parametrize("version", LISTED)
def test_a_levels_own_scale_is_never_lost_by_what_follows_it(
    version: str, outer: object, scale: tuple[float, ...], translation: tuple[float, ...] | None, message: str
) -> None:
    told = attributes(Multiscale("yx", (None, None), (Dataset("0", (0.5, 0.25), None),)), version)
    content(told)["multiscales"][0]["coordinateTransformations"] = outer
    image = parse(told)
    assert image.datasets == (Dataset("0", scale, translation),)
    assert [bool(re.search(f"not read: .*{message}", notice)) for notice in image.notices] == (
        [True] if message else []
    )


def test_transformations_in_each_other_without_end_are_named() -> None:
    told = written("0.5")
    deep: dict[str, Any] = {"type": "identity"}
    for _ in range(400):
        deep = {"type": "sequence", "transformations": [deep]}
    content(told)["multiscales"][0]["coordinateTransformations"] = [deep]
    image = parse(told)
    assert image.datasets == IMAGE.datasets
    assert "transformations[0]" in image.notices[0]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "no multiscales"),
        ({"ome": {"version": "0.5", "plate": {}}}, "no multiscales"),
        ({"multiscales": [{"version": "0.7"}]}, r"version '0\.7'; those read here are: 0\.1, 0\.2, .*, 0\.6"),
        ({"ome": {"version": "0.7", "multiscales": [{}]}}, r"version '0\.7'"),
        (
            {"ome": {"version": "0.6", "multiscales": [{}]}},
            r"multiscales\[0\]\.coordinateSystems: there must be a list",
        ),
        ({"multiscales": [{"version": "0.3"}]}, r"multiscales\[0\]\.axes: there must be a list"),
        ({"multiscales": []}, r"multiscales: there must be a list with at least one item"),
        ({"multiscales": [7]}, r"multiscales\[0\]: there must be a JSON object"),
    ],
)
def test_other_versions_and_no_image_are_told(told: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(told)


@pytest.mark.parametrize("said", [None, "0.4", "0.4.1", "0.4-dev-spatialdata"])
def test_drafts_and_patches_are_of_the_family(said: str | None) -> None:
    told = written("0.4")
    told["multiscales"][0]["version"] = said
    assert parse(told) == IMAGE


@pytest.mark.parametrize(
    "omero",
    [None, 7, {}, {"channels": 7}, {"channels": [7]}, {"channels": [{"window": 7, "color": [], "label": 3}]}],
)
def test_what_is_shown_never_keeps_an_image_from_being_read(omero: object) -> None:
    told = {**written("0.4"), "omero": omero}
    assert parse(told).datasets == IMAGE.datasets


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"min": 0, "max": 9}, Window(0, 9, 0, 9)),
        ({"start": 1, "end": 8}, Window(1, 8, 1, 8)),
        ({"min": 0, "end": math.nan}, None),
        ({"min": True, "max": 10**400}, None),
    ],
)
def test_windows_of_others(window: dict[str, float], expected: Window | None) -> None:
    told = {**written("0.4"), "omero": {"channels": [{"window": window, "color": "#00ff00", "active": False}]}}
    assert parse(told).channels == (OmeroChannel(None, "00FF00", expected, active=False),)


def test_axes_of_other_names_are_known_by_their_type() -> None:
    told = written("0.4")
    told["multiscales"][0]["axes"][0] = {"name": "channel index", "type": "channel"}
    told["multiscales"][0]["axes"][1]["name"] = "Z"
    assert parse(told).axes == "czyx"
