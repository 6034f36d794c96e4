"""Upgrades of real stores: others read them alike, and an interrupted one goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import zarr

import pyramid
from pyramid.editing import documents
from pyramid.editing.documents import Change
from tests.integration.editing.test_edit import PIXELS, build, contents, kill_at
from tests.support.paths import DATA
from tests.support.validators import validate_everything

STORES = DATA / "ome-zarr"
REAL = (
    STORES / "BioImageTools+ome-zarr-fiji-java" / "2d_dataset_v4.ome.zarr",
    STORES / "BioImageTools+ome-zarr-fiji-java" / "3d_dataset_v4.ome.zarr",
)
FOREIGN = {"lab": {"room": 3}}


def chunks(path: Path) -> dict[str, bytes]:
    names = ("zarr.json", ".zattrs", ".zgroup", ".zarray", ".zmetadata")
    return {key: body for key, body in contents(path).items() if Path(key).name not in names}


def pixels(path: Path) -> list[Any]:
    return [np.asarray(level.data) for level in pyramid.open(path).levels]


@pytest.mark.parametrize(("old", "new"), [("0.4", "0.5"), ("0.4", "0.6"), ("0.5", "0.6")])
def test_an_upgraded_image_is_valid_and_its_chunks_stay(tmp_path: Path, old: str, new: str) -> None:
    path = build(tmp_path / "a.zarr", old)
    pyramid.edit(path, attributes=FOREIGN, translation={"x": 7})
    before, image, seen = chunks(path), pyramid.open(path), pixels(path)
    assert pyramid.upgrade(path, to=new).version == new
    assert chunks(path) == before
    validate_everything(path, new)
    after = pyramid.open(path)
    assert after.version == new
    assert [(at.scale, at.translation) for at in after.levels] == [(at.scale, at.translation) for at in image.levels]
    assert (after.name, after.units, after.channels) == (image.name, image.units, image.channels)
    assert zarr.open_group(path, mode="r").attrs["lab"] == FOREIGN["lab"]
    for one, other in zip(pixels(path), seen, strict=True):
        np.testing.assert_array_equal(one, other)
    assert pyramid.upgrade(path, to=new).documents == 0


@pytest.mark.parametrize("source", REAL, ids=lambda path: path.name)
@pytest.mark.parametrize("version", ["0.5", "0.6"])
def test_stores_of_other_programs_are_upgraded_or_named(tmp_path: Path, source: Path, version: str) -> None:
    path = Path(shutil.copytree(source, tmp_path / "a.zarr"))
    seen = pixels(path)
    before = contents(path)
    used = {(json.loads(file.read_bytes())["compressor"] or {}).get("id") for file in path.rglob(".zarray")}
    if used <= {"blosc", "zstd", "gzip", None}:
        pyramid.upgrade(path, to=version)
        validate_everything(path, version)
        for one, other in zip(pixels(path), seen, strict=True):
            np.testing.assert_array_equal(one, other)
        return
    with pytest.raises(pyramid.SourceError, match="ome_zarr_version="):
        pyramid.upgrade(path, to=version)
    assert contents(path) == before


def write_v2(path: Path, *, version: str = "0.3", separator: str = "/", **options: Any) -> Path:
    """Write an image of Zarr 2 with zarr-python."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    given: dict[str, Any] = {"order": "C", "compressors": None, **options}
    for level, step in enumerate((1, 2)):
        data = PIXELS[0, ::1, ::step, ::step]
        encoding: Any = {"name": "v2", "separator": separator}
        array = group.create_array(
            str(level), shape=data.shape, dtype=data.dtype, chunks=(2, 64, 64), chunk_key_encoding=encoding, **given
        )
        array[:] = data
    axes: dict[str, Any] = {} if version == "0.1" else {"axes": ["z", "y", "x"]}
    item = {"version": version, "name": "cells", **axes, "datasets": [{"path": "0"}, {"path": "1"}]}
    group.attrs["multiscales"] = [item]
    group.attrs["lab"] = FOREIGN["lab"]
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_an_image_without_sizes_gets_the_factors_of_its_levels(tmp_path: Path, version: str) -> None:
    path = write_v2(tmp_path / "a.zarr")
    pyramid.upgrade(path, to=version)
    validate_everything(path, version)
    assert [level.scale for level in pyramid.open(path).levels] == [(1, 1, 1), (1, 2, 2)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("separator", [".", "/"])
def test_any_order_and_separator_is_read_by_others(tmp_path: Path, order: str, separator: str) -> None:
    path = write_v2(tmp_path / "a.zarr", order=order, separator=separator)
    pyramid.upgrade(path, to="0.5")
    validate_everything(path, "0.5")
    np.testing.assert_array_equal(pixels(path)[0], PIXELS[0])
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/0/"}}
    np.testing.assert_array_equal(tensorstore.open(spec).result().read().result(), PIXELS[0])


def test_keys_with_dots_do_not_become_0_4(tmp_path: Path) -> None:
    path = write_v2(tmp_path / "a.zarr", separator=".")
    before = contents(path)
    with pytest.raises(pyramid.SourceError, match=r"ome_zarr_version=.*1,200,000 bytes"):
        pyramid.upgrade(path, to="0.4")
    assert contents(path) == before


def write_plate(path: Path) -> Path:
    """Write a plate of 0.4 with one well, one image, one label and an array of another program."""
    zarr.open_group(path / "A", mode="w", zarr_format=2)
    root = zarr.open_group(path, mode="a", zarr_format=2)
    plate: Any = {"version": "0.4", "rows": [{"name": "A"}], "columns": [{"name": "1"}]}
    root.attrs["plate"] = {**plate, "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]}
    well = zarr.open_group(path / "A" / "1", mode="w", zarr_format=2)
    well.attrs["well"] = {"version": "0.4", "images": [{"path": "0"}]}
    build(path / "A" / "1" / "0", "0.4")
    labels = zarr.open_group(path / "A" / "1" / "0" / "labels", mode="w", zarr_format=2)
    labels.attrs["labels"] = ["nuclei"]
    image: Any = {"axes": "zyx", "levels": 2, "ome_zarr_version": "0.4"}
    pyramid.convert(PIXELS[0], path / "A" / "1" / "0" / "labels" / "nuclei", **image)
    root.create_array("table", shape=(3,), dtype="<f8", compressors=None)[:] = [1, 2, 3]
    return path


def test_a_plate_is_upgraded_as_a_whole(tmp_path: Path) -> None:
    path = write_plate(tmp_path / "plate.zarr")
    with pytest.raises(pyramid.OptionError, match="it is a part of"):
        pyramid.upgrade(path / "A/1/0")
    pyramid.upgrade(path, to="0.6")
    assert not list(path.rglob(".z*"))
    found = json.loads((path / "zarr.json").read_bytes())["attributes"]["ome"]
    assert found["version"] == "0.6"
    assert found["plate"]["version"] == "0.6"
    assert pyramid.info(path, all=True).to_dict()["version"] == "0.6"
    validate_everything(path / "A/1/0", "0.6")
    validate_everything(path / "A/1/0/labels/nuclei", "0.6")
    np.testing.assert_array_equal(zarr.open_array(path / "table", mode="r")[:], [1, 2, 3])


def test_a_copy_is_upgraded_and_the_store_stays(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr", "0.4")
    before = contents(path)
    pyramid.upgrade(path, to="0.5", output=tmp_path / "b.zarr")
    assert contents(path) == before
    validate_everything(tmp_path / "b.zarr", "0.5")


def damage_level(path: Path) -> None:
    shutil.rmtree(path / "1")


def damage_document(path: Path) -> None:
    (path / "1" / ".zarray").write_text("{")


def compress_otherwise(path: Path) -> None:
    document = json.loads((path / "0" / ".zarray").read_bytes())
    (path / "0" / ".zarray").write_text(json.dumps({**document, "compressor": {"id": "zlib", "level": 1}}))


def filter_first(path: Path) -> None:
    document = json.loads((path / "0" / ".zarray").read_bytes())
    (path / "0" / ".zarray").write_text(json.dumps({**document, "filters": [{"id": "delta"}]}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_level, "level 1 does not exist"),
        (damage_document, "not JSON"),
        (compress_otherwise, "zlib.*ome_zarr_version="),
        (filter_first, "filters.*ome_zarr_version="),
    ],
)
def test_a_store_that_cannot_be_upgraded_stays_as_it_is(tmp_path: Path, damage: Any, sentence: str) -> None:
    path = build(tmp_path / "a.zarr", "0.4")
    damage(path)
    before = contents(path)
    with pytest.raises(pyramid.SourceError, match=sentence):
        pyramid.upgrade(path, to="0.5")
    assert contents(path) == before


@pytest.mark.parametrize("to", ["0.3", "0.4", "7"])
def test_a_version_that_cannot_be_reached_is_refused(tmp_path: Path, to: str) -> None:
    path = build(tmp_path / "a.zarr", "0.5")
    with pytest.raises(pyramid.OptionError, match="give"):
        pyramid.upgrade(path, to=to)


def test_wherever_an_upgrade_stops_the_image_is_read_and_a_second_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = build(tmp_path / "a.zarr", "0.4")
    seen = pixels(original)
    count = pyramid.upgrade(original, to="0.6", dry_run=True).documents
    apply = documents._apply_change
    assert count > 5
    for step in range(count):
        path = Path(shutil.copytree(original, tmp_path / f"{step}.zarr"))
        left = [step]

        def stop(objects: Any, change: Change, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            apply(objects, change)

        with monkeypatch.context() as patch:
            patch.setattr(documents, "_apply_change", stop)
            with pytest.raises(KeyboardInterrupt):
                pyramid.upgrade(path, to="0.6")
        _same_pixels(pixels(path), seen)
        assert pyramid.open(path).version in ("0.4", "0.6")
        pyramid.upgrade(path, to="0.6")
        assert not list(path.rglob(".z*"))
        _same_pixels(pixels(path), seen)


def test_what_a_killed_process_left_unfinished_beside_documents_is_removed(tmp_path: Path) -> None:
    path = build(tmp_path / "a.zarr", "0.4")
    left = [
        folder / ".zarr.json-13658-139919334923136-419c0366206a45218c81f6adf264132e" for folder in (path, path / "0")
    ]
    for file in left:
        file.write_bytes(b'{"zarr_for')
    pyramid.upgrade(path, to="0.6", dry_run=True)
    assert all(file.exists() for file in left)
    pyramid.upgrade(path, to="0.6")
    assert not any(file.exists() for file in left)
    left[0].write_bytes(b'{"zarr_for')
    pyramid.edit(path, name="new")
    assert not left[0].exists()


@pytest.mark.parametrize("step", [3, 9])
def test_a_killed_upgrade_leaves_the_old_image_or_the_new(tmp_path: Path, step: int) -> None:
    path = build(tmp_path / "a.zarr", "0.4")
    seen = pixels(path)
    kill_at(path, step, f"upgrade({str(path)!r}, to='0.5')")
    _same_pixels(pixels(path), seen)
    pyramid.upgrade(path, to="0.5")
    validate_everything(path, "0.5")


def _same_pixels(found: Sequence[Any], expected: Sequence[Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
