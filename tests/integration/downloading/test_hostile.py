"""A store that means harm writes nothing outside of the folder, fills no memory, and is told for what it is."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.downloading import DownloadProgress
from pyramid.hierarchy.nodes import MAX_DOCUMENT_BYTES
from tests.support import trees
from tests.support.servers.web import WebServer
from tests.support.stores import digests

MOST_BYTES = 96 * 2**20
PATHS = [
    "../outside",
    "..",
    "a/../../outside",
    "/outside",
    "//outside",
    "a//b",
    "a/./b",
    "..\\outside",
    "a\\b",
    "C:outside",
    "C:/outside",
    "a\0b",
    "a\nb",
    "\ud800",
    "x" * 5000,
    5,
    None,
    ["0"],
]


def array_document(shape: list[int], chunks: list[int]) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0,
        "codecs": [{"name": "bytes"}],
    }


def group_document(ome: dict[str, Any]) -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **ome}}}


def interrupt(state: DownloadProgress) -> None:
    raise KeyboardInterrupt


def images(*paths: Any) -> dict[str, Any]:
    return {"multiscales": [{"datasets": [{"path": path} for path in paths]}]}


@pytest.fixture
def bounded() -> Any:
    """The test's own memory stays small."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES


@pytest.mark.parametrize(
    ("where", "path"),
    [
        *(("image", path) for path in PATHS),
        *((where, path) for where in ("labels", "plate", "well", "series", "consolidated") for path in PATHS[:3]),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_no_path_leads_out(where: str, path: Any, web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "outside", 3)
    ome: dict[str, Any] = {
        "image": images(path),
        "labels": {"labels": [path]},
        "plate": {"plate": {"wells": [{"path": path}]}},
        "well": {"well": {"images": [{"path": path}]}},
        "series": {"bioformats2raw.layout": 3},
        "consolidated": {},
    }[where]
    document = group_document(ome)
    if where == "consolidated":
        document["consolidated_metadata"] = {"metadata": {path: {"node_type": "array"}}}
    trees.write_json(tmp_path / "web/served/zarr.json", document)
    trees.write_json(tmp_path / "web/served/OME/zarr.json", group_document({"series": [path]}))
    before = digests(tmp_path)
    with pytest.raises(pyramid.SourceError, match="is not a path"):
        pyramid.download(web.url("web/served"), tmp_path / "deep/came")
    came = {key: value for key, value in digests(tmp_path).items() if key not in before}
    assert came == {}


@pytest.mark.parametrize("place", ["folder", "file", "document", "array", "own"])
def test_links_in_the_folder_are_not_followed(place: str, web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("kept")
    came = tmp_path / "came"

    def plant(state: DownloadProgress) -> None:
        if state.done_objects == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.download(web.url("served"), came, progress=plant, workers=1)
    link, target = {
        "folder": (came / "1/c", tmp_path / "outside"),
        "file": (came / "1/c/0/0", tmp_path / "outside/file"),
        "document": (came / "zarr.json", tmp_path / "outside/file"),
        "array": (came / "1", tmp_path / "outside"),
        "own": (came / ".pyramid-download/lock", tmp_path / "outside/file"),
    }[place]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    with pytest.raises(pyramid.TargetError):
        pyramid.download(web.url("served"), came)
    assert digests(tmp_path / "outside").keys() == {"file"}
    assert (tmp_path / "outside/file").read_text() == "kept"


def test_a_file_where_a_folder_must_be(web: WebServer, tmp_path: Path) -> None:
    trees.write_json(tmp_path / "served/zarr.json", group_document(images("a", "a/c/0/b")))
    for path in ("a", "a/c/0/b"):
        trees.write_json(tmp_path / "served" / path / "zarr.json", array_document([0], [1]))
    (tmp_path / "came").mkdir()
    with pytest.raises(KeyboardInterrupt):
        pyramid.download(web.url("served"), tmp_path / "came", progress=interrupt)
    (tmp_path / "came/a/c").mkdir(parents=True, exist_ok=True)
    shutil.rmtree(tmp_path / "came/a/c")
    (tmp_path / "came/a/c").write_text("in the way")
    with pytest.raises(pyramid.TargetError, match="is a file where a folder must be"):
        pyramid.download(web.url("served"), tmp_path / "came")


def test_the_downloads_own_folder_is_no_name(web: WebServer, tmp_path: Path) -> None:
    trees.write_json(tmp_path / "served/zarr.json", group_document(images(".pyramid-download/0")))
    trees.write_json(tmp_path / "served/.pyramid-download/0/zarr.json", array_document([1], [1]))
    with pytest.raises(pyramid.TargetError, match="reserved for a download's own files"):
        pyramid.download(web.url("served"), tmp_path / "came")


def test_a_shape_without_bound_is_refused(web: WebServer, tmp_path: Path, bounded: None) -> None:
    trees.write_json(tmp_path / "served/zarr.json", array_document([2**62, 2**62], [1, 1]))
    with pytest.raises(pyramid.OptionError, match="the limit is 10000000"):
        pyramid.download(web.url("served"), tmp_path / "came")


def test_a_billion_chunks_take_no_memory_and_can_be_stopped(web: WebServer, tmp_path: Path, bounded: None) -> None:
    trees.write_json(tmp_path / "served/zarr.json", array_document([10**9, 10**9], [1, 1]))

    def stop(state: DownloadProgress) -> None:
        if state.missing >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.download(web.url("served"), tmp_path / "came", max_objects=10**30, progress=stop)
    assert web.count() < 1000
    assert not (tmp_path / "came/zarr.json").exists()


@pytest.mark.parametrize("kind", ["labels", "plate"])
def test_a_million_children_are_refused(kind: str, web: WebServer, tmp_path: Path) -> None:
    paths = [f"{n:x}" for n in range(200_000)]
    wells = [{"path": path} for path in paths]
    ome: dict[str, Any] = {"labels": paths} if kind == "labels" else {"plate": {"wells": wells}}
    trees.write_json(tmp_path / "served/zarr.json", group_document(ome))
    with pytest.raises(pyramid.SourceError, match="names 200000 nodes"):
        pyramid.download(web.url("served"), tmp_path / "came")
    assert web.count() == 1


def test_a_level_that_is_named_ten_thousand_times_comes_once(web: WebServer, tmp_path: Path) -> None:
    trees.write_json(tmp_path / "served/zarr.json", group_document(images(*["0"] * 10_000)))
    trees.array(tmp_path / "served/0", np.ones(10), chunks=(5,), zarr_format=3)
    came = pyramid.download(web.url("served"), tmp_path / "came")
    assert came.objects == 2
    assert web.count("GET", "served/0/*") == 3
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_labels_that_go_down_for_ever_come_to_an_end(web: WebServer, tmp_path: Path, monkeypatch: Any) -> None:
    trees.write_json(tmp_path / "served/zarr.json", group_document({"labels": ["a"]}))
    monkeypatch.setattr(web, "file", lambda _: tmp_path / "served/zarr.json")  # whatever is asked for
    with pytest.raises(pyramid.SourceError, match="more than 40 parts"):
        pyramid.download(web.url("served"), tmp_path / "came")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" * 100_000, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "a JSON object"),
        (b"1" * 10_000, "not JSON"),
        (b'{"node_type": "thing"}', "node_type"),
        (b'{"node_type": "group", "attributes": 5}', "attributes"),
    ],
)
def test_documents_that_are_none(body: bytes, told: str, web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served/zarr.json").write_bytes(body)
    with pytest.raises(pyramid.SourceError, match=told):
        pyramid.download(web.url("served"), tmp_path / "came")


@pytest.mark.parametrize("name", ["zarr.json", ".zmetadata"])
def test_a_document_without_end_is_not_read_to_it(name: str, web: WebServer, tmp_path: Path, bounded: None) -> None:
    trees.image(tmp_path / "served", 2)
    with (tmp_path / "served" / name).open("wb") as file:
        file.truncate(200 * MAX_DOCUMENT_BYTES)  # it takes no room
    with pytest.raises(pyramid.SourceError, match="is longer than"):
        pyramid.download(web.url("served"), tmp_path / "came")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": None}, "shape"),
        ({"shape": [-1]}, "shape"),
        ({"shape": [True]}, "shape"),
        ({"shape": [1.5]}, "shape"),
        ({"shape": [1] * 100}, "shape"),
        ({"shape": [10**400]}, "shape"),
        ({"shape": [1, 1]}, "zarr.json: its chunk_shape must be a list of 2 whole"),
        ({"chunk_grid": {"name": "rectilinear"}}, "chunk_grid is 'rectilinear', and only a 'regular'"),
        ({"chunk_grid": 5}, "chunk_grid"),
        ({"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0]}}}, "chunk_shape"),
        ({"chunk_key_encoding": {"name": "other"}}, "chunk_key_encoding"),
        ({"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/../"}}}, "separator"),
        ({"storage_transformers": [{"name": "x"}]}, "storage_transformers"),
    ],
)
def test_arrays_whose_keys_cannot_be_known(change: dict[str, Any], told: str, web: WebServer, tmp_path: Path) -> None:
    trees.write_json(tmp_path / "served/zarr.json", {**array_document([1], [1]), **change})
    with pytest.raises(pyramid.SourceError, match=told):
        pyramid.download(web.url("served"), tmp_path / "came")


def test_what_is_named_and_not_there_is_told(web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    document = json.loads((tmp_path / "served/zarr.json").read_text())
    document["attributes"]["ome"]["multiscales"][0]["datasets"].append({"path": "7"})
    trees.write_json(tmp_path / "served/zarr.json", document)
    with pytest.raises(pyramid.SourceError, match="'7' is named by metadata, but no such array exists"):
        pyramid.download(web.url("served"), tmp_path / "came")
    assert json.loads((tmp_path / "came/zarr.json").read_text()) == document
    assert digests(tmp_path / "came").keys() >= digests(tmp_path / "served").keys()
