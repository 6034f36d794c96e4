"""What `verify` says of whole stores: of other programs, of wrong documents, of mistakes in the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import pyramid
from pyramid.cli import main
from pyramid.errors import OptionError, SourceError
from pyramid.stores import open_objects
from tests.support import trees
from tests.support.servers.service import Service


@pytest.fixture
def pixels() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(1, 4000, (700, 900)).astype("uint16")


def test_stores_of_other_programs_are_right_as_they_are(tmp_path: Path) -> None:
    trees.old_image(tmp_path / "old.zarr")
    trees.well(tmp_path / "well.zarr", 2)
    trees.collection(tmp_path / "series.zarr", 3, series=False)
    trees.image(tmp_path / "labelled.zarr", 3, labels=True)
    for name, images in (("old", 1), ("well", 2), ("series", 2), ("labelled", 3)):
        found = pyramid.verify(tmp_path / f"{name}.zarr")
        assert found.ok, str(found)
        assert len({level.image for level in found.levels}) == images
        assert {level.made_by for level in found.levels} == {None, "nearest"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("shape", 0), 699),
        (("shape", 1), 901),
        (("data_type",), "int16"),
        (("fill_value",), 1),
        (("zarr_format",), 2),
        (("codecs", 1, "configuration", "clevel"), 6),
        (("chunk_grid", "configuration", "chunk_shape", 0), 128),
        (("chunk_key_encoding", "configuration", "separator"), "."),
    ],
)
def test_a_changed_document_is_noticed_and_nothing_is_repaired_by_it(
    path: tuple[str | int, ...], value: object, pixels: NDArray[np.uint16], tmp_path: Path
) -> None:
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(pixels, target, shards="none")
    file = target / "0" / "zarr.json"
    document = held = json.loads(file.read_text())
    for key in path[:-1]:
        held = held[key]
    held[path[-1]] = value
    file.write_text(json.dumps(document))
    before = {file: file.read_bytes() for file in target.rglob("*") if file.is_file()}
    assert not pyramid.verify(target, repair=True).ok
    chunks = [file for file in before if "/0/c/" in str(file)]
    assert all(file.read_bytes() == before[file] for file in chunks)


def test_keys_that_belong_to_no_level_are_named_and_stay(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(pixels, target, shards="none")
    (target / "0/c/9").mkdir()
    (target / "0/c/9/9").write_bytes(b"left over")
    (target / "notes.txt").write_text("mine")
    found = pyramid.verify(target, repair=True)
    assert {(one.key, one.suspect) for one in found.findings} == {("0/c/9/9", False), ("notes.txt", True)}
    assert (target / "0/c/9/9").exists()


def test_a_store_without_empty_objects_is_right(tmp_path: Path) -> None:
    pixels = np.zeros((700, 900), "uint8")
    pixels[300:310, 300:310] = 9
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(pixels, target, skip_empty=True, shards="none", chunks="y=256,x=256")
    assert pyramid.verify(target).ok
    (target / "0/c/1/1").unlink()
    assert not pyramid.verify(target).ok


def test_a_hole_inside_the_signal_is_pointed_out(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    pixels[256:512, 256:512] = 0
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", chunks="y=256,x=256")
    found = pyramid.verify(tmp_path / "a.ome.zarr")
    assert found.ok
    assert [(one.problem, one.start, one.stop) for one in found.findings] == [("hole", (256, 256), (512, 512))]


def test_a_store_in_a_bucket_is_verified_and_repaired(pixels: NDArray[np.uint16], s3: Service, prefix: str) -> None:
    url, options = s3.url(f"{prefix}/a.ome.zarr"), s3.storage_options
    pyramid.convert(pixels, url, storage_options=options)
    objects = open_objects(url, options)
    body = objects.get("1/c/0/0")
    objects.put("1/c/0/0", b"")
    found = pyramid.verify(url, storage_options=options)
    assert [(one.key, one.problem) for one in found.findings] == [("1/c/0/0", "empty")]
    assert pyramid.verify(url, repair=True, storage_options=options).ok
    assert objects.get("1/c/0/0") == body


def test_the_command_ends_with_the_status_of_what_it_found(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(pixels, target, shards="none")
    run = CliRunner().invoke(main, ["verify", str(target), "--json", "--no-progress"])
    assert run.exit_code == 0
    assert json.loads(run.stdout)["ok"] is True
    (target / "1/c/0/0").unlink()
    run = CliRunner().invoke(main, ["verify", str(target), "--no-progress"])
    assert run.exit_code == 1
    assert "1/c/0/0" in run.stdout
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "none.zarr")]).exit_code == 3


def test_an_unfinished_conversion_is_named_with_the_command_that_goes_on(
    pixels: NDArray[np.uint16], tmp_path: Path
) -> None:
    target = tmp_path / "a.ome.zarr"

    def stop(_state: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pyramid.convert(pixels, target, progress=stop)
    (found,) = pyramid.verify(target).findings
    assert found.problem == "unfinished"
    assert [one.problem for one in pyramid.verify(target, source=pixels).findings] == ["unfinished"]
    assert f"pyramid convert SOURCE {target} resume=True" in found.message
    run = CliRunner().invoke(main, ["verify", str(target), "--no-progress"])
    assert run.exit_code == 1
    assert "--resume" in run.stdout


def test_mistakes_are_answered(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    pyramid.convert(pixels, tmp_path / "a.ome.zarr")
    with pytest.raises(OptionError, match="share of the blocks"):
        pyramid.verify(tmp_path / "a.ome.zarr", sample="0%")
    with pytest.raises(OptionError, match="a block of level 0 takes more; give memory="):
        pyramid.verify(tmp_path / "a.ome.zarr", memory="1KB")
    with pytest.raises(SourceError, match="no such file or folder exists"):
        pyramid.verify(tmp_path / "b.ome.zarr")
    assert "is not that of the source" in str(pyramid.verify(tmp_path / "a.ome.zarr", pixels[1:]))


def test_a_store_is_held_against_its_manifest(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    target, manifest = tmp_path / "a.ome.zarr", tmp_path / "a.sha256"
    pyramid.convert(pixels, target, manifest=str(manifest))
    assert pyramid.verify(target, manifest=manifest).ok
    attributes = target / "zarr.json"
    attributes.write_text(attributes.read_text().replace('"a"', '"b"') + "\n")
    found = pyramid.verify(target, manifest=manifest)
    assert [(finding.problem, finding.key) for finding in found.findings] == [("manifest", "zarr.json")]
    done = CliRunner().invoke(main, ["verify", str(target), "--manifest", str(manifest), "-q"])
    assert done.exit_code == 1
    done = CliRunner().invoke(main, ["verify", str(target), "--manifest", str(tmp_path / "no.sha256"), "-q"])
    assert (done.exit_code, "no.sha256 cannot be read" in done.output) == (2, True)
