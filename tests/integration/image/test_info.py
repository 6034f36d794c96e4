"""Metadata from where it is: over HTTP and from object storage, with requests counted, and of every version."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr.format
import ome_zarr.io
import ome_zarr.reader
import pytest
import zarr
from click.testing import CliRunner

import pyramid
import pyramid.image.reader
from pyramid.cli import main
from pyramid.errors import SourceError, StorageError
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.nodes import read_node
from pyramid.stores import Objects, locate, open_objects
from pyramid.stores.objects import ByteSink
from tests.support.paths import OME_ZARRS
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer

SECRET = "a-token-that-is-told-to-nobody"
OME_ZARR = {one.version: one for one in ome_zarr.format.format_implementations()}
PIXELS = np.random.default_rng(0).integers(0, 999, (2, 3, 64, 48)).astype("uint16")


def make(folder: Path, version: str = "0.5", **options: Any) -> None:
    """An image of two channels, three levels, by this package."""
    given = {"axes": "czyx", "min_size": 16, "chunks": {"y": 16, "x": 16}, "scale": {"y": 0.5, "x": 0.5}, **options}
    pyramid.convert(PIXELS, folder, ome_zarr_version=version, **given)


def put(service: Service, prefix: str, folder: Path) -> None:
    """Upload a folder."""
    objects = open_objects(service.url(prefix), service.storage_options)
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put(path.relative_to(folder).as_posix(), path.read_bytes())


def budget(version: str, levels: int) -> int:
    """The most requests that an image may take."""
    return 2 + levels if version == "0.5" else 4 + 2 * levels


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("server", ["web", "plain_web"])
def test_requests_over_http(
    server: str, version: str, labels: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    make(tmp_path / "a.zarr", version)
    if labels:
        group = zarr.open_group(tmp_path / "a.zarr", mode="r+").create_group("labels")
        group.attrs.put({"labels": ["cells"]} if version == "0.4" else {"ome": {"labels": ["cells"]}})
    asked: WebServer = request.getfixturevalue(server)
    image = pyramid.open(asked.url("a.zarr"))
    assert len(asked.requests) <= budget(version, len(image.levels))
    assert {one.method for one in asked.requests} == {"GET"}
    assert asked.count(key="*/c/*") == asked.count(key="*/0/0/*") == 0
    assert image.to_dict()["labels"] == (["cells"] if labels else [])
    here = pyramid.open(tmp_path / "a.zarr")
    for there, local in zip(image.levels, here.levels, strict=True):
        assert (there.shape, there.chunks, there.shards) == (local.shape, local.chunks, local.shards)
        assert (there.stored_bytes, local.stored_bytes) == (None, size_of(tmp_path / "a.zarr" / local.path))
    before = len(asked.requests)  # all that metadata takes
    np.testing.assert_array_equal(np.asarray(image.levels[0].zarr[1, 2]), PIXELS[1, 2])
    assert len(asked.requests) > before
    np.testing.assert_array_equal(image.levels[0].data.compute(scheduler="synchronous"), PIXELS)
    assert "a request for each object" in str(image)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_requests_to_s3(
    version: str, s3: Service, prefix: str, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    make(tmp_path / "a.zarr", version)
    put(s3, prefix, tmp_path / "a.zarr")
    proxy = fault_proxy(s3.endpoint)
    service = s3.through(proxy.endpoint)
    found = pyramid.info(service.url(prefix), service.storage_options)
    assert isinstance(found, pyramid.Image)
    assert len(proxy.requests) <= budget(version, len(found.levels))
    assert not any(one.is_listing for one in proxy.requests)
    assert {one.method for one in proxy.requests} == {"GET"}
    assert s3.options["secret"] not in repr(found) + str(found) + json.dumps(found.to_dict()) + repr(found.levels)
    np.testing.assert_array_equal(np.asarray(found.levels[0].zarr[0]), PIXELS[0])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images_by_ome_zarr_py_in_each_version_that_it_writes(version: str, web: WebServer, tmp_path: Path) -> None:
    form = OME_ZARR[version]
    path = tmp_path / "a.zarr"
    with warnings.catch_warnings(action="ignore"):  # it warns of itself, and even as it is imported
        from ome_zarr.writer import write_image

        group = zarr.open_group(path, mode="a", zarr_format=form.zarr_format)
        write_image(PIXELS[0], group, axes="zyx", fmt=form, scale={"z": 2.0, "y": 0.5, "x": 0.5})
    image = pyramid.open(web.url("a.zarr"))
    told: dict[str, Any] = group.attrs.asdict()
    datasets = told.get("ome", told)["multiscales"][0]["datasets"]
    assert (image.version, image.axes) == (version, "zyx")
    for level, dataset in zip(image.levels, datasets, strict=True):
        array = zarr.open_array(path / dataset["path"], mode="r")
        assert (level.shape, level.chunks, level.dtype) == (array.shape, array.chunks, array.dtype)
        assert level.scale == tuple(dataset["coordinateTransformations"][0]["scale"])
    np.testing.assert_array_equal(np.asarray(image.levels[0].zarr[...]), PIXELS[0])


@pytest.mark.parametrize(("version", "separator"), [("0.1", "."), ("0.2", "/"), ("0.3", "/")])
def test_old_versions_are_read_as_ome_zarr_py_reads_them(version: str, separator: str, tmp_path: Path) -> None:
    axes = "zyx" if version == "0.3" else "tczyx"
    told: dict[str, Any] = {"version": version, "datasets": [{"path": "0"}, {"path": "1"}]}
    if version == "0.3":
        told["axes"] = list(axes)
    group = zarr.create_group(tmp_path / "a", zarr_format=2, attributes={"multiscales": [told]})
    for level in (0, 1):
        values = PIXELS[0, :, :: 2**level, :: 2**level].reshape((1,) * (len(axes) - 3) + (3, 64 >> level, 48 >> level))
        keys: Any = {"name": "v2", "separator": separator}
        group.create_array(str(level), data=values, chunks=values.shape, chunk_key_encoding=keys)
    location = ome_zarr.io.parse_url(tmp_path / "a")
    assert location is not None
    (node,) = ome_zarr.reader.Reader(location)()
    image = pyramid.open(tmp_path / "a")
    assert (image.version, image.notices) == (version, ())
    assert [{"name": axis} for axis in image.axes] == [{"name": one["name"]} for one in node.metadata["axes"]]
    for opened, data in zip(image.levels, node.data, strict=True):
        assert (opened.scale, opened.shape, opened.dtype) == (None, data.shape, data.dtype)
        np.testing.assert_array_equal(np.asarray(opened.zarr[...]), data.compute(scheduler="synchronous"))


def test_an_image_of_0_1_with_dots_in_its_keys_is_read_over_plain_http(plain_web: WebServer, tmp_path: Path) -> None:
    shutil.copytree(OME_ZARRS / "ome+ome-zarr-py" / "v1", tmp_path / "v1")
    image = pyramid.open(plain_web.url("v1"))
    assert (image.version, image.levels[0].shape, image.levels[0].scale) == ("0.1", (1, 2, 1, 16, 16), None)
    expected = zarr.open_array(tmp_path / "v1" / "0", mode="r")[...]
    np.testing.assert_array_equal(np.asarray(image.levels[0].zarr[...]), expected)
    assert plain_web.count(key="v1/0/0.0.0.0.0") == 1
    assert "unknown" in str(image)


ARRAYS: list[dict[str, Any]] = [
    {"dtype": "uint16", "chunks": (4, 5)},
    {"dtype": "float32", "chunks": (4, 5), "compressors": None},
    {"dtype": ">i4", "chunks": (7, 9)},
    {"dtype": "bool", "chunks": (1, 9)},
    {"dtype": "complex64", "chunks": (4, 5)},
    {"dtype": "int64", "chunks": (2, 3), "shards": (4, 6), "zarr_format": 3},
]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("settings", ARRAYS, ids=lambda settings: str(settings["dtype"]))
def test_documents_are_read_as_zarr_reads_them(settings: dict[str, Any], zarr_format: int, tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a", shape=(11, 13), **{"zarr_format": zarr_format, **settings})
    node = read_node(open_objects(str(tmp_path / "a")))
    assert node is not None
    facts = read_facts(node)
    assert (facts.shape, facts.chunks, facts.shards) == (array.shape, array.chunks, array.shards)
    # In format 3 the order of bytes belongs to a codec.
    expected = np.dtype(array.dtype) if zarr_format == 2 else np.dtype(array.dtype).newbyteorder("=")
    assert (facts.dtype.to_numpy(), str(facts.dtype)) == (expected, str(expected))
    assert facts.nbytes == array.nbytes


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("shape", [1] * 33, "its shape must be a list of at most 32 whole numbers"),
        ("shape", [2.5, 3], "its shape must be"),
        ("shape", [10**30, 3], "its shape must be"),
        ("shape", [-1, 3], "its shape must be"),
        ("chunk_grid", {"name": "rectangular"}, "a 'regular' one"),
        ("chunk_grid", {"name": "regular", "configuration": {"chunk_shape": [0, 1]}}, "its chunk_shape must be"),
        ("chunk_grid", {"name": "regular", "configuration": {"chunk_shape": [4]}}, "must be a list of 4 whole numbers"),
        ("data_type", "string", "its data_type 'string' is not supported for pixels"),
        ("data_type", {"name": "uint8"}, "its data_type"),
        ("codecs", [{}], "has no name"),
        ("codecs", [{"name": "sharding_indexed", "configuration": {"chunk_shape": [1]}}], "a list of 4 whole numbers"),
        ("codecs", [{"name": "bytes"}] * 33, "its codecs must be a list of at most 32"),
        ("codecs", "x", "its codecs must be"),
    ],
)
def test_broken_arrays_are_told(key: str, value: object, message: str, tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / "1" / "zarr.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(SourceError, match=rf"a\.zarr: level '1' cannot be read: .*{message}"):
        pyramid.open(tmp_path / "a.zarr")


def test_codecs_in_codecs_have_an_end(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / "0" / "zarr.json"
    codecs: list[Any] = [{"name": "bytes"}]
    for _ in range(5):
        codecs = [{"name": "sharding_indexed", "configuration": {"chunk_shape": [1] * 4, "codecs": codecs}}]
    path.write_text(json.dumps({**json.loads(path.read_text()), "codecs": codecs}))
    with pytest.raises(SourceError, match="its codecs must be a list"):
        pyramid.open(tmp_path / "a.zarr")


def make_plate(folder: Path, wells: int, version: str = "0.4") -> None:
    """A plate whose first two wells exist, two fields each."""
    format_2 = version == "0.4"
    rows, columns = 16, 24
    places = [(row, column) for row in range(rows) for column in range(columns)][:wells]
    plate = {
        "name": "screen",
        "rows": [{"name": chr(65 + row)} for row in range(rows)],
        "columns": [{"name": str(column + 1)} for column in range(columns)],
        "wells": [
            {"path": f"{chr(65 + row)}/{column + 1}", "rowIndex": row, "columnIndex": column} for row, column in places
        ],
        "field_count": 2,
    }
    well = {"images": [{"path": "0"}, {"path": "1"}]}

    def told(key: str, value: dict[str, Any]) -> dict[str, Any]:
        return {key: {"version": version, **value}} if format_2 else {"ome": {"version": version, key: value}}

    form: Any = 2 if format_2 else 3
    zarr.create_group(folder, zarr_format=form, attributes=told("plate", plate))
    for name in ("A/1", "A/2"):
        zarr.create_group(folder / name, zarr_format=form, attributes=told("well", well))
        for field in ("0", "1"):
            make(folder / name / field, version)


@pytest.mark.parametrize(("version", "most"), [("0.4", 3 + 2 + 9), ("0.5", 2 + 5)])
def test_a_plate_of_384_wells_takes_one_well_as_a_sample(
    version: str, most: int, web: WebServer, tmp_path: Path
) -> None:
    make_plate(tmp_path / "p.zarr", 384, version)
    plate = pyramid.info(web.url("p.zarr"))
    assert isinstance(plate, pyramid.Collection)
    assert len(web.requests) <= most
    assert (plate.kind, plate.version, len(plate.paths), plate.notices) == ("plate", version, 384, ())
    assert [image.url for image in plate.images] == [web.url("p.zarr/A/1/0")]
    for told in (str(plate), plate._repr_html_()):
        for word in ("screen", "16 x 24", "384 wells", "czyx 2 x 3 x 64 x 48"):
            assert word in told
    assert repr(plate) == f"<Collection {web.url('p.zarr')!r}: plate of 384 wells>"
    assert json.loads(json.dumps(plate.to_dict()))["wells"][25] == {"path": "B/2", "row": 1, "column": 1}


def test_all_wells_are_read_where_that_is_asked_for(web: WebServer, tmp_path: Path) -> None:
    make_plate(tmp_path / "p.zarr", 3)
    plate = pyramid.info(web.url("p.zarr"), all=True)
    assert isinstance(plate, pyramid.Collection)
    assert [image.url.rpartition("p.zarr/")[2] for image in plate.images] == ["A/1/0", "A/1/1", "A/2/0", "A/2/1"]
    assert plate.notices == ("A/3 cannot be read: it is named, but no such Zarr group exists; copy it again",)
    assert str(plate).count("czyx") == 4


def test_a_plate_draws_the_wells_that_exist(tmp_path: Path) -> None:
    names = [{"name": "1"}, {"name": "2"}]
    plate = {"rows": [{"name": "A"}, {"name": "B"}], "columns": names, "wells": [{"path": "A/2"}, {"path": "B/1"}]}
    zarr.create_group(tmp_path / "p", zarr_format=2, attributes={"plate": plate})
    lines = str(pyramid.info(tmp_path / "p")).splitlines()
    assert [line.split() for line in lines[-3:]] == [["1", "2"], ["A", ".", "o"], ["B", "o", "."]]


def test_a_plate_that_cannot_be_drawn_lists_its_wells(tmp_path: Path) -> None:
    columns = [{"name": str(i)} for i in range(50)]
    plate = {"rows": [{"name": "A"}], "columns": columns, "wells": [{"path": f"A/{i}"} for i in range(20)]}
    zarr.create_group(tmp_path / "p", zarr_format=3, attributes={"ome": {"version": "0.5", "plate": plate}})
    assert "A/0, A/1, A/2" in str(pyramid.info(tmp_path / "p"))
    assert "A/11 and 8 more" in str(pyramid.info(tmp_path / "p"))


def test_a_plate_of_others(tmp_path: Path) -> None:
    plate = pyramid.info(OME_ZARRS / "imaging-formats+yaozarrs" / "76-45.ome.zarr")
    assert isinstance(plate, pyramid.Collection)
    assert len(plate.paths) == 384
    assert "level '0' is named in its metadata, but no such array exists" in plate.notices[0]


@pytest.mark.parametrize("listed", [True, False])
def test_images_map_concurrently(listed: bool, web: WebServer, tmp_path: Path) -> None:
    root = tmp_path / "r.zarr"
    zarr.create_group(root, zarr_format=3, attributes={"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    for name in ("0", "1"):
        make(root / name)
    if listed:
        zarr.create_group(root / "OME", attributes={"ome": {"version": "0.5", "series": ["0", "1"]}})
    here, there, all_there = (
        pyramid.info(root),
        pyramid.info(web.url("r.zarr")),
        pyramid.info(web.url("r.zarr"), all=True),
    )
    assert isinstance(here, pyramid.Collection)
    assert isinstance(there, pyramid.Collection)
    assert isinstance(all_there, pyramid.Collection)
    assert here.paths == all_there.paths == ("0", "1")
    assert there.paths == (("0", "1") if listed else ("0",))
    assert ("1 image or more" in str(there)) is not listed
    assert [len(one.images) for one in (here, there, all_there)] == [1, 1, 2]
    with pytest.raises(
        SourceError, match=r"it is a series of images, not an image; open an image in it, as .*r\.zarr/0"
    ):
        pyramid.open(root)


def test_a_collection_in_itself_has_an_end(tmp_path: Path) -> None:
    layout = {"ome": {"version": "0.5", "bioformats2raw.layout": 3}}
    zarr.create_group(tmp_path / "r", attributes=layout)
    zarr.create_group(tmp_path / "r" / "0", attributes=layout)
    (notice,) = pyramid.info(tmp_path / "r", all=True).notices
    assert notice.startswith("0 cannot be read: there must be an image, not ")


def test_labels_are_listed_and_are_images() -> None:
    image = pyramid.open(OME_ZARRS / "zarr-developers+zarr-java" / "v0.5")
    assert image.labels == ("nuclei",)
    labels = pyramid.info(OME_ZARRS / "zarr-developers+zarr-java" / "v0.5" / "labels")
    assert isinstance(labels, pyramid.Collection)
    assert (labels.kind, labels.paths) == ("labels", ("nuclei",))
    assert labels.images[0].axes == "zyx"
    assert "nuclei" in str(labels)


def test_a_label_tells_what_it_labels(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+")
    ome: Any = group.attrs["ome"]
    group.attrs["ome"] = {**ome, "image-label": {"source": {"image": "../../"}}}
    image = pyramid.open(tmp_path / "a.zarr")
    assert "label of            ../../" in str(image)
    assert image.to_dict()["image_label"] == {"source": "../../", "colors": 0, "properties": 0}


def test_labels_that_lead_elsewhere_are_told_and_not_followed(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    zarr.create_group(tmp_path / "a.zarr" / "labels", attributes={"ome": {"labels": ["../../b"]}})
    image = pyramid.open(tmp_path / "a.zarr")
    assert image.labels == ()
    assert "labels[0]: '../../b' is not a path below" in image.notices[0]


@pytest.mark.parametrize(
    ("said", "notice"),
    [
        ("0.4-dev-spatialdata", "its version, '0.4-dev-spatialdata', is read as 0.4"),
        (None, "it does not give its version; it is read as 0.4"),
        ("0.4", None),
    ],
)
def test_odd_versions_are_read_with_a_notice(said: str | None, notice: str | None, tmp_path: Path) -> None:
    make(tmp_path / "a.zarr", "0.4")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+")
    told = group.attrs.asdict()
    told["multiscales"][0]["version"] = said  # type: ignore[index]  # JSON
    group.attrs.put(told)
    assert pyramid.open(tmp_path / "a.zarr").notices == ((notice,) if notice else ())
    shown = CliRunner().invoke(main, ["info", str(tmp_path / "a.zarr"), "--json"])
    assert json.loads(shown.stdout)["version"] == "0.4"
    assert shown.stderr == (f"pyramid: {notice}\n" if notice else "")


def test_a_version_that_is_a_number_is_read_with_a_notice(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    document = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    document["attributes"]["ome"]["version"] = 0.5
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(document))
    image = pyramid.open(tmp_path / "a.zarr")
    assert image.notices == ("its version, 0.5, is read as 0.5",)
    assert image.levels[0].shape == PIXELS.shape


def test_what_an_upgrade_left_beside_ome_is_not_read(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    document = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    for old in ([], [{"version": "0.4", "axes": [], "datasets": []}]):
        document["attributes"]["multiscales"] = old
        (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(document))
        image = pyramid.open(tmp_path / "a.zarr")
        assert (image.version, image.levels[0].shape) == ("0.5", PIXELS.shape)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_in_another_order_are_taken_from_the_largest_on(version: str, tmp_path: Path) -> None:
    make(tmp_path / "a.zarr", version)
    path = tmp_path / "a.zarr" / ("zarr.json" if version == "0.5" else ".zattrs")
    document = json.loads(path.read_text())
    ome = document["attributes"]["ome"] if version == "0.5" else document
    ome["multiscales"][0]["datasets"].reverse()
    path.write_text(json.dumps(document))
    said = "its levels are not listed from the largest on"
    assert pyramid.open(tmp_path / "a.zarr").notices == (f"{said}: 2 is first, and 0 is larger",)
    made = pyramid.convert(tmp_path / "a.zarr", tmp_path / "b.zarr")
    np.testing.assert_array_equal(np.asarray(made.levels[0].data), PIXELS)
    assert (made.levels[0].scale or ())[-2:] == (0.5, 0.5)
    result = CliRunner().invoke(main, ["convert", str(tmp_path / "a.zarr"), str(tmp_path / "c.zarr"), "--no-progress"])
    assert f"{said}: '0' is taken as the largest" in result.stderr


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is empty, as after a transfer that was cut"),
        (b"File not found", "it begins with 'File not found'"),
        (b'{"a": ' + b"7" * 5000 + b"}", "a number in it has thousands of digits"),
    ],
)
def test_a_document_that_is_no_json_is_shown(body: bytes, told: str, tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/zarr.json").write_bytes(body)
    for read in (pyramid.open, pyramid.plan):
        with pytest.raises(SourceError, match=f"zarr.json is not JSON: {told}"):
            read(tmp_path / "a.zarr")


def test_what_is_no_ome_zarr_is_told_on_disk(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(SourceError) as caught:
            pyramid.info(path)
        assert str(caught.value).startswith(str(path))
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    (tmp_path / "n5").mkdir()
    (tmp_path / "n5" / "attributes.json").write_text("{}")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    zarr.create_array(tmp_path / "folder" / "a", shape=(3, 4), dtype="uint8")
    zarr.create_group(tmp_path / "group").create_group("sub")
    zarr.create_group(tmp_path / "scene", attributes={"ome": {"version": "0.6", "scene": {}}})
    (tmp_path / "a.tif").write_bytes(b"II*\0....")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04....")
    assert "the folder is empty" in told(tmp_path / "empty")
    assert "it is an N5 group" in told(tmp_path / "n5")
    assert "without zarr.json" in told(tmp_path / "notes")
    assert "it is a folder of Zarr arrays (a), and none is an OME-Zarr; make" in told(tmp_path / "folder")
    assert "a Zarr array, 3 x 4 of uint8" in told(tmp_path / "folder" / "a")
    assert told(tmp_path / "group").endswith("and it holds neither an array nor an image; check the path")
    zarr.create_array(tmp_path / "group" / "b", shape=(3, 4), dtype="u2")
    assert told(tmp_path / "group").endswith("name an array in it to pyramid convert, or give an image within it")
    assert "it is a scene" in told(tmp_path / "scene")
    assert "it is a TIFF; make an OME-Zarr of it with pyramid convert" in told(tmp_path / "a.tif")
    assert "a zip archive; unpack it" in told(tmp_path / "a.zip")
    assert "no such file or folder exists" in told(tmp_path / "nothing")


def test_what_is_no_ome_zarr_is_told_over_http(web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"MM\0*....")
    for key, message in (("a.tif", "it is a TIFF"), ("nothing", "nothing here is an OME-Zarr: the server has neither")):
        with pytest.raises(SourceError, match=message):
            pyramid.info(f"{web.url(key)}?token={SECRET}")
    with pytest.raises(SourceError) as caught:
        pyramid.info(f"{web.url('nothing')}?token={SECRET}")
    assert SECRET not in str(caught.value)


def test_the_exit_status_and_one_message(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["info", str(tmp_path / "nothing")])
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)


def test_what_anyone_wrote_does_not_steer_a_terminal(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr", name="\x1b[2Jcells", channel_names=["\x07bell", "b" * 500])
    shown = str(pyramid.open(tmp_path / "a.zarr"))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert max(map(len, shown.splitlines())) < 300


class Guarded:
    """Objects of a server that says 403 for what is not there, as object storages do where listing is not allowed."""

    def __init__(self, inner: Objects) -> None:
        self.inner = inner
        self.location = locate("s3://bucket/a.zarr")

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        size = self.inner.fetch(key, into, expected_bytes)
        if size is None:
            raise StorageError(f"{key}: 403 Forbidden", status=403)
        return size

    def fingerprint(self, key: str) -> tuple[int, str | None] | None:
        return self.inner.fingerprint(key)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        raise StorageError(f"{key}: 403 Forbidden", status=403)


def test_what_is_forbidden_may_be_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.zarr", "0.4")
    guarded = Guarded(open_objects(str(tmp_path / "a.zarr")))
    monkeypatch.setattr(pyramid.image.reader, "open_objects", lambda *_: guarded)
    image = pyramid.open("s3://bucket/a.zarr")
    assert (image.version, image.labels) == ("0.4", ())
    assert "refuses (403) whatever it does not have" in image.notices[0]
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(SourceError, match=r"s3://bucket/a\.zarr: the server refuses access \(403\): it is private, or"):
        pyramid.open("s3://bucket/a.zarr")


def test_what_a_server_cannot_do_is_told(web: WebServer, fault_proxy: Callable[[str], FaultProxy]) -> None:
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.UNAVAILABLE, times=math.inf))
    with pytest.raises(SourceError, match="503") as caught:
        pyramid.info(f"{proxy.endpoint}/a.zarr", {"retries": 1, "retry_seconds": 1})
    assert caught.value.exit_status == 3


def test_tables_fit_a_terminal(tmp_path: Path) -> None:
    names: dict[str, Any] = {
        "name": "cells of a long name " * 9,
        "channel_names": ["anti-tubulin, Alexa Fluor 488 " * 4, "細胞核 " * 40],
    }
    pixels = np.broadcast_to(np.uint16(7), (1, 2, 40, 300, 500))
    scale = {"t": 1.23456, "z": 0.1083, "y": 0.1083, "x": 0.1083}
    target = tmp_path / ("folder " * 12) / ("deep" * 20) / "a.zarr"
    target.parent.mkdir(parents=True)
    image = pyramid.convert(pixels, target, axes="tczyx", scale=scale, **names)
    plan = pyramid.plan(pixels, axes="tczyx", scale=scale, **names)
    shown = str(image)
    assert max(map(len, (shown + "\n" + str(plan)).splitlines())) <= 80
    assert "".join(str(target).split()) in "".join(shown.split())  # an address is whole
    assert "cells of a long name cells of a long name cells of a long..." in shown
    for word in (
        "z 4.332, y 32.49, x 54.15 micrometer",
        "z, y, x in micrometer",
        "t 1.23456 without a unit",
        "27.0 MB (27,000,000 bytes)",
    ):
        assert word in shown
        assert word in image._repr_html_()


@pytest.mark.parametrize("root", [root for root in (OME_ZARRS,) if root.is_dir()])
def test_tables_of_others_fit_a_terminal(root: Path) -> None:
    shown = 0
    for path in sorted(
        {document.parent for document in root.rglob("zarr.json")} | {p.parent for p in root.rglob(".zgroup")}
    ):
        try:
            found = pyramid.info(path)
        except SourceError:
            continue
        shown += 1
        assert max(map(len, str(found).splitlines())) <= 80, path
    assert shown >= 10
