"""Label images: written beside an image, replaced so that readers see the old or the new, and refused."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, PyramidError, TargetError
from pyramid.hierarchy.nodes import Node, read_node
from pyramid.labels.committing import commit_label
from pyramid.stores import open_objects
from pyramid.stores.local import LocalObjects
from pyramid.writing import generations
from tests.support.servers.service import Service
from tests.support.validators import validate_everything

KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "3"))
PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 3, 150, 201)).astype("uint16")
OLD = np.zeros((3, 150, 201), "int32")
OLD[:, 20:80, 30:110] = 3
OLD[:, 100:140, 120:200] = 7
NEW = np.where(OLD > 0, OLD + 100, 0).astype("int32")
SCALE = {"z": 2.0, "y": 0.5, "x": 0.25}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cells.ome.zarr"
    pyramid.convert(PIXELS, path, axes="czyx", scale=SCALE, origin={"y": 5.0}, min_size=64)
    return path


def pixels(url: object, options: dict[str, Any] | None = None) -> np.ndarray[Any, Any]:
    read: np.ndarray[Any, Any] = pyramid.open(str(url), options).levels[0].data.compute()
    return read


def generation_of(label: Path) -> int:
    return generations.generation_of(read_node(open_objects(str(label), None)) or Node("", 3, {}, None, {}))


def generations_in(label: Path) -> set[int]:
    """The generations that a label has folders of; the first has its levels in the label itself."""
    names = [entry.name for entry in label.iterdir() if entry.is_dir()]
    return {int(name[1:]) if name.startswith("v") else 0 for name in names}


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_labels_are_valid_and_have_the_levels_of_their_image(version: str, tmp_path: Path) -> None:
    path = tmp_path / "cells.ome.zarr"
    image = pyramid.convert(PIXELS, path, axes="czyx", scale=SCALE, min_size=64, ome_zarr_version=version)
    table = tmp_path / "cells.csv"
    table.write_text("value,color,class,area\n3,FF0000,nucleus,12.5\n7,00FF0080,,4\n")
    for given, overwrite in ((OLD, False), (NEW, True), (OLD, True)):
        label = pyramid.convert(given, path, axes="zyx", labels="nuclei", label_colors=table, overwrite=overwrite)
        assert np.array_equal(pixels(path / "labels" / "nuclei"), given)
        assert [level.shape for level in label.levels] == [level.shape[1:] for level in image.levels]
        assert [level.scale for level in label.levels] == [level.scale[1:] for level in image.levels if level.scale]
        assert label.metadata.method == "mode"
        assert label.metadata.label is not None
        assert (label.metadata.label.colors, label.metadata.label.properties) == (2, 2)
        validate_everything(path / "labels" / "nuclei", version)
        assert pyramid.verify(path).ok
        if not overwrite:  # ome-zarr-models does not find levels in a folder within a label
            pyramid.convert(OLD, path, axes="zyx", labels="cells")
            validate_everything(path, version)
            assert not [found for found in pyramid.validate(path).findings if found.level != "advice"]
            assert pyramid.open(path).labels == ("nuclei", "cells")
    assert pyramid.open(path).labels == ("nuclei", "cells")
    folders = {entry.name for entry in (path / "labels" / "nuclei").iterdir() if entry.is_dir()}
    assert folders == {"v1", "v2"}


def test_colours_and_properties_are_those_of_the_table(image: Path, tmp_path: Path) -> None:
    table = tmp_path / "cells.tsv"
    table.write_text("label\tcolour\tclass\n7\t\tcell\n3\t#FF0000\t\n")
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei", label_colors=str(table))
    document = json.loads((image / "labels" / "nuclei" / "zarr.json").read_text())["attributes"]["ome"]["image-label"]
    assert document == {
        "source": {"image": "../../"},
        "colors": [{"label-value": 3, "rgba": [255, 0, 0, 255]}],
        "properties": [{"label-value": 7, "class": "cell"}],
    }


def test_labels_go_into_a_bucket(s3: Service, prefix: str) -> None:
    url, storage = s3.url(prefix), s3.storage_options
    pyramid.convert(PIXELS, url, axes="czyx", storage_options=storage, min_size=64)
    for given, overwrite in ((OLD, False), (NEW, True), (OLD, True)):
        pyramid.convert(given, url, axes="zyx", labels="nuclei", storage_options=storage, overwrite=overwrite)
        assert np.array_equal(pixels(f"{url}/labels/nuclei", storage), given)
    assert pyramid.open(url, storage).labels == ("nuclei",)
    assert not [key for key in s3.objects(prefix) if "/nuclei/0/" in key or ".pyramid-run" in key]


def test_a_label_that_exists_is_kept(image: Path) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    with pytest.raises(TargetError, match="exists"):
        pyramid.convert(NEW, image, axes="zyx", labels="nuclei")
    assert np.array_equal(pixels(image / "labels" / "nuclei"), OLD)


def test_readers_see_the_old_label_until_the_new_one_is_whole(image: Path) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    seen = []

    def look(_state: object) -> None:
        seen.append(np.array_equal(pixels(image / "labels" / "nuclei"), OLD))

    options: dict[str, Any] = {"chunks": "z=1,y=64,x=64", "shards": "none", "workers": 1, "memory": "1MB"}
    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True, progress=look, **options)
    assert seen
    assert all(seen)
    assert np.array_equal(pixels(image / "labels" / "nuclei"), NEW)


@pytest.mark.parametrize("times", [1, 2])
def test_a_label_that_is_open_stays_readable_when_it_is_replaced_once(times: int, image: Path) -> None:
    given = {1: OLD, 2: NEW}[times]
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    if times > 1:
        pyramid.convert(given, image, axes="zyx", labels="nuclei", overwrite=True)
    label = pyramid.open(image / "labels" / "nuclei")
    pyramid.convert(given + 1, image, axes="zyx", labels="nuclei", overwrite=True)
    assert np.array_equal(label.levels[0].data.compute(), given)


PROGRAM = """
import sys, numpy as np, pyramid, pyramid.api, pyramid.labels
with_resume = sys.argv[3] == "resume"
print(flush=True)
pyramid.convert(np.load(sys.argv[1]), sys.argv[2], axes="zyx", labels="nuclei", chunks="z=1,y=32,x=32", shards="none",
    codec="gzip", codec_level=9, workers=1, resume=with_resume, overwrite=not with_resume)
