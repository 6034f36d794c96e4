"""Coordinates of xarray, members of .npz, objects of other libraries, and paths within a Zarr."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import xarray
import zarr

import pyramid
from pyramid.errors import PyramidError, SourceError
from pyramid.model import Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read

PIXELS = np.arange(2 * 3 * 4 * 5, dtype="u2").reshape(2, 3, 4, 5)


def labelled(**coords: Any) -> xarray.DataArray:
    return xarray.DataArray(PIXELS, dims=("c", "z", "y", "x"), coords=coords, name="cells")


def refuse(source: object, match: str, **options: Any) -> None:
    with pytest.raises(PyramidError, match=match) as raised:
        open_source(source, Options(**options))
    assert "\n" not in str(raised.value)


def test_even_coordinates_become_sizes_and_origins(tmp_path: Path) -> None:
    array = labelled(
        c=["DAPI", "GFP"],
        z=("z", [1.0, 3.0, 5.0], {"units": "um"}),
        y=np.arange(4),
        x=("x", np.float32(0.1) * np.arange(5, dtype="f4"), {"units": "parsnip"}),
    )
    for source in (open_source(array, Options()), open_source(array.chunk({"z": 2}), Options())):
        assert (source.spec.scale, source.spec.units) == ((None, 2, None, 0.1), (None, "micrometer", None, None))
        assert source.spec.translation == (0, 1, 0, 0)
        assert source.spec.channels == (Channel("DAPI"), Channel("GFP"))
        (notice,) = source.spec.notices
        assert "parsnip" in notice
    image = pyramid.convert(array, tmp_path / "a.ome.zarr")
    assert image.levels[0].scale == (1, 2, 1, 0.1)
    assert image.levels[0].translation == (0, 1, 0, 0)


def test_times_become_seconds() -> None:
    times = np.datetime64("2020-01-01") + np.arange(3) * np.timedelta64(90, "s")
    spec = open_source(xarray.DataArray(PIXELS[0], dims=("time", "y", "x"), coords={"time": times}), Options()).spec
    assert (spec.axes, spec.scale[0], spec.units[0]) == ("tyx", 90, "second")
    assert "begin at 2020-01-01" in spec.notices[0]


@pytest.mark.parametrize(
    ("coords", "match"),
    [
        ({"z": [1, 2, 4]}, "'z' are not evenly spaced.*drop_vars.*or give scale="),
        ({"y": [3, 2, 1, 0]}, r"'y' descend.*isel\(y=slice\(None, None, -1\)\)"),
        ({"x": list("abcde")}, "'x' are texts"),
        ({"z": [1, np.nan, 3]}, "'z' are not all finite"),
    ],
)
def test_uneven_coordinates_are_refused_unless_the_size_is_given(coords: dict[str, Any], match: str) -> None:
    refuse(labelled(**coords), match)
    (axis,) = coords
    assert open_source(labelled(**coords), Options(scale={axis: 2.0})).spec.axes == "czyx"


class Wrong:
    shape, dtype = PIXELS.shape, PIXELS.dtype

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getitem__(self, index: Any) -> Any:
        if self.kind == "error":
            raise KeyError("lost")
        return {"shape": PIXELS[0], "dtype": PIXELS[index].astype("f8"), "mask": np.ma.array(PIXELS, mask=True)}[
            self.kind
        ]


@pytest.mark.parametrize(
    ("kind", "match"), [("error", "lost"), ("shape", "has the shape"), ("dtype", "has the dtype"), ("mask", "masked")]
)
def test_an_object_that_does_not_keep_its_word_is_refused(kind: str, match: str) -> None:
    with pytest.raises(SourceError, match=match):
        read(open_source(Wrong(kind), Options()))


def test_an_array_of_tensorstore_in_memory_does_not_travel() -> None:
    store = tensorstore.open(
        {"driver": "zarr3", "kvstore": "memory://"},
        create=True,
        dtype=tensorstore.uint16,
        domain=tensorstore.IndexDomain(labels=["z", "y", "x"], shape=[3, 4, 5]),
        chunk_layout=tensorstore.ChunkLayout(chunk_shape=[1, 2, 3]),
    ).result()
    store[...] = PIXELS[0]
    source = open_source(store, Options())
    assert source.spec.chunks == (1, 2, 3)
    np.testing.assert_array_equal(read(source), PIXELS[0])
    with pytest.raises(SourceError, match="other processes cannot read it"):
        pickle.dumps(source)


def test_members_of_an_npz_are_chosen_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", PIXELS)
    assert open_source(tmp_path / "a.npz", Options()).spec.name == "a"
    np.savez(tmp_path / "b.npz", first=PIXELS, second=PIXELS[0])
    refuse(tmp_path / "b.npz", r"holds 2 arrays.*b\.npz::first, .*b\.npz::second")
    refuse(f"{tmp_path}/b.npz::frist", r"did you mean .*b\.npz::first\?")
    np.testing.assert_array_equal(read(open_source(f"{tmp_path}/b.npz::second", Options())), PIXELS[0])
    np.savez(tmp_path / "c.npz", object=np.array([{}], object))
    refuse(tmp_path / "c.npz", "it holds Python objects")
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    refuse(tmp_path / "d.npz", "holds no array")
    (tmp_path / "e.npz").write_bytes(b"\x89PNG")
    refuse(tmp_path / "e.npz", "not an .npz, though its name says so: it is a PNG")


def test_a_damaged_compressed_member_is_found_out(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 9, (64, 64)).astype("u1")
    np.savez_compressed(tmp_path / "a.npz", image=pixels)
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    whole[len(whole) // 2] ^= 4
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(SourceError, match=r"copy it again|damaged"):
        read(open_source(tmp_path / "a.npz", Options()))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_path_within_a_zarr(zarr_format: Any, tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("raw/data", data=PIXELS)
    for inside in ("raw/data", "/raw/data/"):
        np.testing.assert_array_equal(read(open_source(f"{tmp_path}/a.zarr::{inside}", Options())), PIXELS)
    refuse(f"{tmp_path}/a.zarr::raw/dta", "nothing at 'raw/dta'; did you mean 'data'")
    refuse(f"{tmp_path}/a.zarr::../a.zarr/raw", "is not a path below its group")


AXES = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
FLAT = {"axes": AXES, "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [2, 1, 1]}]}]}
SCALE = {"type": "scale", "input": {"path": "0"}, "output": {"name": "p"}, "scale": [2, 1, 1]}
SYSTEMS = {
    "coordinateSystems": [{"name": "p", "axes": AXES}],
    "datasets": [{"path": "0", "coordinateTransformations": [SCALE]}],
}


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"multiscales": [{**FLAT, "version": "0.4"}]}, None),
        ({"multiscales": [{**FLAT, "version": "0.4-dev-spatialdata"}]}, "'0.4-dev-spatialdata'; it is read as 0.4"),
        ({"multiscales": [FLAT]}, "does not give its version of OME-Zarr; it is read as 0.4"),
        ({"ome": {"version": "0.5", "multiscales": [FLAT]}}, None),
        ({"ome": {"multiscales": [FLAT]}}, "it is read as 0.5"),
        ({"ome": {"version": "0.6.dev3", "multiscales": [SYSTEMS]}}, "'0.6.dev3'; it is read as 0.6"),
        ({"ome": {"version": "0.9.dev1", "multiscales": [SYSTEMS]}}, "'0.9.dev1'; it is read as 0.6"),
    ],
)
def test_versions_in_the_wild_are_read_and_said(attributes: dict[str, Any], said: str | None, tmp_path: Path) -> None:
    zarr_format: Any = 3 if "ome" in attributes else 2
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format, attributes=attributes)
    group.create_array("0", data=PIXELS[0])
    spec = open_source(tmp_path / "a.zarr", Options()).spec
    assert spec.scale == (2, 1, 1)
    assert [re.search(said or "nothing", notice) is not None for notice in spec.notices] == [True] * (said is not None)
