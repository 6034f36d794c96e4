"""An array that reads from the target is refused before the target is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import tensorstore
import xarray
import zarr
from obstore.store import AzureStore, LocalStore, S3Store

import pyramid
from pyramid.errors import TargetError
from pyramid.options.convert import make_options
from pyramid.readers import open_source
from pyramid.readers.reach import reads_from
from pyramid.stores import locate

S3: Any = {"region": "us-east-1", "skip_signature": True}
PIXELS = np.arange(1, 3 * 90 * 100 + 1, dtype="uint16").reshape(3, 90, 100)


@dask.delayed  # type: ignore[untyped-decorator]
def _read(path: str) -> Any:
    return zarr.open_array(path)[:]


def _linked(target: Path) -> Any:
    link = target.with_name("link")
    link.symlink_to(target)
    return pyramid.open(link).levels[0].data


def _by_tensorstore(target: Path) -> Any:
    store = {"driver": "file", "path": str(target / "0")}
    return tensorstore.open({"driver": "zarr3", "kvstore": store}).result()


def _locked(target: Path) -> Any:
    @dask.delayed  # type: ignore[untyped-decorator]
    def read(_: Any, path: str) -> Any:
        return zarr.open_array(path)[:]

    return da.from_delayed(read(threading.Lock(), str(target / "0")), PIXELS.shape, PIXELS.dtype)


def _by_obstore(target: Path) -> Any:
    return zarr.open_array(zarr.storage.ObjectStore(LocalStore(target)), path="0")


ARRAYS: dict[str, Callable[[Path], Any]] = {
    "a level": lambda target: pyramid.open(target).levels[0].data,
    "made from a level": lambda target: pyramid.open(target).levels[0].data.rechunk(50) + 1,
    "a selection": lambda target: pyramid.open(target).select(z=slice(0, 2)).levels[0].data,
    "by a link": _linked,
    "zarr": lambda target: zarr.open_group(target)["0"],
    "Dask of zarr": lambda target: da.from_zarr(str(target), component="0"),
    "of the folder around it": lambda target: da.from_zarr(str(target.parent), component=f"{target.name}/0"),
    "zarr of the folder around it": lambda target: zarr.open_group(target.parent)[f"{target.name}/0"],
    "obstore": _by_obstore,
    "after a lock": _locked,
    "a view of tensorstore": lambda target: tensorstore.cast(_by_tensorstore(target), tensorstore.uint32),
    "xarray": lambda target: xarray.DataArray(da.from_zarr(str(target / "0")), dims=("z", "y", "x")),
    "delayed": lambda target: da.from_delayed(_read(str(target / "0")), PIXELS.shape, PIXELS.dtype),
    "tensorstore": _by_tensorstore,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_the_target_is_refused(name: str, tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    pyramid.convert(PIXELS, target, axes="zyx", chunks={"y": 64, "x": 64}, shards="none")
    axes = None if name == "xarray" else "zyx"
    with pytest.raises(TargetError, match="target and source overlap, as the array reads from it"):
        pyramid.convert(ARRAYS[name](target), target, axes=axes, overwrite=True)
    assert np.array_equal(pyramid.open(target).levels[0].data.compute(), PIXELS)


def test_arrays_of_other_stores_and_of_memory_replace_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    for other in (tmp_path / "a.ome.zarr2.ome.zarr", tmp_path / "b.ome.zarr"):
        pyramid.convert(PIXELS, other, axes="zyx")
        pyramid.convert(PIXELS[:1], target, axes="zyx", overwrite=True)
        pyramid.convert(pyramid.open(other).levels[0].data, target, axes="zyx", overwrite=True)
        assert np.array_equal(pyramid.open(target).levels[0].data.compute(), PIXELS)
    pyramid.convert(pyramid.open(target).levels[0].data.compute() + 1, target, axes="zyx", overwrite=True)
    assert np.array_equal(pyramid.open(target).levels[0].data.compute(), PIXELS + 1)


def test_labels_are_replaced_by_labels_made_from_their_image(tmp_path: Path) -> None:
    pyramid.convert(PIXELS, tmp_path / "a.ome.zarr", axes="zyx")
    for least in (100, 200):
        cells = (pyramid.open(tmp_path / "a.ome.zarr").levels[0].data > least).astype("uint8")
        pyramid.convert(cells, tmp_path / "a.ome.zarr", axes="zyx", labels="cells", overwrite=True)
        found = pyramid.open(tmp_path / "a.ome.zarr/labels/cells").levels[0].data.compute()
        assert np.array_equal(found, np.greater(PIXELS, least))


def test_a_target_that_is_only_named_is_written_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = "a.ome.zarr"
    named = da.from_array(PIXELS, chunks=50).map_blocks(lambda block: block + len(target) * 0)
    pyramid.convert(named, target, axes="zyx", overwrite=True)
    pyramid.convert(PIXELS, "b.ome.zarr", axes="zyx")
    (tmp_path / "inside").mkdir()
    pyramid.convert(PIXELS, "inside", axes="zyx")
    monkeypatch.chdir(tmp_path / "inside")
    other = pyramid.open("../b.ome.zarr").levels[0].data + 1
    pyramid.convert(other, tmp_path / "inside", axes="zyx", overwrite=True)
    assert np.array_equal(pyramid.open(tmp_path / "inside").levels[0].data.compute(), PIXELS + 1)


@pytest.mark.parametrize(
    ("store", "path", "inside", "outside"),
    [
        (
            S3Store("bucket", prefix="a/b", **S3),
            "0",
            ["s3://bucket/a/b", "s3://bucket/a"],
            ["s3://bucket/a/b2", "s3://o/a"],
        ),
        (S3Store("bucket", **S3), "a/b/0", ["s3://bucket/a/b"], ["s3://bucket/a/c", "s3://other/a/b"]),
        (AzureStore("cont", account_name="x", prefix="a", skip_signature=True), "b", ["az://cont/a/b"], ["az://o/a/b"]),
    ],
)
def test_stores_of_zarr_in_buckets_are_compared(store: Any, path: str, inside: list[str], outside: list[str]) -> None:
    held = zarr.storage.StorePath(zarr.storage.ObjectStore(store), path)
    source = open_source(
        da.zeros((4, 5), chunks=2).map_blocks(lambda block, _: block, held), make_options({"axes": "yx"})
    )
    assert [reads_from(source, locate(url)) for url in inside] == [True] * len(inside)
    assert [reads_from(source, locate(url)) for url in outside] == [False] * len(outside)


def test_buckets_and_keys_are_compared(tmp_path: Path) -> None:
    held = zarr.storage.ObjectStore(S3Store("bucket", prefix="a/b.ome.zarr", region="us-east-1", skip_signature=True))
    source = open_source(
        da.zeros((4, 5), chunks=2).map_blocks(lambda block, _: block, held), make_options({"axes": "yx"})
    )
    for url, found in (
        ("s3://bucket/a/b.ome.zarr", True),
        ("s3://bucket/a/b", False),
        ("s3://other/a/b.ome.zarr", False),
    ):
        assert reads_from(source, locate(url)) is found
