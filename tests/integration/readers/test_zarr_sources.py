"""An OME-Zarr as a source: what it says comes along, and what does not is named; whatever anyone wrote."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import pyramid
from pyramid.errors import PyramidError
from pyramid.options.convert import Options
from pyramid.readers import open_source

PIXELS = np.arange(3 * 60 * 70, dtype="u2").reshape(3, 60, 70)


def make_image(folder: Path, version: str = "0.5", **options: Any) -> Path:
    """An image of three planes with sizes, a translation and channels; its metadata can be edited."""
    given = {"axes": "zyx", "scale": {"z": 2.0, "y": 0.5, "x": 0.25}, "min_size": 40, **options}
    pyramid.convert(PIXELS, folder / "source.zarr", ome_zarr_version=version, **given)
    return folder / "source.zarr"


def read_attributes(image: Path) -> dict[str, Any]:
    """The attributes of an image's group, whatever its version."""
    if (image / ".zattrs").exists():
        return json.loads((image / ".zattrs").read_text())  # type: ignore[no-any-return]
    return json.loads((image / "zarr.json").read_text())["attributes"]  # type: ignore[no-any-return]


def write_attributes(image: Path, attributes: dict[str, Any]) -> None:
    if (image / ".zattrs").exists():
        (image / ".zattrs").write_text(json.dumps(attributes))
        return
    document = json.loads((image / "zarr.json").read_text())
    (image / "zarr.json").write_text(json.dumps({**document, "attributes": attributes}))


def content(attributes: dict[str, Any]) -> dict[str, Any]:
    return attributes.get("ome", attributes)  # type: ignore[no-any-return]


def notices(source: object, **options: Any) -> tuple[str, ...]:
    return open_source(source, Options(**options)).spec.notices


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_comes_along_whole_and_without_a_word(version: str, tmp_path: Path) -> None:
    source = make_image(tmp_path, version, channel_names=["DAPI"], channel_colors=["0000FF"])
    assert notices(source) == ()
    before, after = pyramid.open(source), pyramid.convert(source, tmp_path / "again.zarr", min_size=40)
    assert (after.axes, after.units, after.name) == (before.axes, before.units, before.name)
    assert [(level.scale, level.translation) for level in after.levels] == [
        (level.scale, level.translation) for level in before.levels
    ]
    assert [(channel.label, channel.color) for channel in after.channels] == [("DAPI", "0000FF")]


@pytest.mark.parametrize("method", ["mean", "nearest"])
def test_the_place_of_an_image_is_kept_on_every_level(method: str, tmp_path: Path) -> None:
    source = make_image(tmp_path)
    attributes = read_attributes(source)
    for dataset in content(attributes)["multiscales"][0]["datasets"]:
        dataset["coordinateTransformations"][1:] = [{"type": "translation", "translation": [10, -3.5, 0]}]
    write_attributes(source, attributes)
    image = pyramid.convert(source, tmp_path / "again.zarr", min_size=40, method=method)
    first = (10.0, -3.5, 0.0)
    centre = (10.0, -3.25, 0.125) if method == "mean" else first
    assert [level.translation for level in image.levels[:2]] == [first, centre]
    assert notices(source) == ()


def test_a_place_in_another_unit_than_the_users_is_named_and_left_out(tmp_path: Path) -> None:
    source = make_image(tmp_path, units={"z": "millimeter"})
    attributes = read_attributes(source)
    moved = [{"type": "scale", "scale": [2, 0.5, 0.25]}, {"type": "translation", "translation": [10, 1, 0]}]
    content(attributes)["multiscales"][0]["datasets"][0]["coordinateTransformations"] = moved
    write_attributes(source, attributes)
    plan = pyramid.plan(source, scale={"z": 3.0, "y": 1.0})
    assert (plan.levels[0].scale, plan.levels[0].translation) == ((3.0, 1.0, 0.25), (0.0, 1.0, 0.0))
    assert "translation z=10 millimeter is not kept" in plan.spec.notices[-1]


