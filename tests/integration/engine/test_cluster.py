"""A real cluster of two worker processes: the bytes of a local run, and blocks that fail are done again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import pyramid
from pyramid.errors import OptionError, TargetError
from pyramid.planning import passes
from tests.support.stores import digests

OPTIONS: dict[str, Any] = {"axes": "czyx", "chunks": {"z": 2, "y": 64, "x": 64}, "shards": {"z": 4, "y": 128, "x": 128}}
IMAGE = np.random.default_rng(3).integers(0, 4000, (2, 9, 300, 280), "uint16")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    target = tmp_path_factory.mktemp("local") / "image.ome.zarr"
    pyramid.convert(IMAGE, target, **OPTIONS)
    return digests(target)


def test_the_active_client_gives_the_bytes_of_a_local_run(
    cluster: LocalCluster, local: dict[str, str], tmp_path: Path
) -> None:
    with Client(cluster):
        pyramid.convert(IMAGE, tmp_path / "of_array", **OPTIONS)
        pyramid.convert(da.from_array(IMAGE, chunks=(1, 4, 100, 100)), tmp_path / "of_dask", **OPTIONS)
    assert digests(tmp_path / "of_array") == local
    assert digests(tmp_path / "of_dask") == local


def test_the_command_line_runs_on_the_cluster_at_an_address(
    cluster: LocalCluster, local: dict[str, str], tmp_path: Path
) -> None:
    np.save(tmp_path / "image.npy", IMAGE)
    flags = ["--axes", "czyx", "--chunks", "z=2,y=64,x=64", "--shards", "z=4,y=128,x=128", "--name", "image"]
    command = [sys.executable, "-m", "pyramid", "convert", str(tmp_path / "image.npy"), str(tmp_path / "out.zarr")]
    subprocess.run([*command, *flags, "--scheduler", cluster.scheduler_address], check=True, capture_output=True)
    written = digests(tmp_path / "out.zarr")
    # The group tells the name of its source, which an array in memory has not.
    assert {key: value for key, value in written.items() if key != "zarr.json"} == {
        key: value for key, value in local.items() if key != "zarr.json"
    }


def _fail_each_write_once(folder: str) -> None:
    """Make every block's writes fail at first, in this worker: a marker tells that a part has failed already."""
    from pyramid.block import Part
    from pyramid.writing.block_writer import BlockWriter

    add = BlockWriter.add

    def failing(self: BlockWriter, part: Part) -> None:
        marker = Path(folder) / f"level {part.level}, channel {part.box.start[0]}"
        if not marker.exists():
            marker.touch()
            raise TargetError(f"{marker.name}: refused for once")
        add(self, part)

    BlockWriter.add = failing  # type: ignore[method-assign]  # the fault is put in on purpose


def test_every_block_failing_once_leaves_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    markers = tmp_path / "markers"
    markers.mkdir()
    # A channel a block, and two levels, keep its failures within the three repetitions that it has.
    image = IMAGE.reshape(6, 3, *IMAGE.shape[2:])
    monkeypatch.setattr(passes, "BLOCK_BYTES_AIM", 0)
    options: dict[str, Any] = {**OPTIONS, "levels": 2, "scale_factors": {"y": 2, "x": 2}}
    pyramid.convert(image, tmp_path / "whole", **options)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        client.run(_fail_each_write_once, str(markers))
        pyramid.convert(image, tmp_path / "failing", **options)
    assert len(list(markers.iterdir())) > 8
    assert digests(tmp_path / "failing") == digests(tmp_path / "whole")


def test_a_scheduler_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"scheduler_file: .*nowhere.* cannot be read"):
        pyramid.convert(IMAGE, tmp_path / "out", scheduler_file=str(tmp_path / "nowhere.json"))
    assert not (tmp_path / "out").exists()
