"""What an error offers in place of a folder can be given: images, and a command for its files that a shell runs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import pyramid
from pyramid.errors import SourceError
from pyramid.hierarchy.within import find_within
from tests.support import trees

COMMANDS: list[Callable[[Path], object]] = [pyramid.info, pyramid.plan]


def scene(path: Path) -> None:
    """A scene of two images, with an array of a transformation in a group of its own."""
    trees.group(path, {"scene": {"coordinateTransformations": []}}, 3)
    trees.group(path / "coordinateTransformations", {}, 3)
    trees.array(path / "coordinateTransformations/field", np.zeros((2, 8, 8), "float32"), chunks=(2, 8, 8))
    for name in ("left", "right"):
        trees.image(path / name, 3)


def offered(command: Callable[[Path], object], folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        command(folder)
    return str(caught.value)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("below", ["", "scene.zarr"])
def test_only_images_of_a_scene_are_offered(command: Callable[[Path], object], below: str, tmp_path: Path) -> None:
    scene(tmp_path / "scene.zarr")
    trees.group(tmp_path / "nothing.zarr", {}, 3)
    said = offered(command, tmp_path / below)
    assert "left" in said
    assert "coordinateTransformations" not in said
    assert "nothing" not in said


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_is_found_within_is_an_image_or_an_array(zarr_format: int, tmp_path: Path) -> None:
    trees.plate(tmp_path / "plate.zarr", zarr_format)
    trees.image(tmp_path / "group/image", zarr_format)
    trees.group(tmp_path / "group", {}, zarr_format)
    trees.array(tmp_path / "group/raw", np.zeros((4, 4)), zarr_format=zarr_format)
    trees.group(tmp_path / "empty", {}, zarr_format)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/zarr.json").write_text("no JSON")
    within = find_within(str(tmp_path))
    assert (within.images, within.arrays) == (("group/image", "plate.zarr"), ("group/raw",))


@pytest.mark.parametrize("command", [*COMMANDS, lambda folder: pyramid.plan(folder / "*.tif*")])
def test_the_command_for_a_folder_of_tiffs_runs(
    command: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Ann's cells; $HOME"
    folder.mkdir()
    names = ["a b.tif", "c$d.tif", "-e.tiff"]
    for name in names:
        tifffile.imwrite(folder / name, np.ones((8, 8), "uint8"), photometric="minisblack")
    offer = re.search(r"pyramid convert .*$", offered(command, folder))
    assert offer is not None
    monkeypatch.setenv("PYTHONPATH", str(Path(pyramid.__file__).parents[1]))
    shell = f'pyramid() {{ "{sys.executable}" -m pyramid "$@" --no-progress; }}; {offer.group()}'
    subprocess.run(["sh", "-euc", shell], check=True, cwd=tmp_path, capture_output=True)
    made = sorted(path.name for path in folder.glob("*.ome.zarr"))
    assert made == sorted(f"{Path(name).stem}.ome.zarr" for name in names)
