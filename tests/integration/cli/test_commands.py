"""The commands as a user types them: what they write, print and end with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from numpy.typing import NDArray

import pyramid
from pyramid.cli import main
from tests.support.paths import ROOT
from tests.support.stores import digests, read_level
from tests.support.validators import validate_everything

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
VERSIONS = ["0.4", "0.5", "0.6"]
CODECS = ["blosc:lz4", "blosc:zstd", "zstd", "gzip", "none"]


def run(*words: object) -> Result:
    """A command in this process; what it did not foresee is raised."""
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def succeed(*words: object) -> Result:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


def pixels(*shape: int, dtype: str = "uint16") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A stack with two channels, calibrated, in a TIFF."""
    path = tmp_path / "cells.ome.tif"
    size = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}
    tifffile.imwrite(
        path,
        pixels(2, 5, 90, 70),
        photometric="minisblack",
        metadata={"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}, **size},
    )
    return path


def test_convert_prints_the_image_and_a_summary(cells: Path, tmp_path: Path) -> None:
    result = succeed("convert", cells, tmp_path / "a.zarr", "--min-size", 32)
    assert "czyx 2 x 5 x 90 x 70" in result.stdout
    assert "DAPI" in result.stdout
    assert "MB/s" in result.stderr
    assert "MB/s" not in result.stdout
    validate_everything(tmp_path / "a.zarr", "0.5")
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0), tifffile.imread(cells))
    assert succeed("info", tmp_path / "a.zarr").stdout == result.stdout


