"""What commands print: sizes in one unit, notices, and failures for programs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result

import pyramid
from pyramid.cli import main
from pyramid.planning.table import facts
from tests.support import trees


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def fact(result: Result, name: str) -> str:
    (found,) = re.findall(rf"^{name}  +(.*)$", result.stdout, re.MULTILINE)
    return str(found)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "cells.ome.tif"
    size = {"PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}
    metadata = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}, **size}
    tifffile.imwrite(path, np.ones((2, 9, 500, 400), "uint16"), photometric="minisblack", metadata=metadata)
    return path


def test_plan_says_what_info_says_in_the_same_words(cells: Path, tmp_path: Path) -> None:
    planned, _ = run("plan", cells, "--sample"), run("convert", cells, tmp_path / "a.zarr")
    found = run("info", tmp_path / "a.zarr")
    for name in ("size", "units of scale", "before compression"):
        assert fact(planned, name) == fact(found, name)
    assert fact(planned, "size") == "z 4.5, y 50, x 40 micrometer"
    assert fact(planned, "channels") == "DAPI, GFP"
    assert fact(planned, "source is read") == "once"
    assert "PUT request" in fact(planned, "objects to write")
    assert not re.search(r"\d ?[KMGT]iB", planned.stdout + found.stdout)


def test_a_refusal_for_memory_has_the_same_unit(cells: Path) -> None:
    refused = run("plan", cells, "--memory", "10KiB").stderr
    assert re.search(r"one block needs [\d.]+ MB a worker, and 10.3 kB is allowed", refused)
    advised = re.search(r"give --memory (\S+)MB,", refused)
    assert advised
    assert run("plan", cells, "--memory", f"{advised[1]}MB").exit_code == 0


def test_a_source_that_is_read_again_says_how_often() -> None:
    once = pyramid.plan(np.zeros((600, 600)))
    assert dict(facts(once))["source is read"] == "once"
    small = replace(once.passes[0], block=(100, 600))
    more = replace(once, passes=(small,), spec=replace(once.spec, chunks=(64, 64)))
    assert dict(facts(more))["source is read"] == "1.53 times, as blocks cut its chunks"


def test_quiet_leaves_the_result_and_prints_no_notice(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((64, 64, 3), "u1"))
    trees.image(tmp_path / "a.zarr", 3)
    (tmp_path / "a.zarr" / "zarr.json").write_text(
        (tmp_path / "a.zarr" / "zarr.json").read_text().replace('"scale": [', '"scale": [0, ', 1)
    )
    loud, quiet = run("plan", tmp_path / "a.npy"), run("plan", tmp_path / "a.npy", "-q")
    assert "does not say which axis is which" in loud.stderr
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")
    for words in (["info", tmp_path / "a.zarr", "-q"], ["info", tmp_path / "nowhere.zarr", "-q"]):
        result = run(*words)
        assert bool(result.stdout) is (result.exit_code == 0)
        assert bool(result.stderr) is (result.exit_code != 0)


@pytest.mark.parametrize("words", ["convert a b", "plan a", "info a", "download a b"])
def test_quiet_and_verbose_together_are_refused(words: str) -> None:
    result = run(*words.split(), "-q", "-v")
    assert result.exit_code == 2
    assert "-q prints less and -v prints more; give one of them" in result.stderr


@pytest.mark.parametrize(
    ("words", "status", "kind"),
    [
        ("convert nowhere.tif t.zarr", 3, "SourceError"),
        ("convert nowhere.tif t.zarr --levels many", 2, "OptionError"),
        ("plan nowhere.tif", 3, "SourceError"),
        ("plan nowhere.tif --levels many", 2, "OptionError"),
        ("info nowhere.zarr", 3, "SourceError"),
        ("info nowhere.zarr --storage-options {", 2, "OptionError"),
        ("download nowhere.zarr t.zarr", 3, "SourceError"),
        ("download nowhere.zarr t.zarr --levels many", 2, "OptionError"),
    ],
)
@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_a_failure_is_json_on_stdout(
    words: str, status: int, kind: str, quiet: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words.split(), "--json", *quiet)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["exit_status"], document["outcome"]) == (status, status, "failed")
    assert document["error"]["class"] == kind
    assert document["error"]["message"].split(": ")[-1] in result.stderr


def test_one_unit_is_for_all_axes_of_space(cells: Path, tmp_path: Path) -> None:
    sizes = {"z": 500.0, "y": 100.0, "x": 100.0}
    words = ["--scale", "z=500,y=100,x=100", "--units", "nm"]
    assert fact(run("plan", cells, *words), "size") == "z 4.5, y 50, x 40 micrometer"
    given = pyramid.plan(cells, scale=sizes, units="nanometer").spec
    assert given.units == (None, "nanometer", "nanometer", "nanometer")
    np.save(tmp_path / "a.npy", np.zeros((64, 64)))
    noticed = run("plan", tmp_path / "a.npy", "--units", "nm").stderr
    assert "the size of a pixel on y and x is not known, and is written as 1 nanometer; give it with --scale" in noticed


def test_a_folder_that_is_made_is_a_notice(cells: Path, tmp_path: Path) -> None:
    notice = f"pyramid: the folder {tmp_path / 'reslts' / '2024'} does not exist, and is made"
    target = tmp_path / "reslts" / "2024" / "a.zarr"
    planned = run("plan", cells, target)
    assert planned.stderr.splitlines() == [notice]
    assert not target.parent.exists()
    assert run("convert", cells, target, "--no-progress").stderr.splitlines()[0] == notice
    assert "is made" not in run("convert", cells, target.with_name("b.zarr")).stderr
    copied = run("download", target, tmp_path / "copeis" / "a.zarr", "--no-progress")
    assert copied.stderr.splitlines() == [f"pyramid: the folder {tmp_path / 'copeis'} does not exist, and is made"]
    assert run("download", target, tmp_path / "more" / "a.zarr", "-q").stderr == ""


def test_a_folder_that_is_made_is_a_warning_in_python(tmp_path: Path) -> None:
    with pytest.warns(pyramid.PyramidWarning, match="reslts does not exist, and is made"):
        planned = pyramid.plan(np.zeros((64, 64)), tmp_path / "reslts" / "a.zarr")
    assert planned.spec.notices[-1].endswith("reslts does not exist, and is made")
