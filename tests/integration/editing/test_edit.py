"""Edits of real stores: what changes, what stays, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import pyramid
from pyramid.cli.main import main
from pyramid.editing import documents
from pyramid.errors import PyramidWarning, SourceError
from pyramid.stores import open_objects
from pyramid.writing.lease import Lease
from tests.support import trees
from tests.support.validators import validate_everything

PIXELS = np.random.default_rng(0).integers(0, 999, (2, 4, 300, 400)).astype("uint16")
VERSIONS = ("0.4", "0.5", "0.6")


def build(path: Path, version: str = "0.5", **options: Any) -> Path:
    given = {"axes": "czyx", "scale": {"z": 1, "y": 0.5, "x": 0.5}, "levels": 2}
    pyramid.convert(PIXELS, path, **{**given, "ome_zarr_version": version, **options})
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def document_key(version: str) -> str:
    return ".zattrs" if version == "0.4" else "zarr.json"


def test_a_plate_is_named_as_what_it_is(tmp_path: Path) -> None:
    trees.named_plate(tmp_path / "plate", 3)
    for path, kind in (("plate", "plate"), ("plate/A/1", "well")):
        with pytest.raises(SourceError, match=f"it is a {kind}, not an image; give the path or URL of an image in it"):
            pyramid.edit(tmp_path / path, name="other")


def test_a_unit_of_a_size_that_may_not_be_known_is_noticed(tmp_path: Path) -> None:
    pyramid.convert(PIXELS[0, 0], tmp_path / "a", axes="yx")
    with pytest.warns(
        PyramidWarning, match="the size of a pixel is now 1 micrometer on y, 1 micrometer on x; if it is"
    ):
        pyramid.edit(tmp_path / "a", units="micrometer")
    pyramid.edit(tmp_path / "a", units="nanometer", scale={"y": 2, "x": 1})


@pytest.mark.parametrize("version", VERSIONS)
def test_an_edited_image_is_valid_and_only_its_document_changes(tmp_path: Path, version: str) -> None:
    path = build(tmp_path / "a.zarr", version)
    before = contents(path)
    done = pyramid.edit(
        path,
        name="new",
        channel_names="DAPI,GFP",
        channel_colors=["0000ff", "#00FF00"],
        windows="0:100,5:300",
        scale="y=0.25,x=0.25",
        units={"z": "nm"},
        translation={"y": 10},
        attributes={"lab": {"room": 3}},
    )
    after = contents(path)
    assert done.documents == 1
    assert {key for key in after if after[key] != before.get(key)} == {document_key(version)}
    assert after.keys() == before.keys()
    validate_everything(path, version)
    image = pyramid.open(path)
    assert [level.scale for level in image.levels] == [(1, 1, 0.25, 0.25), (1, 1, 0.5, 0.5)]
    assert [level.translation for level in image.levels] == [(0, 0, 10, 0), (0, 0, 10.125, 0.125)]
    assert image.units == (None, "nanometer", "micrometer", "micrometer")
    assert [channel.label for channel in image.channels] == ["DAPI", "GFP"]
    assert [channel.color for channel in image.channels] == ["0000FF", "00FF00"]
    windows = [channel.window for channel in image.channels]
    assert [(window.start, window.end) for window in windows if window] == [(0, 100), (5, 300)]
    assert zarr.open_group(path, mode="r").attrs["lab"] == {"room": 3}


def test_foreign_keys_survive_and_null_removes_one(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr")
    key = path / "zarr.json"
    document = json.loads(key.read_bytes())
    document["attributes"]["mine"] = {"deep": [1, None, "µ"]}
    document["attributes"]["ome"]["multiscales"][0]["mine"] = 1
    document["attributes"]["ome"]["omero"]["channels"][0]["mine"] = 2
    key.write_text(json.dumps(document))
    pyramid.edit(path, name="new", channel_names=["a", "b"], scale={"x": 2}, attributes={"other": 1})
    again = json.loads(key.read_bytes())
    assert again["attributes"]["mine"] == {"deep": [1, None, "µ"]}
    assert again["attributes"]["ome"]["multiscales"][0]["mine"] == 1
    assert again["attributes"]["ome"]["omero"]["channels"][0]["mine"] == 2
    pyramid.edit(path, attributes={"mine": None})
    assert "mine" not in json.loads(key.read_bytes())["attributes"]


def test_auto_windows_are_those_of_the_smallest_level(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr")
    pyramid.edit(path, windows="auto")
    image = pyramid.open(path)
    smallest = np.asarray(zarr.open_group(path, mode="r")["1"])
    for channel, pixels in zip(image.channels, smallest, strict=True):
        assert channel.window is not None
        assert smallest.min() <= channel.window.start < channel.window.end <= pixels.max()
        assert np.mean(pixels < channel.window.start) < 0.05


def test_a_dry_run_shows_the_difference_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = build(tmp_path / "a.zarr")
    before = contents(path)
    with pytest.raises(SystemExit) as ended:
        main(["edit", str(path), "--name", "new", "--dry-run"])
    assert ended.value.code == 0
    assert '+          "name": "new"' in capsys.readouterr().out
    assert contents(path) == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "nothing to edit"),
        ({"channel_names": ["a"]}, "number of channels is 2"),
        ({"channel_colors": ["red", "blue"]}, "not a colour"),
        ({"windows": "5:1,0:1"}, "start must be under its end"),
        ({"windows": "wide"}, "not a window"),
        ({"scale": {"x": -1}}, "not a size"),
        ({"scale": {"t": 2}}, "no axis t"),
        ({"units": "parrot"}, "unit"),
        ({"units": {"t": "second"}}, "no axis t"),
        ({"translation": {"x": "inf"}}, "finite"),
        ({"attributes": {"ome": {}}}, "key of OME-Zarr"),
        ({"attributes": {"a": float("nan")}}, "JSON"),
        ({"remove_label": "nuclei"}, "no label"),
        ({"remove_label": "../0"}, "not the name of a label"),
    ],
)
def test_a_wrong_option_is_a_sentence_and_changes_nothing(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    path = build(tmp_path / "a.zarr")
    before = contents(path)
    with pytest.raises(pyramid.OptionError, match=sentence):
        pyramid.edit(path, **options)
    assert contents(path) == before


def add_label(path: Path, name: str) -> None:
    group = zarr.open_group(path / "labels", mode="a", zarr_format=3)
    ome: Any = group.attrs.get("ome", {"version": "0.5", "labels": []})
    group.attrs["ome"] = {**ome, "labels": [*ome["labels"], name]}
    pyramid.convert(PIXELS[0], path / "labels" / name, axes="zyx", levels=2)


def test_a_removed_label_leaves_the_listing_before_its_objects_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(tmp_path / "a.zarr")
    add_label(path, "nuclei")
    add_label(path, "cells")
    whole = contents(path)

    def stop(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pyramid.editing.image.remove_label_objects", stop)
        with pytest.raises(KeyboardInterrupt):
            pyramid.edit(path, remove_label="nuclei")
    assert json.loads((path / "labels/zarr.json").read_bytes())["attributes"]["ome"]["labels"] == ["cells"]
    assert contents(path).keys() == whole.keys()
    pyramid.edit(path, remove_label="nuclei")  # goes on
    assert not (path / "labels/nuclei").exists()
    assert {key for key in whole if not key.startswith("labels/nuclei/")} == contents(path).keys()


def test_a_label_behind_a_link_is_not_removed(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr")
    add_label(path, "cells")
    (path / "labels/cells").rename(tmp_path / "elsewhere")
    (path / "labels/cells").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path / "elsewhere")
    with pytest.raises(pyramid.OptionError, match="link to another place"):
        pyramid.edit(path, remove_label="cells")
    assert contents(tmp_path / "elsewhere") == before


def test_a_store_that_a_run_is_writing_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr")
    lease = Lease(open_objects(str(path)), 3)
    lease.take(replaces=True)
    try:
        with pytest.raises(pyramid.TargetError, match="being written"):
            pyramid.edit(path, name="new")
    finally:
        lease.end()
    with pytest.raises(pyramid.SourceError, match="not finished"):
        pyramid.edit(path, name="new")


def test_a_document_that_another_program_changed_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(tmp_path / "a.zarr")
    apply = documents._apply_change

    def late(objects: Any, change: documents.Change) -> None:
        (path / "zarr.json").write_bytes((path / "zarr.json").read_bytes() + b"\n")
        apply(objects, change)

    monkeypatch.setattr("pyramid.editing.documents._apply_change", late)
    with pytest.raises(pyramid.TargetError, match="another program"):
        pyramid.edit(path, name="new")
    assert pyramid.open(path).name != "new"


def test_the_copies_in_consolidated_metadata_follow(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr", "0.4")
    zarr.consolidate_metadata(str(path), zarr_format=2)
    pyramid.edit(path, name="new")
    held: Any = zarr.open_consolidated(str(path), zarr_format=2).attrs["multiscales"]
    assert held[0]["name"] == "new"


def test_an_edit_in_memory_is_under_a_condition() -> None:
    url = f"memory://edit-{uuid.uuid4().hex}/a.zarr"
    pyramid.convert(PIXELS[0], url, axes="zyx")
    assert pyramid.edit(url, name="new").documents == 1
    assert pyramid.open(url).name == "new"


def kill_at(path: Path, step: int, call: str) -> None:
    """Run `call` in a process that dies at its `step`-th change of a name on disk."""
    program = f"""
