"""Levels added in place: those that `convert` makes, and level 0 and all metadata of others as they were."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import tensorstore as ts
import zarr
from click.testing import CliRunner

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, PyramidError, SourceError, TargetError
from pyramid.planning import passes
from pyramid.stores import open_objects
from pyramid.stores.local import LocalObjects
from pyramid.writing.lease import Lease
from tests.support.paths import OME_ZARRS
from tests.support.servers.service import Service
from tests.support.stores import digests, find_stores
from tests.support.trees import write_json
from tests.support.validators import validate_everything

KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "2"))
PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 8, 300, 201)).astype("uint16")
LABELS = np.kron(np.arange(1, 31, dtype="int32").reshape(5, 6), np.ones((30, 40), "int32"))
OPTIONS: dict[str, Any] = {
    "axes": "czyx",
    "scale": {"z": 2.0, "y": 0.5, "x": 0.25},
    "chunks": {"c": 1, "z": 8, "y": 64, "x": 64},
    "min_size": 80,
}


def whole(path: Path, **options: Any) -> Path:
    """The image with all its levels."""
    pyramid.convert(PIXELS, path, **{**OPTIONS, **options})
    return path


def lonely(path: Path, **options: Any) -> Path:
    """The image with only level 0."""
    return whole(path, levels=1, **options)


def multiscale(group: Path) -> dict[str, Any]:
    document = json.loads((group / ("zarr.json" if (group / "zarr.json").exists() else ".zattrs")).read_text())
    attributes = document.get("attributes", document)
    found: dict[str, Any] = attributes.get("ome", attributes)["multiscales"][0]
    return found


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("ome.zarr", {"ome_zarr_version": "0.4", "codec": "gzip"}),
        ("ome.zarr", {"shards": "none", "checksum": True}),
        ("ome.zarr", {"shards": {"c": 1, "z": 8, "y": 128, "x": 128}, "method": "max"}),
        ("ome.zarr", {"ome_zarr_version": "0.6", "codec": "zstd"}),
        ("ome.zarr", {"method": "gaussian", "skip_empty": True}),
        ("n5", {"codec": "gzip"}),
    ],
)
def test_levels_and_metadata_are_those_of_convert(ending: str, options: dict[str, Any], tmp_path: Path) -> None:
    expected, path = whole(tmp_path / f"a.{ending}", **options), lonely(tmp_path / f"b.{ending}", **options)
    pyramid.add_levels(path, min_size=80, method=options.get("method"))
    assert {key: one for key, one in digests(path).items() if "/" in key} == {
        key: one for key, one in digests(expected).items() if "/" in key
    }
    one, other = pyramid.open(expected), pyramid.open(path)
    assert [level.scale for level in other.levels] == [level.scale for level in one.levels]
    assert [level.translation for level in other.levels[1:]] == [level.translation for level in one.levels[1:]]
    left_out: dict[str, Any] = {"datasets": (), "channels": (), "name": "", "provenance": {}}
    assert replace(one.metadata, **left_out) == replace(other.metadata, **left_out)
    assert pyramid.verify(path).ok


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_wrong_levels_are_replaced_and_all_else_is_kept(version: str, tmp_path: Path) -> None:
    path = whole(tmp_path / "a.ome.zarr", ome_zarr_version=version, method="max")
    pyramid.edit(path, attributes={"lab": {"room": 7}}, name="mine")
    key = ".zattrs" if version == "0.4" else "zarr.json"
    document = json.loads((path / key).read_text())
    content = document if version == "0.4" else document["attributes"]["ome"]
    content["multiscales"][0] |= {"custom": [1], "metadata": {"who": "me"}}
    (path / key).write_text(json.dumps(document))
    base = digests(path / "0")
    for generation, method in enumerate(("min", "mean"), 1):
        image = pyramid.add_levels(path, rebuild=True, method=method, min_size=80)
        assert (image.name, image.metadata.method) == ("mine", method)
        kept = multiscale(path)
        assert (kept["custom"], kept["metadata"]["who"]) == ([1], "me")
        assert [dataset["path"] for dataset in kept["datasets"]] == ["0", f"v{generation}/1", f"v{generation}/2"]
        assert {entry.name for entry in path.iterdir() if entry.is_dir()} == {"0", f"v{generation}"}
        assert digests(path / "0") == base
        assert pyramid.verify(path).ok
        assert not [found for found in pyramid.validate(path).findings if found.level == "error"]
    after = json.loads((path / key).read_text())
    held = after if version == "0.4" else after["attributes"]
    assert held["lab"] == {"room": 7}
    assert (held if version == "0.4" else held["ome"])["omero"] == content["omero"]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_array_in_a_group_becomes_an_image(zarr_format: Any, tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=zarr_format, attributes={"mine": 1})
    names: dict[str, Any] = {"dimension_names": ["z", "y", "x"]} if zarr_format == 3 else {}
    array = group.create_array("data", shape=PIXELS.shape[1:], chunks=(5, 50, 60), dtype=">u2", fill_value=7, **names)
    array[:5] = PIXELS[0, :5]  # the rest is missing, and so 7
    if zarr_format == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = ["z", "y", "x"]
        group.create_array("1", shape=(4,), chunks=(4,), dtype="u1")
        zarr.consolidate_metadata(group.store)
    base = digests(tmp_path / "a.zarr" / "data")
    with pytest.warns(pyramid.PyramidWarning):
        image = pyramid.add_levels(tmp_path / "a.zarr" / "data", scale={"y": 0.5, "x": 0.5}, levels=2, method="mean")
    assert digests(tmp_path / "a.zarr" / "data") == base
    assert (image.axes, image.url) == ("zyx", str(tmp_path / "a.zarr"))
    paths = [dataset["path"] for dataset in multiscale(tmp_path / "a.zarr")["datasets"]]
    assert paths == ["data", "v1/1" if zarr_format == 2 else "1"]
    assert not (tmp_path / "a.zarr" / ".zmetadata").exists()
    expected = np.where(np.arange(8)[:, None, None] < 5, PIXELS[0], 7).astype("uint16")
    made = pyramid.convert(expected, tmp_path / "b.ome.zarr", axes="zyx", scale={"y": 0.5, "x": 0.5}, levels=2)
    assert np.array_equal(image.levels[1].data.compute(), made.levels[1].data.compute())
    assert zarr.open_group(tmp_path / "a.zarr", mode="r").attrs["mine"] == 1
    assert [one.window for one in image.channels] == [one.window for one in made.channels]
    assert pyramid.verify(tmp_path / "a.zarr").ok


def test_a_dataset_of_n5_becomes_an_image(tmp_path: Path) -> None:
    spec: Any = {
        "driver": "n5",
        "kvstore": {"driver": "file", "path": str(tmp_path / "a.n5/em/raw")},
        "metadata": {"compression": {"type": "gzip"}, "dataType": "uint16", "blockSize": [64, 50, 9]},
    }
    store = ts.open(spec, create=True, dtype=ts.uint16, shape=PIXELS[0].T.shape).result()
    store.write(PIXELS[0].T).result()
    image = pyramid.add_levels(tmp_path / "a.n5" / "em" / "raw", axes="zyx", scale="z=1,y=1,x=1", levels=3)
    assert [level.shape for level in image.levels] == [(8, 300, 201), (4, 150, 101), (2, 75, 51)]
    assert np.array_equal(image.levels[0].data.compute(), PIXELS[0])
    assert pyramid.verify(tmp_path / "a.n5" / "em").ok


def test_an_image_of_tensorstore_with_levels_in_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    spec: Any = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(path / "scale0" / "image")},
        "metadata": {
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [64, 64]}},
            "dimension_names": ["y", "x"],
        },
    }
    written = ts.open(spec, create=True, dtype=ts.uint16, shape=[300, 201]).result()
    written.write(PIXELS[0, 0]).result()
    moves = [
        {"type": "scale", "scale": [0.5, 0.25]},
        {"type": "translation", "translation": [10.0, 20.0]},
    ]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    dataset = {"path": "scale0/image", "coordinateTransformations": moves}
    outer = [{"type": "scale", "scale": [3.0, 3.0]}]
    item = {"name": "cells", "axes": axes, "datasets": [dataset], "coordinateTransformations": outer}
    ome = {"version": "0.5", "multiscales": [item]}
    write_json(path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}})
    pyramid.add_levels(path, levels=2)
    (path / "scale0" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    first, second = multiscale(path)["datasets"]
    assert first == dataset
    assert second["path"] == "scale1/image"
    assert [move[move["type"]] for move in second["coordinateTransformations"]] == [[1.0, 0.5], [10.25, 20.125]]
    assert multiscale(path)["coordinateTransformations"] == outer
    assert "omero" not in json.loads((path / "zarr.json").read_text())["attributes"]["ome"]
    assert zarr.open_array(path / "scale1" / "image", mode="r").shape == (150, 101)
    validate_everything(path, "0.5")


def test_a_codec_that_is_only_read_is_replaced_by_the_usual_one(tmp_path: Path) -> None:
    path = lonely(tmp_path / "a.ome.zarr", ome_zarr_version="0.4", codec="none")
    shutil.rmtree(path / "0")
    compressor = {"id": "zlib", "level": 3}
    zarr.create_array(path / "0", data=PIXELS, chunks=(1, 8, 64, 64), zarr_format=2, compressors=_numcodec(compressor))
    with pytest.warns(pyramid.PyramidWarning, match="the compression of level 0, zlib, is only read here"):
        pyramid.add_levels(path, min_size=80)
    assert json.loads((path / "1" / ".zarray").read_text())["compressor"]["cname"] == "lz4"


def _numcodec(config: dict[str, Any]) -> Any:
    import numcodecs

    return numcodecs.get_codec(config)


def test_labels_are_made_by_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.zarr"
    pyramid.convert(LABELS.astype("uint16"), path, axes="yx", min_size=40)
    for overwrite in (False, True):
        pyramid.convert(LABELS, path, axes="yx", labels="cells", overwrite=overwrite)
    document = path / "labels" / "cells" / "zarr.json"
    changed = json.loads(document.read_text())
    del changed["attributes"]["ome"]["multiscales"][0]["datasets"][1:]
    document.write_text(json.dumps(changed))
    assert "labels-levels" in {one.rule for one in pyramid.validate(path)}
    for rebuild in (False, True):
        image = pyramid.add_levels(path / "labels" / "cells", rebuild=rebuild)
        assert not {one.rule for one in pyramid.validate(path) if one.level == "error"}
        assert (image.metadata.method, len(image.levels)) == ("mode", 4)
        assert np.array_equal(image.levels[0].data.compute(), LABELS)
    with pytest.raises(OptionError, match="method: median makes values"):
        pyramid.add_levels(path / "labels" / "cells", rebuild=True, method="median")
    pyramid.convert(LABELS + 1, path, axes="yx", labels="cells", overwrite=True)
    folders = {entry.name for entry in (path / "labels" / "cells").iterdir() if entry.is_dir()}
    assert folders == {"v3", "v4"}  # the labels, and those that they replaced
    assert pyramid.verify(path).ok


def test_levels_are_added_in_a_bucket(s3: Service, prefix: str, tmp_path: Path) -> None:
    url, storage = s3.url(prefix), s3.storage_options
    pyramid.convert(PIXELS, url, **OPTIONS, levels=1, storage_options=storage)
    before = {key: one for key, one in s3.objects(prefix).items() if key.startswith("0/")}
    for rebuild, folder in ((False, ""), (True, "v1/")):
        image = pyramid.add_levels(url, min_size=80, rebuild=rebuild, storage_options=storage)
        expected = whole(tmp_path / f"{folder}a.ome.zarr")
        for level, other in zip(image.levels, pyramid.open(expected).levels, strict=True):
            assert np.array_equal(level.data.compute(), other.data.compute())
        after = s3.objects(prefix)
        assert {key: one for key, one in after.items() if key.startswith("0/")} == before
        assert {key.partition("/")[0] for key in after} == {
            "zarr.json",
            "0",
            *(("v1",) if folder else ("1", "2")),
        }


def test_readers_see_the_old_levels_until_the_new_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "BLOCK_BYTES_AIM", 0)  # so that there are several blocks
    path = whole(tmp_path / "a.ome.zarr", method="max", chunks="z=2,y=32,x=32", shards="none")
    old, seen = [level.data.compute() for level in pyramid.open(path).levels], []

    def look(_state: object) -> None:
        there = pyramid.open(path).levels
        seen.append(all(np.array_equal(a.data.compute(), b) for a, b in zip(there, old, strict=True)))
        with pytest.raises(TargetError, match="is being written"):
            pyramid.edit(path, name="other")
        with pytest.raises(TargetError, match="is being written"):
            pyramid.add_levels(path, rebuild=True)

    pyramid.add_levels(path, rebuild=True, min_size=80, progress=look, workers=1)
    assert len(seen) > 1
    assert all(seen)
    assert pyramid.open(path).metadata.method == "mean"


PROGRAM = """
import sys, pyramid, pyramid.adding
print(flush=True)
pyramid.add_levels(sys.argv[1], min_size=80, workers=1, codec="gzip", codec_level=9, memory="16MB", method="mean",
    rebuild=sys.argv[2] == "rebuild", resume=sys.argv[3] == "resume")