@pytest.mark.parametrize("size", [0, math.nan, -1, None, "0.5", pytest.param(10**400, id="huge"), 1e300, [], True])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_size_that_is_none_is_named_and_written_as_one_without_a_unit(
    version: str, size: object, tmp_path: Path
) -> None:
    source = make_image(tmp_path, version)
    attributes = read_attributes(source)
    content(attributes)["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][1] = size
    write_attributes(source, attributes)
    assert pyramid.info(source).notices == notices(source)
    assert "scale: " in notices(source)[0]
    assert "on y" in notices(source)[0]
    image = pyramid.convert(source, tmp_path / "again.zarr", min_size=40)
    assert image.levels[0].scale == (2.0, 1.0, 0.25)
    assert image.units == ("micrometer", None, "micrometer")


@pytest.mark.parametrize(
    ("unit", "written", "said"),
    [("um", "micrometer", False), ("Micrometre", "micrometer", False), ("unit", None, True), ("x" * 500, None, True)],
)
def test_units_are_written_as_the_specification_has_them(
    unit: str, written: str | None, said: bool, tmp_path: Path
) -> None:
    source = make_image(tmp_path)
    attributes = read_attributes(source)
    content(attributes)["multiscales"][0]["axes"][2]["unit"] = unit
    write_attributes(source, attributes)
    spec = open_source(source, Options()).spec
    assert (spec.scale, spec.units[2]) == ((2.0, 0.5, 0.25), written)
    assert [("the unit of x" in notice, len(notice) < 200) for notice in spec.notices] == [(True, True)] * said


def test_axes_of_the_user_keep_the_sizes_of_space_and_name_what_they_do_not_keep(tmp_path: Path) -> None:
    source = make_image(tmp_path)
    kept = open_source(source, Options(axes="zyx")).spec
    assert (kept.scale, kept.notices) == ((2.0, 0.5, 0.25), ())
    turned = open_source(source, Options(axes="zxy")).spec
    assert (turned.axes, turned.scale, turned.notices) == ("zyx", (2.0, 0.25, 0.5), ())
    timed = open_source(source, Options(axes="tyx")).spec
    assert (timed.scale, timed.units[0]) == ((None, 0.5, 0.25), None)
    assert timed.notices[0] == "the size of z is not taken, as axes=... makes it t"


DAPI, GFP = {"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00aa00"}
# The axes of three planes, what omero tells of channels, the pyramid's labels and colours, and words of the notice.
CHANNELS: list[tuple[str, Any, list[tuple[str, str]], str]] = [
    ("zyx", [DAPI], [("DAPI", "0000FF")], ""),
    ("zyx", [DAPI, GFP], [("DAPI", "0000FF")], "2 channels, and there are 1"),
    ("cyx", [DAPI, GFP], [("DAPI", "0000FF"), ("GFP", "00AA00"), ("Channel 2", "E69F00")], ""),
    ("cyx", [{}, GFP], [("Channel 0", "E69F00"), ("GFP", "00AA00"), ("Channel 2", "56B4E9")], ""),
    ("cyx", [DAPI, None, GFP], [("DAPI", "0000FF"), ("Channel 1", "E69F00"), ("GFP", "00AA00")], r"channels[1]: None"),
    ("cyx", [DAPI] * 4, [("DAPI", "0000FF")] * 3, "the last 1 are left out"),
    ("cyx", [{"color": "red", "label": 405}], [("405", "E69F00")], "channels[0].color: 'red'"),
    ("cyx", 7, [("Channel 0", "E69F00")], "omero.channels is 7, not a list"),
    ("cyx", [], [("Channel 0", "E69F00")], ""),
]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(("axes", "told", "expected", "said"), CHANNELS)
def test_channels_that_are_told_in_part_come_along_in_part(
    axes: str, told: object, expected: list[tuple[str, str]], said: str, version: str, tmp_path: Path
) -> None:
    source = make_image(tmp_path, version, axes=axes, scale={"y": 0.5})
    attributes = read_attributes(source)
    content(attributes)["omero"]["channels"] = told
    write_attributes(source, attributes)
    image = pyramid.convert(source, tmp_path / "again.zarr", min_size=40)
    assert [(channel.label, channel.color) for channel in image.channels][: len(expected)] == expected
    assert len(image.channels) == (3 if axes == "cyx" else 1)
    assert [said in notice for notice in notices(source)] == [True] * bool(said)


def test_what_is_not_carried_over_is_named_in_one_notice(tmp_path: Path) -> None:
    source = make_image(tmp_path, "0.4")
    attributes = read_attributes(source)
    multiscale = attributes["multiscales"][0]
    attributes["multiscales"] = [{**multiscale, "stain": "H&E"}, multiscale]
    attributes["omero"] |= {"rdefs": {"defaultZ": 2, "defaultT": 0}, "pixel_range": [0, 9]}
    attributes |= {"spatialdata_attrs": {}, "image-label": {"colors": []}}
    write_attributes(source, attributes)
    for name in ("labels", "tables"):
        zarr.open_group(source / name, mode="w", zarr_format=2)
    (source / "0" / ".zattrs").write_text('{"made": "today", "_ARRAY_DIMENSIONS": ["z", "y", "x"]}')
    for given in (source, zarr.open_group(source, mode="r")):
        (notice,) = notices(given)
        assert notice == (
            "not carried over from the source: multiscales[0].stain, multiscales[1], omero.pixel_range, "
            "omero.rdefs.defaultZ, labels/, tables/, image-label, attribute made of the array"
        )
    assert notices(source / "0") == ()  # those of an array become those of the group


def test_levels_that_are_not_of_one_kind_are_named(tmp_path: Path) -> None:
    source = make_image(tmp_path)
    attributes = read_attributes(source)
    datasets = content(attributes)["multiscales"][0]["datasets"]
    datasets.append(datasets[1])
    write_attributes(source, attributes)
    level = json.loads((source / "1" / "zarr.json").read_text())
    (source / "1" / "zarr.json").write_text(json.dumps({**level, "data_type": "uint8"}))
    assert pyramid.info(source).notices == (
        "several of its levels are the same array: 1",
        "its levels are not of one dtype: 0 is of uint16, 1 of uint8, 1 of uint8",
    )


def deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [{"a": value}]
    return value


VALUES: dict[str, Any] = {
    "null": None,
    "nan": math.nan,
    "negative": -1,
    "zero": 0,
    "huge": 10**30,
    "large": 10**12,
    "number of many digits": 10**3000,
    "empty text": "",
    "long text": "x" * 100_000,
    "half of a letter": "\ud800",
    "control letters": "\x1b[2J\n",
    "empty list": [],
    "empty object": {},
    "deep": deep(300),
    "long list": list(range(20_000)),
    "true": True,
}


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield (*before, key)
        yield from places(held, (*before, key))


def replaced(document: Any, place: tuple[Any, ...], value: object) -> Any:
    made = holder = copy.deepcopy(document)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return made


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_image(tmp_path_factory.mktemp("fuzzed"), request.param, levels=1, channel_names=["DAPI"])


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_any_value_anywhere_in_the_metadata_is_read_or_refused_with_a_sentence(value: object, fuzzed: Path) -> None:
    for name in ("zarr.json", ".zattrs", ".zgroup", "0/zarr.json", "0/.zarray"):
        if not (fuzzed / name).exists():
            continue
        text = (fuzzed / name).read_text()
        try:
            for place in places(json.loads(text)):
                (fuzzed / name).write_text(json.dumps(replaced(json.loads(text), place, value)))
                check_reading(fuzzed, (name, place))
        finally:
            (fuzzed / name).write_text(text)


def check_reading(image: Path, where: object) -> None:
    """Assert that an image is read, or refused in a sentence; sizes that are read are sizes."""
    for read in (pyramid.info, pyramid.plan):
        found, told = read_or_refuse(read, image)
        levels = getattr(found, "levels", ())
        assert all(0 < size < math.inf for level in levels for size in level.scale or ()), where
        assert all(len(sentence) < 1500 for sentence in told), where


def read_or_refuse(read: Callable[[Path], object], image: Path) -> tuple[object, tuple[str, ...]]:
    """What is read, printed once, and the notices; or None, and the sentence that refuses it."""
    try:
        found = read(image)
    except PyramidError as error:
        return None, (str(error),)
    assert str(found)
    return found, getattr(found, "notices", ())


@pytest.mark.parametrize(
    "text", ['{"zarr_format": NaN}', "[" * 100_000, '{"a":' * 5000, '{"a": 1, "a": 2}', "", "\xff"]
)
def test_documents_that_are_none_are_refused_with_a_sentence(text: str, tmp_path: Path) -> None:
    image = make_image(tmp_path, levels=1)
    for name in ("0/zarr.json", "zarr.json"):
        (image / name).write_text(text, encoding="latin1")
        for read in (pyramid.info, pyramid.plan):
            with pytest.raises(PyramidError):
                read(image)
