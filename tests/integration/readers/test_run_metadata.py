"""Micro-Manager's ``metadata.txt`` next to the files of a run: what is taken of it, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pyramid.model import SourceSpec
from pyramid.options.convert import Options
from pyramid.readers import open_source

SUMMARY = {
    "PixelSize_um": 0.65,
    "z-step_um": -2.0,
    "Interval_ms": 500.0,
    "Width": 12,
    "Height": 9,
    "ChNames": ["DAPI", "Cy5"],
    "ChColors": [-16776961, -65536],
    "StartTime": "2020-01-02 10:11:12",
}
PLACE = {"XPositionUm": 10.0, "YPositionUm": 20.0, "ZPositionUm": 5.0}
PLANE = np.arange(9 * 12, dtype="u2").reshape(9, 12)


def write(folder: Path, *, version: int = 2, step_ms: float = 500.0, **changes: Any) -> Path:
    """A run of three times, two channels and two depths."""
    document: dict[str, Any] = {"Summary": {**SUMMARY, **changes}}
    for t, c, z in np.ndindex(3, 2, 2):
        name = f"img_channel{c:03d}_position000_time{t:09d}_z{z:03d}.tif"
        if version == 1:
            name = f"img_{t:09d}_{SUMMARY['ChNames'][c]}_{z:03d}.tif"  # type: ignore[index]
        tifffile.imwrite(folder / name, PLANE)
        key = f"FrameKey-{t}-{c}-{z}" if version == 1 else f"Metadata-Default/{name}"
        document[key] = {"FileName": name, "ElapsedTime-ms": 100.0 + step_ms * t + 3 * c, **PLACE}
    (folder / "metadata.txt").write_text(json.dumps(document))
    return folder


def spec_of(source: object, **options: Any) -> SourceSpec:
    return open_source(source, Options(**options)).spec


@pytest.mark.parametrize("version", [1, 2])
def test_sizes_channels_places_and_times_are_taken(version: int, tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path, version=version))
    assert (spec.axes, spec.shape) == ("tczyx", (3, 2, 2, 9, 12))
    names = [(channel.name, channel.color) for channel in spec.channels]
    assert sorted(names) == [("Cy5", "FF0000"), ("DAPI", "0000FF")]
    assert spec.scale == (0.5, None, 2.0, 0.65, 0.65)
    assert spec.units == ("second", None, *("micrometer",) * 3)
    assert spec.translation == (0.0, 0.0, 5.0, 20.0, 10.0)
    assert ("metadata", "metadata.txt of Micro-Manager") in spec.details


def test_channels_are_found_by_their_number(tmp_path: Path) -> None:
    write(tmp_path)
    spec = spec_of(str(tmp_path / "img_channel001*"))
    assert [channel.name for channel in spec.channels] == ["Cy5"]


def test_measured_times_are_taken_before_planned_ones(tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path, step_ms=2000.0))
    assert spec.scale[0] == 2.0
    assert "plans a frame each 0.5 s, and by its times one took 2 s, which is taken" in spec.notices[-1]


def test_uneven_times_are_not_taken(tmp_path: Path) -> None:
    write(tmp_path)
    document = json.loads((tmp_path / "metadata.txt").read_text())
    for key, value in document.items():
        if "time000000002" in key:
            value["ElapsedTime-ms"] = 9000.0
    (tmp_path / "metadata.txt").write_text(json.dumps(document))
    spec = spec_of(tmp_path)
    assert spec.scale[0] is None
    assert "not evenly spaced" in spec.notices[-1]


def test_a_run_that_was_stopped_is_read_without_its_last_brace(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "metadata.txt").read_text()
    (tmp_path / "metadata.txt").write_text(text[:-1] + ",\n")
    assert spec_of(tmp_path).scale[-1] == 0.65


def test_sizes_that_are_not_known_are_not_taken(tmp_path: Path) -> None:
    assert spec_of(write(tmp_path, PixelSize_um=0.0)).scale[-1] is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{]", "it is not JSON, or is cut off"),
        ("[" * 100_000, "it is not JSON, or is cut off"),
        ("[1]", "it has no Summary"),
        (
            '{"Summary": {}}',
            "it names 0 files, and img_channel000_position000_time000000000_z000.tif is not among them",
        ),
    ],
)
def test_another_file_of_that_name_is_left_out_with_a_notice(text: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "metadata.txt").write_text(text)
    spec = spec_of(tmp_path)
    assert spec.scale == (None,) * 5
    assert spec.notices[-1].startswith(f"metadata.txt next to the files is not taken: {reason}")


def test_the_metadata_of_another_run_is_not_taken(tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path, Width=512))
    assert spec.scale == (None,) * 5
    assert "it says Width=512, and the files have 12 pixels on x" in spec.notices[-1]


def test_what_the_files_say_themselves_comes_first(tmp_path: Path) -> None:
    for path in write(tmp_path).glob("*.tif"):
        tifffile.imwrite(path, PLANE, imagej=True, resolution=(4.0, 4.0), metadata={"unit": "um"})
    assert spec_of(tmp_path).scale[-2:] == (0.25, 0.25)
    assert spec_of(tmp_path).scale[0] == 0.5