"""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(seed: int, tmp_path: Path) -> None:
    kind = ("add", "rebuild")[seed % 2]
    path = (whole if kind == "rebuild" else lonely)(tmp_path / "a.ome.zarr", method="max", chunks="z=2,y=32,x=32")
    before = digests(path)
    old, base = len(pyramid.open(path).levels), digests(path / "0")
    expected = whole(tmp_path / "b.ome.zarr", chunks="z=2,y=32,x=32", codec="gzip", codec_level=9)
    rng = random.Random(seed)
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path), kind]
    for way in ("begin", "resume"):
        with subprocess.Popen([*command, way], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.9))
            process.kill()
        image = pyramid.open(path)
        assert digests(path / "0") == base
        assert (image.metadata.method, len(image.levels)) in ((("max" if old > 1 else None), old), ("mean", 3))
        if image.metadata.method != "mean":
            assert {key: one for key, one in digests(path).items() if key in before} == before
        for level in image.levels:
            level.data.compute()
    done = image.metadata.method == "mean" and not (path / ".pyramid-levels").exists()
    subprocess.run([*command, "resume"], check=not done, stderr=subprocess.DEVNULL)
    there = [dataset["path"] for dataset in multiscale(path)["datasets"]]
    for number in (1, 2):
        assert digests(path / there[number]) == digests(expected / str(number))
    assert {entry.name.partition(".")[0] for entry in path.iterdir()} == {"zarr", *(p.partition("/")[0] for p in there)}
    assert pyramid.verify(path).ok


@pytest.mark.parametrize("kind", ["add", "rebuild"])
def test_a_run_that_ends_at_any_of_its_writes_goes_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, levels = tmp_path / "a.ome.zarr", 3 if kind == "rebuild" else 1
    pyramid.convert(LABELS, original, axes="yx", ome_zarr_version="0.4", method="max", min_size=80, levels=levels)
    old, left, ends = len(pyramid.open(original).levels), [0], set()

    def stopping(write: Callable[..., Any]) -> Callable[..., Any]:
        def step(*words: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return write(*words, **options)

        return step

    for steps in itertools.count():
        path = Path(shutil.copytree(original, tmp_path / f"{steps}.ome.zarr"))
        left[0] = steps
        with monkeypatch.context() as patched:
            for name in ("put", "delete"):
                patched.setattr(LocalObjects, name, stopping(getattr(LocalObjects, name)))
            try:
                pyramid.add_levels(path, rebuild=kind == "rebuild", min_size=80, method="min", workers=1)
            except KeyboardInterrupt:
                left[0] = 10**9
            else:
                break
        image = pyramid.open(path)
        ends.add((image.metadata.method, len(image.levels)))
        if steps % 3:
            with pytest.warns(pyramid.PyramidWarning) if image.metadata.method == "min" else _quiet():
                pyramid.add_levels(path, rebuild=kind == "rebuild", min_size=80, method="min", resume=True)
        elif image.metadata.method != "min":
            pyramid.add_levels(path, rebuild=kind == "rebuild", min_size=80, method="min")
        else:
            pyramid.add_levels(path, rebuild=True, min_size=80, method="min")
        assert len({entry.name for entry in path.iterdir()} - {".zgroup", ".zattrs"}) in (2, 3)
        assert pyramid.verify(path).ok
        shutil.rmtree(path)
    assert ends <= {("max" if old > 1 else None, old), ("min", 3)}
    assert len(ends) == 2


def _quiet() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_a_run_on_processes_of_dask_makes_the_same(tmp_path: Path) -> None:
    one, other = lonely(tmp_path / "a.ome.zarr"), lonely(tmp_path / "b.ome.zarr")
    pyramid.add_levels(one, min_size=80)
    with dask.config.set(scheduler="processes", num_workers=2):
        pyramid.add_levels(other, min_size=80)
    assert {k: v for k, v in digests(one).items() if "/" in k} == {k: v for k, v in digests(other).items() if "/" in k}


def test_the_command_adds_levels_and_says_so(tmp_path: Path) -> None:
    path = lonely(tmp_path / "a.ome.zarr")
    made = CliRunner().invoke(
        main, ["add-levels", str(path), "--min-size", "80", "--no-progress", "--report", "r.html"]
    )
    assert made.exit_code == 0, made.output
    assert "MB/s" in made.output
    again = CliRunner().invoke(main, ["add-levels", str(path), "--json"])
    assert again.exit_code == 4
    assert "--rebuild makes all but level 0 anew" in again.output
    third = CliRunner().invoke(main, ["add-levels", str(path), "--rebuild", "--json", "-q", "--levels", "2"])
    report = json.loads(third.output)
    assert (report["command"], report["outcome"]) == ("add-levels", "done")
    assert [level["level"] for level in report["levels"]] == [1]
    Path("r.html").unlink()


def test_stores_of_others_get_levels_or_stay_as_they_are(tmp_path: Path) -> None:
    kinds = set()
    for number, store in enumerate(find_stores(OME_ZARRS)):
        path = Path(shutil.copytree(store, tmp_path / f"{number}.zarr"))
        before = digests(path)
        try:
            image = pyramid.add_levels(path, rebuild=True, levels=2)
        except PyramidError:
            assert digests(path) == before
            kinds.add("refused")
            continue
        kinds.add("added")
        base = multiscale(path)["datasets"][0]["path"]
        assert digests(path / base) == {
            key.removeprefix(f"{base}/"): one for key, one in before.items() if key.startswith(f"{base}/")
        }
        assert len(image.levels) == 2
        assert image.levels[1].data.compute().shape == image.levels[1].shape
    assert kinds == {"added", "refused"}


def plate(path: Path) -> Path:
    write_json(path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {
        "version": "0.5", "plate": {"rows": [{"name": "A"}], "columns": [{"name": "1"}],
        "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]}}}})  # fmt: skip
    return path


def damaged(path: Path) -> Path:
    lonely(path, shards="none")
    (path / "0" / "c" / "1" / "0" / "2" / "1").write_bytes(b"no chunk")
    return path


def alone(path: Path) -> Path:
    zarr.create_array(path, data=PIXELS, chunks=(1, 8, 64, 64))
    return path


def turned(path: Path) -> Path:
    group = zarr.create_group(path)
    group.create_array("0", data=PIXELS[0, 0], chunks=(64, 64), dimension_names=["x", "y"])
    return path / "0"


def begun(path: Path) -> Path:
    lonely(path)
    lease = Lease(open_objects(str(path)), 3)
    lease.take()
    lease.end()
    return path


def archive(path: Path) -> Path:
    return Path(pyramid.convert(PIXELS, path.with_suffix(".ozx"), **OPTIONS).url)


def wrong(**options: Any) -> Callable[[Path], Any]:
    return lambda path: (whole(path), options)


@pytest.mark.parametrize(
    ("make", "options", "kind", "said"),
    [
        (lambda path: path, {}, SourceError, "does not exist"),
        (lambda _: "https://localhost/a.ome.zarr", {}, TargetError, r"cannot write to http\(s\)"),
        (archive, {}, TargetError, "unpack it"),
        (
            plate,
            {},
            SourceError,
            "is a plate, and one image at a time is given levels; name an image in it, as .*A/1/0",
        ),
        (whole, {}, TargetError, "has 3 levels already; rebuild=True"),
        (lambda path: whole(path) / "1", {}, SourceError, "is in an image"),
        (lambda path: whole(path.with_suffix(".n5")), {"rebuild": True}, TargetError, "is N5, in which levels have"),
        (alone, {}, SourceError, "is an array in no group"),
        (turned, {}, SourceError, "the axes of level 0 are x, y"),
        (begun, {}, SourceError, "its conversion is not finished"),
        (lonely, {"scale": {"y": 1}}, OptionError, "scale: the image has its own"),
        (lonely, {"overwrite": True}, OptionError, "overwrite: it is an option of convert"),
        (lonely, {"levle": 3}, OptionError, "unknown option 'levle'; did you mean 'levels'"),
        (lonely, {"min_size": 300}, OptionError, "levels: level 0 is small enough"),
        (lonely, {"chunks": {"t": 3}}, OptionError, "chunks: the source has no axis 't'"),
        (lonely, {"memory": "1kB"}, OptionError, "memory: one block needs"),
    ],
)
def test_what_gets_no_levels_is_refused_and_nothing_is_changed(
    make: Callable[[Path], Any], options: dict[str, Any], kind: type[PyramidError], said: str, tmp_path: Path
) -> None:
    url = make(tmp_path / "a.ome.zarr")
    before = digests(tmp_path)
    with pytest.raises(kind, match=said):
        pyramid.add_levels(url, **options)
    assert digests(tmp_path) == before


def test_a_level_0_that_cannot_be_decoded_is_named_and_the_image_stays(tmp_path: Path) -> None:
    path = damaged(tmp_path / "a.ome.zarr")
    before = digests(path)
    with pytest.raises(SourceError, match=r"the region from .* cannot be read"):
        pyramid.add_levels(path, min_size=80)
    assert {key: one for key, one in digests(path).items() if key in before} == before
    assert len(pyramid.open(path).levels) == 1
