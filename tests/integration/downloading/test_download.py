"""What is downloaded is what is served, byte for byte, from every kind of server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
import zarr
from click.testing import CliRunner, Result

import pyramid
from pyramid.cli import main
from pyramid.downloading import DownloadProgress
from pyramid.downloading import run as running
from tests.support import trees
from tests.support.paths import OME_ZARRS
from tests.support.servers.faults import FaultProxy
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer
from tests.support.stores import digests, read_level

IMAGES = sorted(place.parent for place in [*OME_ZARRS.glob("*/*/zarr.json"), *OME_ZARRS.glob("*/*/.zgroup")])
DOCUMENTS = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
# Those of which more than the metadata is kept.
IMAGES = [path for path in IMAGES if any(file.is_file() and file.name not in DOCUMENTS for file in path.rglob("*"))]
TREES: dict[str, Callable[[Path], object]] = {
    "old image": trees.old_image,
    "v2 with points": lambda path: trees.image(path, 2, chunk_key_encoding={"name": "v2", "separator": "."}),
    "v2 with labels": lambda path: trees.image(path, 2, labels=True),
    "v3 with labels": lambda path: trees.image(path, 3, labels=True),
    "v3 with keys of v2": lambda path: trees.image(path, 3, chunk_key_encoding={"name": "v2", "separator": "."}),
    "v3 with points": lambda path: trees.image(path, 3, chunk_key_encoding={"name": "default", "separator": "."}),
    "shards": lambda path: trees.image(path, 3, shards=(32, 32), chunks=(16, 8)),
    "v2 plate": lambda path: trees.plate(path, 2),
    "v3 plate": lambda path: trees.plate(path, 3),
    "v2 collection": lambda path: trees.collection(path, 2),
    "v3 collection": lambda path: trees.collection(path, 3),
    "numbered collection": lambda path: trees.collection(path, 3, series=False),
    "well": lambda path: trees.well(path, 3),
    "array": lambda path: trees.array(path, np.arange(100), chunks=(7,), zarr_format=2),
    "number": lambda path: trees.array(path, np.array(5), zarr_format=3),
    "old number": lambda path: trees.array(path, np.array(5), zarr_format=2),
    "nothing": lambda path: trees.array(path, np.zeros((0, 3)), chunks=(2, 2), zarr_format=3),
}


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_images_of_others(image: Path, plain_web: WebServer, tmp_path: Path) -> None:
    shutil.copytree(image, tmp_path / "served")
    pyramid.download(plain_web.url("served"), tmp_path / "came")
    assert digests(tmp_path / "came") == digests(tmp_path / "served")
    assert {request.method for request in plain_web.requests} == {"GET"}


@pytest.mark.parametrize("server", ["web", "plain_web"])
@pytest.mark.parametrize("kind", TREES)
def test_every_kind(kind: str, server: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    web: WebServer = request.getfixturevalue(server)
    TREES[kind](tmp_path / "served")
    came = pyramid.download(web.url("served"), tmp_path / "came")
    assert digests(tmp_path / "came") == digests(tmp_path / "served")
    objects = [key for key in digests(tmp_path / "came") if not key.endswith(DOCUMENTS)]
    assert came.objects == len(objects)
    asked = [request.key for request in web.requests if request.key.removeprefix("served/") in objects]
    assert sorted(asked) == sorted(f"served/{key}" for key in objects)  # each once


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_consolidated_metadata_tells_what_a_plain_group_holds(
    zarr_format: int, plain_web: WebServer, tmp_path: Path
) -> None:
    root = zarr.open_group(tmp_path / "served", mode="w", zarr_format=zarr_format)  # type: ignore[arg-type]  # 2 or 3
    root.create_group("deep/er").create_array("numbers", data=np.arange(10.0), chunks=(3,))
    with pytest.raises(pyramid.SourceError, match="names no image, plate, well or array"):
        pyramid.download(plain_web.url("served"), tmp_path / "came")
    assert not (tmp_path / "came").exists()
    if zarr_format == 2:
        zarr.consolidate_metadata(tmp_path / "served")
    else:
        with pytest.warns(UserWarning, match="[Cc]onsolidated"):
            zarr.consolidate_metadata(tmp_path / "served")
    pyramid.download(plain_web.url("served"), tmp_path / "came")
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_missing_chunks_are_left_missing(plain_web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    (tmp_path / "served/0/c/1/2").unlink()
    (tmp_path / "served/1/c/0/0").unlink()
    came = pyramid.download(plain_web.url("served"), tmp_path / "came")
    assert (came.missing, came.objects) == (2, 3 * 4 + 2 * 2 - 2)
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_the_old_exercise(plain_web: WebServer, tmp_path: Path) -> None:
    levels = trees.old_image(tmp_path / "served")
    told = run("info", plain_web.url("served"), "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["version"] == "0.1"
    assert not plain_web.count("*", "served/*/*.*.*.*.*")  # metadata alone
    done = run("download", plain_web.url("served"), tmp_path / "came")
    assert done.exit_code == 0, done.output
    assert digests(tmp_path / "came") == digests(tmp_path / "served")
    for number, pixels in enumerate(levels):
        np.testing.assert_array_equal(read_level(tmp_path / "came", number, "0.1"), pixels)
        opened = zarr.open_array(tmp_path / "came" / str(number), mode="r")
        np.testing.assert_array_equal(opened[...], pixels)


@pytest.mark.parametrize(
    ("levels", "taken"), [("2", [2]), ("1:", [1, 2]), (":2", [0, 1]), ("0:1", [0]), (-1, [2]), (slice(1, 2), [1])]
)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_some_levels(zarr_format: int, levels: Any, taken: list[int], plain_web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", zarr_format, labels=True, levels=3)
    came = pyramid.download(plain_web.url("served"), tmp_path / "came", levels=levels)
    assert "rewritten" in str(came)
    assert plain_web.count("GET", "served/*/c/*") == (came.objects if zarr_format == 3 else 0)
    for image in ("", "labels/nuclei/", "labels/more/cells/"):
        here, there = tmp_path / "came" / image, tmp_path / "served" / image
        assert [n for n in range(3) if (here / str(n)).exists()] == taken
        for number in taken:
            assert digests(here / str(number)) == digests(there / str(number))
        told, was = (json.loads(trees.attributes_path(path).read_text()) for path in (here, there))
        for held in (told, was):
            ome = held["attributes"]["ome"] if zarr_format == 3 else held
            (multiscale,) = ome["multiscales"]
            multiscale["datasets"] = [dataset for dataset in multiscale["datasets"] if int(dataset["path"]) in taken]
        assert told == was
    assert [level.path for level in pyramid.open(tmp_path / "came").levels] == [str(n) for n in taken]


@pytest.mark.parametrize("name", ["simple_0.4", "simple_0.5"])
def test_some_levels_of_what_is_consolidated(name: str, plain_web: WebServer, tmp_path: Path) -> None:
    shutil.copytree(OME_ZARRS / "google+neuroglancer" / name, tmp_path / "served")
    pyramid.download(plain_web.url("served"), tmp_path / "came", levels="1:")
    came = digests(tmp_path / "came")
    assert [key for key in came if key.startswith("scale0/image")] == []
    assert ".zmetadata" not in came
    assert "consolidated_metadata" not in trees.attributes_path(tmp_path / "came").read_text()
    opened = pyramid.open(tmp_path / "came")
    assert [level.path for level in opened.levels] == ["scale1/image", "scale2/image"]


def test_all_levels_are_as_none(tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    assert pyramid.download(tmp_path / "served", tmp_path / "came", levels=":").levels is None
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


@pytest.mark.parametrize("levels", ["", "x", "1:2:3", "1;2", 1.5, True, slice(0, 4, 2)])
def test_what_is_no_level(levels: Any, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    with pytest.raises(pyramid.OptionError, match="levels: "):
        pyramid.download(tmp_path / "served", tmp_path / "came", levels=levels)


def test_levels_that_an_image_does_not_have(tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    result = run("download", tmp_path / "served", tmp_path / "came", "--levels", "5:")
    assert result.exit_code == 2
    assert "the image has 2 levels, and 5: takes none; give others" in result.stderr
    assert not (tmp_path / "came").exists()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_from_object_storage_without_a_listing(
    version: str, s3: Service, prefix: str, fault_proxy: Callable[[str], FaultProxy], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 999, (3, 100, 90), "uint16")
    pyramid.convert(
        pixels, s3.url(prefix), axes="zyx", ome_zarr_version=version, min_size=32, storage_options=s3.storage_options
    )
    proxy = fault_proxy(s3.endpoint)
    came = pyramid.download(
        s3.url(prefix), tmp_path / "came", storage_options=s3.through(proxy.endpoint).storage_options
    )
    served = s3.objects(prefix)
    assert {key: (tmp_path / "came" / key).read_bytes() for key in served} == served
    assert digests(tmp_path / "came").keys() == served.keys()
    assert not any(request.is_listing for request in proxy.requests)
    assert {request.method for request in proxy.requests} == {"GET"}
    assert came.retries == 0
    np.testing.assert_array_equal(read_level(tmp_path / "came", 0, version), pixels)


def test_long_objects_come_in_pieces(web: WebServer, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2**16, (2048, 2048), "uint16")
    trees.array(tmp_path / "served", pixels, chunks=pixels.shape, zarr_format=3, compressors=None)
    came = pyramid.download(web.url("served"), tmp_path / "came")
    assert (came.objects, came.bytes) == (1, pixels.nbytes)
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(tmp_path / "came")}}
    np.testing.assert_array_equal(ts.open(spec, read=True).result().read().result(), pixels)


def test_progress_is_told_and_ends_with_all(plain_web: WebServer, tmp_path: Path) -> None:
    trees.plate(tmp_path / "served", 3)
    seen: list[DownloadProgress] = []
    came = pyramid.download(plain_web.url("served"), tmp_path / "came", progress=seen.append)
    assert seen[-1].done_objects == seen[-1].total_objects == came.objects + came.missing
    assert seen[-1].done_bytes == came.bytes
    assert [state.done_objects for state in seen] == sorted(state.done_objects for state in seen)


@pytest.mark.parametrize("labels", [False, True])
def test_the_total_of_an_image_is_known_from_the_start(labels: bool, plain_web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3, labels=labels)
    seen: list[DownloadProgress] = []
    came = pyramid.download(plain_web.url("served"), tmp_path / "came", progress=seen.append)
    assert {state.total_objects for state in seen} == {came.objects + came.missing}
    assert all(state.is_total_final for state in seen)


def collection(path: Path, zarr_format: int) -> None:
    trees.group(path, {"bioformats2raw.layout": 3}, zarr_format)
    trees.group(path / "OME", {"series": ["0", "1", "2"]}, zarr_format)
    for name in "012":
        trees.image(path / name, zarr_format)


@pytest.mark.parametrize("tree", [trees.plate, trees.well, collection])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_total_of_many_images_is_estimated_from_the_first_on(
    tree: Callable[[Path, int], None], zarr_format: int, plain_web: WebServer, tmp_path: Path
) -> None:
    tree(tmp_path / "served", zarr_format)
    seen: list[DownloadProgress] = []
    came = pyramid.download(plain_web.url("served"), tmp_path / "came", progress=seen.append, workers=1)
    total = came.objects + came.missing
    assert not seen[0].is_total_final
    assert all(
        abs(state.total_objects - total) <= 3 for state in seen
    )  # its images are alike; few files are not theirs
    assert {state.total_objects for state in seen if state.is_total_final} == {total}
    assert " of about " in str(seen[0].snapshot())
    assert "100 %" not in " ".join(str(state.snapshot()) for state in seen if state.done_objects < total)
    assert "100 %" in str(seen[-1].snapshot())


def test_wells_that_are_missing_leave_the_total_right_at_the_end(plain_web: WebServer, tmp_path: Path) -> None:
    trees.plate(tmp_path / "served", 3)
    shutil.rmtree(tmp_path / "served/A/2")
    seen: list[DownloadProgress] = []
    with pytest.raises(pyramid.SourceError, match="A/2"):
        pyramid.download(plain_web.url("served"), tmp_path / "came", progress=seen.append, workers=1)
    assert seen[-1].done_objects == seen[-1].total_objects == len(seen) - 1
    assert max(state.total_objects for state in seen) < 2 * seen[-1].total_objects


def test_an_image_of_too_many_parts_is_counted_as_it_is_walked(
    plain_web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_HELD", 1)
    trees.image(tmp_path / "served", 3, labels=True)
    seen: list[DownloadProgress] = []
    came = pyramid.download(plain_web.url("served"), tmp_path / "came", progress=seen.append)
    assert seen[-1].is_total_final
    assert seen[-1].total_objects == came.objects + came.missing
    assert digests(tmp_path / "came") == digests(tmp_path / "served")


def test_the_command_says_what_came(plain_web: WebServer, tmp_path: Path) -> None:
    trees.image(tmp_path / "served", 3)
    (tmp_path / "served/0/c/0/0").unlink()
    result = run("download", plain_web.url("served"), tmp_path / "came", "--workers", 2)
    assert result.exit_code == 0
    assert "15 objects" in result.stdout
    assert "1 object is missing at the source, and here" in result.stdout
    told = json.loads(run("download", plain_web.url("served"), tmp_path / "again", "--json").stdout)
    assert (told["objects"], told["missing"], told["retries"]) == (15, 1, 0)
    assert run("download", plain_web.url("served"), tmp_path / "quiet", "-q").output == ""


@pytest.mark.parametrize("flag", ["--workers", "--max-objects"])
def test_a_number_that_is_none(flag: str, tmp_path: Path) -> None:
    result = run("download", tmp_path, tmp_path / "came", flag, "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{flag}: 0 is below 1" in result.stderr


def test_nothing_there(plain_web: WebServer, tmp_path: Path) -> None:
    result = run("download", plain_web.url("nowhere"), tmp_path / "came")
    assert result.exit_code == 3
    assert "is not a Zarr" in result.stderr
    assert not (tmp_path / "came").exists()