@pytest.mark.parametrize(
    ("version", "shards"), [("0.4", "auto"), ("0.5", "none"), ("0.5", "auto"), ("0.5", "y=64,x=64")]
)
@pytest.mark.parametrize("axes", ["yx", "zyx", "czyx", "tczyx"])
def test_what_converts_is_valid(axes: str, version: str, shards: str, tmp_path: Path) -> None:
    image = pixels(*({"t": 2, "c": 2, "z": 5, "y": 90, "x": 70}[axis] for axis in axes))
    np.save(tmp_path / "a.npy", image)
    words = [
        "--axes",
        axes,
        "--shards",
        shards,
        "--ome-zarr-version",
        version,
        "--min-size",
        32,
        "--chunks",
        "y=32,x=32",
    ]
    scale = ",".join(f"{axis}=0.5" for axis in axes if axis in "zyx")
    succeed("convert", tmp_path / "a.npy", tmp_path / "a.zarr", *words, "--scale", scale, "-q")
    validate_everything(tmp_path / "a.zarr", version)
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0, version), image)
    assert len(pyramid.open(tmp_path / "a.zarr").levels) == 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_is_valid(codec: str, version: str, cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "a.zarr", "--codec", codec, "--ome-zarr-version", version, "-q")
    validate_everything(tmp_path / "a.zarr", version)
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0, version), tifffile.imread(cells))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_become_channels(planar: str, version: str, tmp_path: Path) -> None:
    shape = (90, 70, 3) if planar == "contig" else (3, 90, 70)
    image = pixels(*shape, dtype="uint8")
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", planarconfig=planar)
    succeed("convert", tmp_path / "a.tif", tmp_path / "a.zarr", "--ome-zarr-version", version, "-q")
    validate_everything(tmp_path / "a.zarr", version)
    expected = np.moveaxis(image, -1, 0) if planar == "contig" else image
    np.testing.assert_array_equal(read_level(tmp_path / "a.zarr", 0, version), expected)
    colors = [channel.color for channel in pyramid.open(tmp_path / "a.zarr").channels]
    assert colors == ["FF0000", "00FF00", "0000FF"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_command_and_its_function_write_the_same(version: str, cells: Path, tmp_path: Path) -> None:
    words = ["--method", "max", "--scale-factors", "y=3,x=2", "--scale-factors", "z=2,y=2,x=2", "--name", "cells"]
    succeed(
        "convert", cells, tmp_path / "a.zarr", *words, "--ome-zarr-version", version, "--channel-names", "a,b", "-q"
    )
    pyramid.convert(
        cells,
        tmp_path / "b.zarr",
        method="max",
        scale_factors=[{"y": 3, "x": 2}, {"z": 2, "y": 2, "x": 2}],
        name="cells",
        channel_names=["a", "b"],
        ome_zarr_version=version,
    )
    assert digests(tmp_path / "a.zarr") == digests(tmp_path / "b.zarr")


def test_quiet_says_nothing(cells: Path, tmp_path: Path) -> None:
    assert succeed("convert", cells, tmp_path / "a.zarr", "-q").output == ""


def test_json_and_the_report_hold_the_same(cells: Path, tmp_path: Path) -> None:
    result = succeed("convert", cells, tmp_path / "a.zarr", "--json", "--report", tmp_path / "r.json")
    told = json.loads(result.stdout)
    assert told == json.loads((tmp_path / "r.json").read_text())
    assert told["source"] == str(cells)
    assert told["target"] == str(tmp_path / "a.zarr")
    assert told["source_bytes"] == 2 * 5 * 90 * 70 * 2
    assert told["retries"] == 0
    assert told["versions"]["ome-pyramid"] == pyramid.__version__
    assert told["plan"]["spec"]["axes"] == "czyx"


def test_plan_writes_its_report_alone(cells: Path, tmp_path: Path) -> None:
    result = succeed("plan", cells, tmp_path / "a.zarr", "--min-size", 32, "--report", tmp_path / "r.json")
    assert "2 x 5 x 90 x 70" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [cells.name, "r.json"]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["outcome"] == "planned"
    assert report["plan"]["tasks"] > 0
    assert str(pyramid.plan(cells, min_size=32)).splitlines()[:4] == result.stdout.splitlines()[:4]


def test_plan_as_json_holds_with_a_sample_an_estimate(cells: Path) -> None:
    plain = json.loads(succeed("plan", cells, "--json").stdout)
    sampled = json.loads(succeed("plan", cells, "--sample", "--json").stdout)
    assert plain["raw_bytes"] == sampled["raw_bytes"] == 2 * 5 * 90 * 70 * 2
    assert 0 < sampled["estimate"]["stored_bytes"] < 2 * sampled["raw_bytes"]
    assert sampled["estimate"]["sampled_bytes"] <= sampled["raw_bytes"]
    assert "estimate" not in plain
    assert "after compression" in succeed("plan", cells, "--sample").stdout


def test_a_sample_of_plain_pixels_gives_their_size(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(300, 200))
    told = json.loads(
        succeed("plan", tmp_path / "a.npy", "--levels", 1, "--codec", "none", "--sample", "--json").stdout
    )
    assert told["estimate"]["stored_bytes"] == 300 * 200 * 2


@pytest.mark.parametrize("version", VERSIONS)
def test_info_as_json(version: str, cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "a.zarr", "--ome-zarr-version", version, "-q")
    told = json.loads(succeed("info", tmp_path / "a.zarr", "--json").stdout)
    assert told["version"] == version
    assert [axis["name"] for axis in told["axes"]] == list("czyx")


def test_demo(tmp_path: Path) -> None:
    for _ in range(2):  # a second time is as good as the first
        result = succeed("demo", tmp_path / "demo")
        assert "pyramid info" in result.stdout
        assert f"  pyramid view {tmp_path / 'demo' / 'slide.ome.zarr'}\n" in result.stdout
        assert f"  napari --plugin ome-pyramid {tmp_path / 'demo' / 'slide.ome.zarr'}\n" in result.stdout
        assert "  pip install 'napari[all]'\n" in result.stdout
        assert "cyx 3 x 2967 x 2220" in result.stdout
    target = tmp_path / "demo" / "slide.ome.zarr"
    validate_everything(target, "0.5")
    for line in result.stdout.splitlines():
        if line.startswith("  pyramid ") and " view " not in line:  # which would serve until it is interrupted
            succeed(*line.split()[1:])
        if line.startswith("  import pyramid"):
            exec(compile(line.strip(), "demo", "exec"))


def test_demo_where_nothing_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("demo", tmp_path / "file" / "demo")
    assert result.exit_code == 4
    assert "give another folder" in result.stderr


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_each_configuration_converts(config: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pixels(6, 700, 600, dtype="uint8"))
    axes = {"whole-slide": "cyx"}.get(config.stem, "zyx")
    succeed("convert", tmp_path / "a.npy", tmp_path / "a.zarr", "--config", config, "--axes", axes, "-q")
    validate_everything(tmp_path / "a.zarr", "0.5")
    level = json.loads((tmp_path / "a.zarr" / "0" / "zarr.json").read_text())
    chunks, named = {
        "light-sheet": ([6, 128, 128], "crc32c"),
        "local": ([6, 256, 256], "lz4"),
        "whole-slide": ([1, 512, 512], "zstd"),
    }[config.stem]
    (sharding,) = level["codecs"]
    assert sharding["configuration"]["chunk_shape"] == chunks
    assert named in json.dumps(sharding["configuration"]["codecs"])


def test_a_flag_beats_the_file(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("ome_zarr_version: 0.4\nmin_size: 32\nscale_factors: [{y: 3, x: 3}, {y: 2}]\n")
    words = ["--config", tmp_path / "c.yaml", "--json"]
    from_file = json.loads(succeed("plan", cells, *words).stdout)
    flagged = json.loads(succeed("plan", cells, *words, "--ome-zarr-version", "0.5", "--scale-factors", "auto").stdout)
    assert (from_file["version"], flagged["version"]) == ("0.4", "0.5")
    assert [level["shape"] for level in from_file["levels"]][1:] == [[2, 5, 30, 24], [2, 5, 15, 24]]
    assert len(flagged["levels"]) == 3


def test_overwrite_replaces_what_is_there(cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "a.zarr", "--min-size", 16, "-q")
    succeed("convert", cells, tmp_path / "a.zarr", "--overwrite", "--ome-zarr-version", "0.4", "-q")
    succeed("convert", cells, tmp_path / "b.zarr", "--ome-zarr-version", "0.4", "-q")
    assert digests(tmp_path / "a.zarr") == digests(tmp_path / "b.zarr")


def test_a_target_in_a_folder_that_is_not_there_is_made(cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "new" / "deep" / "a.zarr", "-q")
    validate_everything(tmp_path / "new" / "deep" / "a.zarr", "0.5")


def test_an_empty_folder_is_a_target(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    succeed("convert", cells, tmp_path / "a.zarr", "-q")
    validate_everything(tmp_path / "a.zarr", "0.5")


def test_paths_may_start_at_home(cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "c.yaml").write_text("levels: 1")
    succeed("convert", "~/cells.ome.tif", "~/a.zarr", "--config", "~/c.yaml", "--report", "~/r.json", "-q")
    assert json.loads((tmp_path / "r.json").read_text())["target"] == str(tmp_path / "a.zarr")


def test_an_ome_zarr_is_a_source(cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "a.zarr", "-q")
    succeed("convert", tmp_path / "a.zarr", tmp_path / "b.zarr", "--ome-zarr-version", "0.4", "-q")
    one, other = pyramid.open(tmp_path / "a.zarr"), pyramid.open(tmp_path / "b.zarr")
    assert (one.axes, one.levels[0].scale) == (other.axes, other.levels[0].scale)
    np.testing.assert_array_equal(read_level(tmp_path / "b.zarr", 0, "0.4"), tifffile.imread(cells))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    slide = ROOT / "tests/data/tiff/slides/CMU-1-Small-Region.svs"
    for words in (["plan", slide], ["convert", slide, tmp_path / "a.zarr", "--levels", "1"]):
        result = succeed(*words)
        assert "left out: 1 (Thumbnail), 2 (Label), 3 (Macro)" in result.stderr


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["convert", "--help"], ["plan", "-h"], ["info", "-h"], ["demo", "-h"]]
)
def test_help(words: list[str]) -> None:
    assert succeed(*words).stdout.startswith("Usage: pyramid")


def test_version() -> None:
    assert succeed("--version").stdout == f"pyramid, version {pyramid.__version__}\n"


def test_help_imports_none_of_the_dear_libraries() -> None:
    program = (
        "import sys; from pyramid.cli import main\n"
        "for words in (['--help'], ['convert', '--help']):\n"
        "    main(words, standalone_mode=False)\n"
        "dear = {'numpy', 'dask', 'zarr', 'tifffile', 'numba', 'yaml', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported: {dear}' if dear else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--scale-factors" in done.stdout


def test_the_module_is_the_command(cells: Path) -> None:
    words = [sys.executable, "-m", "pyramid", "info", str(cells)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("pyramid: ")
    assert len(done.stderr.splitlines()) == 1


def test_verbose_shows_where(tmp_path: Path) -> None:
    result = run("convert", tmp_path / "nowhere.tif", tmp_path / "a.zarr", "-v")
    assert result.exit_code == 3
    assert "does not exist" in result.stderr.splitlines()[-1]


def test_a_reader_that_has_seen_enough(cells: Path, tmp_path: Path) -> None:
    succeed("convert", cells, tmp_path / "a.zarr", "-q")
    words = f"{sys.executable} -m pyramid info {tmp_path / 'a.zarr'} --json"
    piped = subprocess.run(["sh", "-c", f"{words} | true"], capture_output=True, text=True, check=False)
    assert "Traceback" not in piped.stderr