"""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_replacement_leaves_the_old_or_the_new(seed: int, image: Path, tmp_path: Path) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    np.save(tmp_path / "new.npy", NEW)
    rng = random.Random(seed)
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path / "new.npy"), str(image)]
    for way in ("overwrite", "resume"):
        with subprocess.Popen([*command, way], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.8))
            process.kill()
        there = pixels(image / "labels" / "nuclei")
        assert np.array_equal(there, OLD) or np.array_equal(there, NEW)
        assert pyramid.open(image).labels == ("nuclei",)
    subprocess.run([*command, "overwrite"], check=True)
    assert np.array_equal(pixels(image / "labels" / "nuclei"), NEW)
    held = generation_of(image / "labels" / "nuclei")
    assert set(generations_in(image / "labels" / "nuclei")) <= {held, held - 1}
    assert pyramid.verify(image).ok


def test_a_replacement_that_stopped_goes_on(image: Path) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")

    def stop(state: Any) -> None:
        raise KeyboardInterrupt

    options: dict[str, Any] = {"chunks": "z=1,y=64,x=64", "shards": "none", "workers": 1, "memory": "2MB"}
    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True, progress=stop, **options)
    assert np.array_equal(pixels(image / "labels" / "nuclei"), OLD)
    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", resume=True, **options)
    assert np.array_equal(pixels(image / "labels" / "nuclei"), NEW)


def test_a_commit_that_stopped_goes_on(image: Path) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True)
    commit_label(str(image), "nuclei", 1, "0.5", None)  # once more, as after a crash at its end
    assert np.array_equal(pixels(image / "labels" / "nuclei"), NEW)
    objects = open_objects(str(image / "labels"), None)
    objects.delete("zarr.json")
    commit_label(str(image), "nuclei", 1, "0.5", None)
    assert pyramid.open(image).labels == ("nuclei",)


def test_folders_without_files_that_a_killed_run_left_are_removed(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True)
    label = image / "labels" / "nuclei"
    with monkeypatch.context() as patched:
        patched.setattr(generations, "shutil", SimpleNamespace(rmtree=stop))
        with pytest.raises(KeyboardInterrupt):
            pyramid.convert(OLD, image, axes="zyx", labels="nuclei", overwrite=True)
    assert any(not list((label / name).rglob("*.json")) for name in ("0", "1", "2") if (label / name).is_dir())
    (label / "tables").mkdir()  # of somebody else
    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True)
    assert sorted(entry.name for entry in label.iterdir() if entry.is_dir()) == ["tables", "v2", "v3"]


def test_a_replacement_that_ends_at_any_of_its_writes_leaves_the_old_or_the_new(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    label, left, seen = image / "labels" / "nuclei", [0], []

    def stopping(write: Any) -> Any:
        def step(*words: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return write(*words, **options)

        return step

    for steps in range(200):
        left[0] = steps
        with monkeypatch.context() as patched:
            for name in ("put", "delete"):
                patched.setattr(LocalObjects, name, stopping(getattr(LocalObjects, name)))
            try:
                pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True, workers=1)
            except KeyboardInterrupt:
                left[0] = 10**9
                seen.append(np.array_equal(pixels(label), NEW))
                assert seen[-1] or np.array_equal(pixels(label), OLD)
                assert pyramid.open(image).labels == ("nuclei",)
                if seen[-1]:
                    pyramid.convert(NEW, image, axes="zyx", labels="nuclei", overwrite=True)
                    pyramid.convert(OLD, image, axes="zyx", labels="nuclei", overwrite=True)
                continue
        break
    assert steps >= 8  # of the run and of its commit
    assert {True, False} == set(seen)
    assert np.array_equal(pixels(label), NEW)
    held = generation_of(label)
    assert set(generations_in(label)) <= {held, held - 1}


def test_the_command_line_plans_and_writes_labels(image: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "nuclei.npy", OLD)
    words = [str(tmp_path / "nuclei.npy"), str(image), "--axes", "zyx", "--labels", "nuclei"]
    planned = CliRunner().invoke(main, ["plan", *words])
    assert planned.exit_code == 0, planned.output
    assert "mode" in planned.output
    assert not (image / "labels").exists()
    made = CliRunner().invoke(main, ["convert", *words, "--no-progress"])
    assert made.exit_code == 0, made.output
    assert "labels/nuclei" in made.output.replace("\n", "")


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (OLD.astype("float32"), {}, "labels are whole numbers, and SOURCE is of float32"),
        (OLD > 0, {}, "labels are whole numbers, and SOURCE is of bool"),
        (OLD[:, :, :-1], {}, "do not fit .* x 200 instead of 201"),
        (np.pad(OLD, 1), {}, "do not fit"),
        (OLD[0], {"axes": "yx"}, "z none instead of 3"),
        (OLD, {"labels": "a/b"}, "is not a name of labels"),
        (OLD, {"labels": ".."}, "is not a name of labels"),
        (OLD, {"labels": ".hidden"}, "is not a name of labels"),
        (OLD, {"labels": "C:"}, "is not a name of labels"),
        (OLD, {"method": "median"}, "median makes values that are not labels"),
        (OLD, {"dtype": "uint8", "rescale": "min,max"}, "labels are numbers of objects, which must stay as they are"),
        (OLD, {"levels": 2}, "labels have the levels of their image"),
        (OLD, {"label_colors": {3: "red"}}, "is not a colour"),
        (OLD, {"label_colors": {"three": "FF0000"}}, "is not a label value"),
        (OLD, {"label_colors": "nowhere.csv"}, "nowhere.csv cannot be read"),
        (OLD, {"labels": None, "label_colors": {3: "FF0000"}}, "give labels=... too"),
    ],
)
def test_what_cannot_be_labels_is_refused(given: Any, options: dict[str, Any], said: str, image: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*")}
    for call in (pyramid.convert, pyramid.plan):
        with pytest.raises(PyramidError, match=said):
            call(given, image, **{"axes": "zyx", "labels": "nuclei", **options})
    assert {path: path.stat().st_mtime_ns for path in image.rglob("*")} == before


def test_tables_that_are_wrong_are_refused(image: Path, tmp_path: Path) -> None:
    for text, said in (
        ("values,color\n1,FF0000\n", "did you mean 'value'"),
        ("value,color\n1,FF0000\n1,00FF00\n", "given twice"),
        ("value,color\n1\n", "another number of cells"),
        ('value\n"1\n', "not CSV"),
    ):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(OptionError, match=said):
            pyramid.convert(OLD, image, axes="zyx", labels="nuclei", label_colors=tmp_path / "a.csv")


def test_labels_need_an_image(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="TARGET is none"):
        pyramid.convert(OLD, tmp_path / "nothing.ome.zarr", axes="zyx", labels="nuclei")
    assert not (tmp_path / "nothing.ome.zarr").exists()
    with pytest.raises(OptionError, match="labels: they are those of one image"):
        pyramid.convert([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], tmp_path, labels="nuclei")


def test_an_archive_takes_no_labels(tmp_path: Path) -> None:
    pyramid.convert(PIXELS, tmp_path / "cells.ozx", axes="czyx")
    before = (tmp_path / "cells.ozx").read_bytes()
    with pytest.raises(TargetError, match="unpack it"):
        pyramid.convert(OLD, tmp_path / "cells.ozx", axes="zyx", labels="nuclei")
    with pytest.raises(OptionError, match="only an OME-Zarr is zipped"):
        pyramid.convert(OLD, tmp_path / "other.ozx", axes="zyx", format="n5")
    assert (tmp_path / "cells.ozx").read_bytes() == before


def test_a_list_of_labels_that_is_damaged_is_named_before_anything_is_written(image: Path) -> None:
    (image / "labels").mkdir()
    (image / "labels" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": [1]}')
    with pytest.raises(PyramidError, match="the list of labels: attributes: there must be a JSON object"):
        pyramid.convert(OLD, image, axes="zyx", labels="nuclei")
    assert not (image / "labels" / "nuclei").exists()