import os, signal, pathlib, pyramid
left = [{step}]
def dying(old):
    def new(*args, **rest):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return old(*args, **rest)
    return new
for owner, name in ((pathlib.Path, "write_bytes"), (pathlib.Path, "replace"), (pathlib.Path, "unlink")):
    setattr(owner, name, dying(getattr(owner, name)))
pyramid.{call}
"""
    run = subprocess.run([sys.executable, "-c", program, str(path)], check=False, env={**os.environ})
    assert run.returncode in (0, -signal.SIGKILL)


@pytest.mark.parametrize("step", range(3))
def test_a_killed_edit_leaves_the_old_document_or_the_new(tmp_path: Path, step: int) -> None:
    path = build(tmp_path / "a.zarr")
    old = (path / "zarr.json").read_bytes()
    kill_at(path, step, f"edit({str(path)!r}, name='new')")
    if (path / "zarr.json").read_bytes() != old:
        assert pyramid.open(path).name == "new"
    pyramid.edit(path, name="new")
    assert pyramid.open(path).name == "new"


def test_n5_is_not_changed(tmp_path: Path) -> None:
    pyramid.convert(np.zeros((64, 64), "uint8"), tmp_path / "a.n5")
    before = (tmp_path / "a.n5" / "attributes.json").read_bytes()
    with pytest.raises(SourceError, match="is N5"):
        pyramid.edit(tmp_path / "a.n5", name="dark")
    with pytest.raises(SourceError, match="is N5"):
        pyramid.upgrade(tmp_path / "a.n5")
    assert (tmp_path / "a.n5" / "attributes.json").read_bytes() == before
