"""Plates: wells from names of files, from OME-XML and from a list, and wells that are added."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models import open_ome_zarr

import pyramid
from pyramid.batch.frame import Frame
from pyramid.errors import OptionError, SourceError, TargetError
from tests.support.stores import digests, read_level

# Killed plates of a quick run; fifty are made where this is set to 50.
KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "1"))
PATTERN = "exp_{well}_f{field:d}_{c}.tif"
WELLS = ("A01", "A12", "B02")


def pixels(*seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 4000, (50, 60)).astype("uint16")


def write(folder: Path, wells: tuple[str, ...] = WELLS, fields: int = 2) -> Path:
    folder.mkdir(exist_ok=True)
    for w, well in enumerate(wells):
        for field in range(fields):
            for c, channel in enumerate(("DAPI", "GFP")):
                tifffile.imwrite(folder / f"exp_{well}_f{field:03d}_{channel}.tif", pixels(w, field, c))
    return folder


def plate_of(path: Path) -> Any:
    attributes: Any = zarr.open_group(path, mode="r", use_consolidated=False).attrs.asdict()
    return attributes.get("ome", attributes)["plate"]


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_names_of_files_make_a_plate(tmp_path: Path, version: str) -> None:
    target = tmp_path / "plate.ome.zarr"
    report: Any = pyramid.convert(write(tmp_path / "exp"), target, pattern=PATTERN, ome_zarr_version=version)
    assert [outcome.name for outcome in report.done] == ["A/1/0", "A/1/1", "A/12/0", "A/12/1", "B/2/0", "B/2/1"]
    for w, path in enumerate(("A/1", "A/12", "B/2")):
        for field in range(2):
            expected = np.stack([pixels(w, field, c) for c in range(2)])
            np.testing.assert_array_equal(read_level(target / path / str(field), 0, version), expected)
            assert [each.label for each in pyramid.open(target / path / str(field)).channels] == ["DAPI", "GFP"]
    plate = plate_of(target)
    assert [each["name"] for each in plate["rows"]] == ["A", "B"]
    assert [each["name"] for each in plate["columns"]] == ["1", "2", "12"]
    assert plate["wells"][1] == {"path": "A/12", "rowIndex": 0, "columnIndex": 2}
    assert plate["field_count"] == 2
    assert pyramid.validate(target).valid
    assert pyramid.verify(target).ok
    if version != "0.6":
        yaozarrs.validate_zarr_store(target)
        open_ome_zarr(zarr.open_group(target, mode="r", use_consolidated=False))
        (node,) = [each for each in Reader(parse_url(target))() if each.data]
        assert node.data[0].dtype == np.uint16


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_wells_are_added_to_a_plate_that_exists(tmp_path: Path, version: str) -> None:
    target = tmp_path / "plate.ome.zarr"
    options: dict[str, Any] = {"pattern": PATTERN, "ome_zarr_version": version}
    pyramid.convert(write(tmp_path / "one"), target, **options)
    before = digests(target / "A")
    with pytest.raises(TargetError, match="resume=True"):
        pyramid.convert(write(tmp_path / "two", ("C03",)), target, **options)
    pyramid.convert(write(tmp_path / "two", ("C03",), fields=3), target, **options, resume=True)
    assert digests(target / "A") == before
    plate = plate_of(target)
    assert [each["path"] for each in plate["wells"]] == ["A/1", "A/12", "B/2", "C/3"]
    assert (plate["field_count"], plate["name"]) == (3, "two")
    assert pyramid.validate(target).valid
    if version != "0.6":
        yaozarrs.validate_zarr_store(target)
    assert pyramid.info(target).to_dict()["wells"]


def test_what_is_missing_is_said_and_stays_so(tmp_path: Path) -> None:
    folder = write(tmp_path / "exp")
    for file in folder.glob("exp_B02_f001_*"):
        file.unlink()
    with pytest.warns(pyramid.PyramidWarning, match=r"missing, and stay so, in B2 \(1\)"):
        pyramid.convert(folder, tmp_path / "plate.ome.zarr", pattern=PATTERN)
    assert not (tmp_path / "plate.ome.zarr/B/2/1").exists()
    assert pyramid.validate(tmp_path / "plate.ome.zarr").valid


def test_a_channel_that_one_field_lacks_leaves_the_plate_unfinished(tmp_path: Path) -> None:
    folder, target = write(tmp_path / "exp"), tmp_path / "plate.ome.zarr"
    kept = (folder / "exp_B02_f001_GFP.tif").read_bytes()
    (folder / "exp_B02_f001_GFP.tif").unlink()
    with pytest.raises((pyramid.BatchError, SourceError)):
        pyramid.convert(folder, target, pattern=PATTERN)
    (folder / "exp_B02_f001_GFP.tif").write_bytes(kept)
    pyramid.convert(folder, target, pattern=PATTERN, resume=True)
    pyramid.convert(folder, tmp_path / "whole.ome.zarr", pattern=PATTERN)
    assert digests(target) == digests(tmp_path / "whole.ome.zarr")


def test_a_plate_becomes_an_archive_and_has_a_manifest(tmp_path: Path) -> None:
    folder, archive = write(tmp_path / "exp", WELLS[:2]), tmp_path / "plate.ozx"
    planned: Any = pyramid.plan(folder, archive, pattern=PATTERN, manifest=tmp_path / "a.sha256")
    assert planned.images[0].target == f"{archive}/A/1/0"
    assert [path.name for path in tmp_path.iterdir()] == ["exp"]
    report: Any = pyramid.convert(folder, archive, pattern=PATTERN, manifest=tmp_path / "a.sha256")
    assert report.outcomes[0].target == f"{archive}/A/1/0"
    pyramid.convert(folder, tmp_path / "plate.ome.zarr", pattern=PATTERN, manifest=tmp_path / "b.sha256")
    pyramid.pack(tmp_path / "plate.ome.zarr", tmp_path / "packed.ozx")
    assert archive.read_bytes() == (tmp_path / "packed.ozx").read_bytes()
    text = (tmp_path / "a.sha256").read_text()
    assert text == (tmp_path / "b.sha256").read_text() == str(pyramid.manifest(archive))
    assert not (tmp_path / "plate.ozx.unfinished").exists()
    assert pyramid.verify(archive, manifest=tmp_path / "a.sha256").ok
    with pytest.raises(TargetError, match="exists; give another target, or overwrite=True"):
        pyramid.convert(folder, archive, pattern=PATTERN)
    again: Any = pyramid.convert(folder, archive, pattern=PATTERN, resume=True, manifest=tmp_path / "c.sha256")
    assert [outcome.state for outcome in again.outcomes] == ["whole"] * 4
    assert (tmp_path / "c.sha256").read_text() == text
    write(folder)
    with pytest.raises(pyramid.BatchError, match=r"is in the archive .*, which is not changed in place"):
        pyramid.convert(folder, archive, pattern=PATTERN, resume=True)
    assert archive.read_bytes() == (tmp_path / "packed.ozx").read_bytes()
    pyramid.convert(folder, tmp_path / "plate.ome.zarr", pattern=PATTERN, resume=True, manifest=tmp_path / "b.sha256")
    assert (tmp_path / "b.sha256").read_text() == str(pyramid.manifest(tmp_path / "plate.ome.zarr"))
    pyramid.convert(folder, archive, pattern=PATTERN, overwrite=True)
    found: Any = pyramid.info(archive, all=True)
    assert len(found.images) == 6


def test_a_plate_that_stopped_on_its_way_into_an_archive_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, archive = write(tmp_path / "exp", WELLS[:1]), tmp_path / "plate.ozx"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pyramid.batch.frame.pack_target", stop)
        with pytest.raises(KeyboardInterrupt):
            pyramid.convert(folder, archive, pattern=PATTERN)
    assert not archive.exists()
    pyramid.convert(folder, archive, pattern=PATTERN, resume=True)
    assert pyramid.verify(archive).ok
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exp", "plate.ozx"]


def test_two_runs_that_add_at_once_are_both_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "plate.ome.zarr"
    pyramid.convert(write(tmp_path / "one"), target, pattern=PATTERN)
    write(tmp_path / "two", ("C03",))
    write(tmp_path / "three", ("D04",))
    finish = Frame._finish

    def later(self: Frame, *rest: Any) -> None:
        monkeypatch.setattr(Frame, "_finish", finish)
        pyramid.convert(tmp_path / "three", target, pattern=PATTERN, resume=True)
        finish(self, *rest)

    monkeypatch.setattr(Frame, "_finish", later)
    pyramid.convert(tmp_path / "two", target, pattern=PATTERN, resume=True)
    assert [each["path"] for each in plate_of(target)["wells"]] == ["A/1", "A/12", "B/2", "C/3", "D/4"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("exp_{row}{column}_f{field:d}_{c}.tif", "nothing between its parts"),
        ("exp_{row}_f{field:d}_{c}.tif", "a plate has rows and columns"),
        ("exp_{well}_{site}_{c}.tif", None),
        ("exp_{well}_f{field:d}_{s}.tif", "would all be fields"),
        ("{well}_f{field:d}_{c}.tif", "none of its|has other characters|is not a row"),
    ],
)
def test_a_pattern_that_places_nothing_is_refused(tmp_path: Path, pattern: str, sentence: str | None) -> None:
    folder = write(tmp_path / "exp", ("A01",))
    if sentence is None:
        pyramid.convert(folder, tmp_path / "p.ome.zarr", pattern=pattern)
        return
    with pytest.raises((OptionError, SourceError), match=sentence):
        pyramid.convert(folder, tmp_path / "p.ome.zarr", pattern=pattern)
    assert not (tmp_path / "p.ome.zarr").exists()


def test_images_that_differ_and_places_that_are_given_twice_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "exp")
    for channel in ("DAPI", "GFP"):
        tifffile.imwrite(folder / f"exp_B02_f001_{channel}.tif", pixels(0)[:40])
    with pytest.raises(SourceError, match=re.escape("B/2/1 has shape (2, 40, 60) and not (2, 50, 60)")):
        pyramid.convert(folder, tmp_path / "p.ome.zarr", pattern=PATTERN)
    tifffile.imwrite(folder / "exp_A1_f000_DAPI.tif", pixels(0))
    with pytest.raises(OptionError, match="are both image A/1/0"):
        pyramid.convert(folder, tmp_path / "p.ome.zarr", pattern=PATTERN)
    assert not (tmp_path / "p.ome.zarr").exists()


def test_a_list_places_images_in_wells(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels(ord(name)))
    listed = tmp_path / "list.csv"
    rows = [f"{tmp_path}/a.tif,B03,1,0", f"{tmp_path}/b.tif,B03,1,1", f"{tmp_path}/c.tif,C4,2,0"]
    listed.write_text("\n".join(["source,well,field,acquisition", *rows]))
    pyramid.convert(f"@{listed}", tmp_path / "p.ome.zarr")
    np.testing.assert_array_equal(read_level(tmp_path / "p.ome.zarr/C/4/a0f2", 0), pixels(ord("c")))
    assert [each["id"] for each in plate_of(tmp_path / "p.ome.zarr")["acquisitions"]] == [0, 1]
    yaozarrs.validate_zarr_store(tmp_path / "p.ome.zarr")
    listed.write_text(f"source,well\n{tmp_path}/a.tif,B03\n{tmp_path}/b.tif,\n")
    with pytest.raises(OptionError, match=r"list\.csv:3.*a plate has rows and columns"):
        pyramid.convert(f"@{listed}", tmp_path / "q.ome.zarr")
    listed.write_text(f"source,well,field\n{tmp_path}/a.tif,B03,../../x\n")
    with pytest.raises(OptionError, match="other characters than letters and digits"):
        pyramid.convert(f"@{listed}", tmp_path / "q.ome.zarr")


def test_an_ome_tiff_with_a_plate_becomes_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "plate.ome.tif") as file:
        for number in range(4):
            file.write(pixels(number), metadata={"axes": "YX", "Name": f"image {number}"})
    xml = str(tifffile.tiffcomment(tmp_path / "plate.ome.tif"))
    samples = [
        f'<WellSample ID="WellSample:0:{n}:0" Index="{n}"><ImageRef ID="Image:{n}"/></WellSample>' for n in range(4)
    ]
    wells = [
        f'<Well ID="Well:0:{w}" Row="{w}" Column="{w + 1}">{"".join(samples[2 * w : 2 * w + 2])}</Well>' for w in (0, 1)
    ]
    plate = f'<Plate ID="Plate:0" Name="assay" Rows="8" Columns="12">{"".join(wells)}</Plate>'
    tifffile.tiffcomment(tmp_path / "plate.ome.tif", xml.replace("<Image", f"{plate}<Image", 1).encode())
    report: Any = pyramid.convert(tmp_path / "plate.ome.tif", tmp_path / "p.ome.zarr")
    assert [outcome.name for outcome in report.done] == ["A/2/0", "A/2/1", "B/3/0", "B/3/1"]
    for number, path in enumerate(("A/2/0", "A/2/1", "B/3/0", "B/3/1")):
        np.testing.assert_array_equal(read_level(tmp_path / "p.ome.zarr" / path, 0), pixels(number))
    found = plate_of(tmp_path / "p.ome.zarr")
    assert (found["name"], len(found["rows"]), len(found["columns"])) == ("assay", 8, 12)
    assert "Plate" in (tmp_path / "p.ome.zarr/OME/METADATA.ome.xml").read_text()
    assert pyramid.validate(tmp_path / "p.ome.zarr").valid
    before, _, after = xml.replace("<Image", f"{plate}<Image", 1).rpartition('SizeX="60"')
    differs = f'{before}SizeX="61"{after}'
    tifffile.tiffcomment(tmp_path / "plate.ome.tif", differs.encode())
    with pytest.raises(SourceError, match="the images of a plate are alike"):
        pyramid.convert(tmp_path / "plate.ome.tif", tmp_path / "q.ome.zarr", overwrite=True)


def is_whole_or_unfinished(target: Path) -> bool:
    """Whether a plate has all its images, or says that it is not finished."""
    if not (target / "zarr.json").exists():
        return True
    try:
        found: Any = pyramid.info(target, all=True)
    except SourceError as error:
        return "not finished" in str(error)
    return len(found.images) == 6


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_plate_is_never_half_and_goes_on(tmp_path: Path, seed: int) -> None:
    folder, target = write(tmp_path / "exp"), tmp_path / "plate.ome.zarr"
    random_s = random.Random(seed)
    program = (
        "import pyramid, pyramid.api, pyramid.batch.converting\n"
        "print(flush=True)\n"
        f"pyramid.convert({str(folder)!r}, {str(target)!r}, pattern={PATTERN!r}, resume=True, workers=1)\n"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random_s.uniform(0, 0.6))
            process.send_signal(signal.SIGKILL)
        assert is_whole_or_unfinished(target)
    pyramid.convert(folder, target, pattern=PATTERN, resume=True)
    pyramid.convert(folder, tmp_path / "whole.ome.zarr", pattern=PATTERN)
    assert digests(target) == digests(tmp_path / "whole.ome.zarr")
