"""The estimate of a plan: its bytes near those of the run, its time only where a sample shows it, and nothing left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from distributed import Client, LocalCluster
from numpy.typing import NDArray

import pyramid
from pyramid.errors import SourceError
from tests.support.servers.service import Service
from tests.support.stores import digests


def noise() -> NDArray[np.uint16]:
    return np.random.default_rng(9).poisson(300, (8, 700, 600)).astype("uint16")


def ramp() -> NDArray[np.uint16]:
    return np.broadcast_to(np.arange(600, dtype="uint16"), (8, 700, 600)).copy()


def part() -> NDArray[np.uint16]:
    image = np.zeros((64, 512, 512), "uint16")
    image[16:48, :300] = np.random.default_rng(9).poisson(300, (32, 300, 512))
    return image


def stored_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "zarr.json")


@pytest.mark.parametrize("make", [noise, ramp, part])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"codec": "none"},
        {"shards": "none", "chunks": {"z": 4, "y": 128, "x": 128}},
        {"shards": "none", "chunks": {"z": 4, "y": 128, "x": 128}, "memory": "12MiB", "workers": 1},
    ],
)
def test_the_bytes_are_near_those_of_the_run(make: Any, options: dict[str, Any], tmp_path: Path) -> None:
    image = make()
    plan = pyramid.plan(image, tmp_path / "t", sample=True, axes="zyx", **options)
    assert list(tmp_path.iterdir()) == []
    pyramid.convert(image, tmp_path / "t", axes="zyx", **options)
    assert plan.estimate
    assert plan.estimate.stored_bytes == pytest.approx(stored_bytes(tmp_path / "t"), rel=0.15)
    assert plan.estimate.seconds
    assert plan.estimate.seconds > 0
    assert 0 < plan.estimate.sampled_bytes <= image.nbytes


@pytest.mark.parametrize("kind", ["npy", "tif", "zarr"])
def test_each_kind_of_file_is_sampled(kind: str, tmp_path: Path) -> None:
    source = tmp_path / f"image.{kind}"
    if kind == "npy":
        np.save(source, noise())
    elif kind == "tif":
        tifffile.imwrite(source, noise(), compression="zlib", tile=(128, 128), photometric="minisblack")
    else:
        zarr.create_array(str(source), shape=(8, 700, 600), chunks=(2, 350, 300), dtype="uint16")[:] = noise()
    before = digests(tmp_path)
    plan = pyramid.plan(source, sample=True, axes="zyx", workers=1)
    assert plan.estimate
    assert plan.estimate.seconds
    assert digests(tmp_path) == before
    assert "after compression   about" in str(plan)
    assert "time                about" in str(plan)
    assert "after compression" in plan._repr_html_()


def test_a_plan_without_a_sample_has_no_estimate() -> None:
    plan = pyramid.plan(noise(), axes="zyx")
    assert plan.estimate is None
    assert "estimate" not in plan.to_dict()


def test_an_image_that_is_left_out_takes_no_bytes() -> None:
    plan = pyramid.plan(np.zeros((300, 200), "uint8"), sample=True, skip_empty=True)
    assert plan.estimate
    assert plan.estimate.stored_bytes == 0


def test_no_time_is_given_for_a_target_behind_a_network(s3: Service, prefix: str) -> None:
    plan = pyramid.plan(noise(), s3.url(prefix), sample=True, axes="zyx", storage_options=s3.storage_options)
    assert plan.estimate
    assert plan.estimate.seconds is None
    assert plan.estimate.stored_bytes > 0
    assert "not estimated: the target is behind a network" in str(plan)
    assert s3.objects(prefix) == {}


def test_no_time_is_given_for_a_dask_array_or_a_cluster() -> None:
    plan = pyramid.plan(da.from_array(noise()), sample=True, axes="zyx")
    assert plan.estimate
    assert "the source is a Dask array" in plan.estimate.why_no_time
    with LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster, Client(cluster):
        plan = pyramid.plan(noise(), sample=True, axes="zyx")
    assert plan.estimate
    assert plan.estimate.seconds is None
    assert "other processes or machines" in plan.estimate.why_no_time


def test_a_sample_that_cannot_be_written_gives_the_size_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file" / "nowhere"))
    plan = pyramid.plan(noise(), sample=True, axes="zyx")
    assert plan.estimate
    assert plan.estimate.stored_bytes > 0
    assert "a sample cannot be written" in plan.estimate.why_no_time


def test_damage_that_a_sample_meets_is_that_of_the_source(tmp_path: Path) -> None:
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(300, 280), chunks=(300, 280), dtype="uint16")
    array[:] = 1
    (tmp_path / "a.zarr" / "c" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(SourceError, match=r"a\.zarr"):
        pyramid.plan(tmp_path / "a.zarr", tmp_path / "t", sample=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]
