"""A disk that fills up in the middle of a run: one sentence, the right status, nothing that looks whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.support.stores import digests

STOPPED = 5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB; mounting one needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Some 34 MB of noise, which no codec makes small."""
    path = tmp_path / "noise.tif"
    pixels = np.random.default_rng(0).integers(0, 2**16, (4, 2048, 2048), dtype="uint16")
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "ZYX"})
    return path


def attributes(folder: Path) -> list[dict[str, object]]:
    """Attributes of every group and array under `folder`, of either Zarr format."""
    v3 = [json.loads(path.read_text()).get("attributes", {}) for path in folder.rglob("zarr.json")]
    return v3 + [json.loads(path.read_text()) for path in folder.rglob(".zattrs")]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_full_disk(version: str, source: Path, small_disk: Path) -> None:
    target = small_disk / "out.ome.zarr"
    command = [sys.executable, "-m", "pyramid", "convert", str(source), str(target), "--no-progress"]
    run = subprocess.run([*command, "--ome-zarr-version", version], capture_output=True, text=True, check=False)
    assert run.returncode == STOPPED, run.stderr
    assert "Traceback" not in run.stderr
    assert "space" in run.stderr.lower()
    assert str(target) in run.stderr
    assert run.stdout == ""
    assert "multiscales" not in json.dumps(attributes(target))


def test_room_again_and_overwrite_makes_it_whole(source: Path, small_disk: Path) -> None:
    target = small_disk / "out.ome.zarr"
    command = [sys.executable, "-m", "pyramid", "convert", str(source), str(target), "--quiet"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == STOPPED
    subprocess.run(["mount", "-o", "remount,size=96m", str(small_disk)], check=True)
    subprocess.run([*command, "--overwrite"], check=True)
    assert "multiscales" in json.dumps(attributes(target))


def test_room_again_and_resume_goes_on(small_disk: Path, tmp_path: Path) -> None:
    source = tmp_path / "planes.npy"
    np.save(source, np.random.default_rng(0).integers(0, 2**16, (30, 512, 512), dtype="uint16"))
    right, target = tmp_path / "right.ome.zarr", small_disk / "out.ome.zarr"
    layout = ["--chunks", "z=1,y=256,x=256", "--shards", "none", "--memory", "8MiB", "--quiet"]
    command = [sys.executable, "-m", "pyramid", "convert", str(source)]
    subprocess.run([*command, str(right), *layout], check=True)
    stopped = subprocess.run([*command, str(target), *layout], capture_output=True, text=True, check=False)
    assert stopped.returncode == STOPPED
    assert "the same with --resume goes on where it stopped" in stopped.stderr
    subprocess.run(["mount", "-o", "remount,size=96m", str(small_disk)], check=True)
    planned = subprocess.run(
        [sys.executable, "-m", "pyramid", "plan", str(source), str(target), *layout, "--resume", "--json"],
        capture_output=True,
        check=True,
    )
    assert 0 < json.loads(planned.stdout)["done_tasks"] < json.loads(planned.stdout)["tasks"]
    subprocess.run([*command, str(target), *layout, "--resume"], check=True)
    assert digests(target) == digests(right)
