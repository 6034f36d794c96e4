"""The one door: what is opened by which reader, and what is refused."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray
import zarr

import pyramid
from pyramid import readers
from pyramid.errors import OptionError, SourceError
from pyramid.model import Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.array import ArraySource
from pyramid.readers.dask import DaskSource
from pyramid.readers.flat import FlatSource
from pyramid.readers.tiff.source import TiffSource
from pyramid.readers.zarr.source import ZarrSource
from pyramid.testing.sources import read
from tests.support.paths import DATA

TIFF = DATA / "tiff" / "ome-files" / "2010-06-18x24y5z1t2c8b-text.ome.tiff"


def test_each_kind_comes_to_its_reader(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 5)))
    zarr.create_array(tmp_path / "a.zarr", shape=(4, 5), dtype="u1")
    sources = [np.zeros((4, 5)), tmp_path / "a.npy", da.zeros((4, 5)), str(tmp_path / "a.zarr"), TIFF, f"file://{TIFF}"]
    kinds = [type(open_source(source, Options())) for source in sources]
    assert kinds == [ArraySource, FlatSource, DaskSource, ZarrSource, TiffSource, TiffSource]


@pytest.fixture(autouse=True)
def openers_are_looked_for_again() -> Iterator[None]:
    readers._openers.cache_clear()
    yield
    readers._openers.cache_clear()


def test_ours_come_through_the_entry_points() -> None:
    assert {"array", "dask", "tiff", "zarr"} <= {e.name for e in importlib.metadata.entry_points(group=readers.GROUP)}


def test_a_plug_in_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = importlib.metadata.EntryPoint("a-broken-one", "pyramid.nowhere:open_it", readers.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [broken])
    with pytest.raises(SourceError, match="a-broken-one"):
        open_source(np.zeros((4, 5)), Options())


def refuse(source: object, complaint: str, **options: Any) -> None:
    with pytest.raises(SourceError, match=complaint):
        open_source(source, Options(**options))


def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("hello")
    (tmp_path / "empty.tiff").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.npy").write_bytes(b"hello")
    refuse(tmp_path / "nowhere.tif", r"the file or folder .*nowhere\.tif does not exist")
    refuse(tmp_path / "text.tif", r"text\.tif is not a TIFF")
    refuse(tmp_path / "empty.tiff", r"empty\.tiff is not a TIFF")
    refuse(tmp_path / "notes.txt", r"notes\.txt is not of a kind")
    refuse(tmp_path / "folder", "folder.* is empty; check the path")
    refuse(tmp_path / "a.npy", r"a\.npy cannot be read as \.npy")
    refuse({"a": 1}, "object of type builtins.dict")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "datetime64[s]", "O", [("a", "u1"), ("b", "f4")]])
def test_dtypes_without_pixels_are_refused(dtype: Any, tmp_path: Path) -> None:
    array = np.zeros((4, 5), dtype)
    refuse(array, "have no place in OME-Zarr")
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    refuse(tmp_path / "a.npy", r"have no place in OME-Zarr|does not hold a plain array")


def test_shapes_that_are_no_image_are_refused() -> None:
    refuse(np.zeros(5), "2 to 5")
    refuse(np.zeros((1, 1, 1, 1, 2, 2)), "2 to 5")
    refuse(np.zeros((0, 5)), "no pixels")
    refuse(np.ma.masked_array(np.zeros((4, 5))), "masked")
    refuse(da.zeros((4, 0)), "no pixels")


@pytest.mark.parametrize("source", [np.zeros((3, 4, 5)), da.zeros((3, 4, 5)), zarr.zeros((3, 4, 5))])
@pytest.mark.parametrize(("option", "complaint"), [({"axes": "yx"}, "names 2 axes"), ({"series": 2}, "one image")])
def test_options_that_contradict_an_array_are_wrong_use(source: object, option: Any, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        open_source(source, Options(**option))


@pytest.mark.parametrize("wrap", [np.asarray, da.from_array, zarr.array])
def test_an_array_that_looks_like_colors_is_doubted(wrap: Any) -> None:
    colors = wrap(np.zeros((20, 30, 3), "u1"))
    (notice,) = open_source(colors, Options()).spec.notices
    assert "does not say which axis is which; it is taken as zyx" in notice
    assert notice.endswith('axes="yxc"')
    assert open_source(colors, Options(axes="yxc")).spec.notices == ()
    assert open_source(wrap(np.zeros((3, 20, 30), "u1")), Options()).spec.notices == ()


def _lack_a_key(_chunk: Any) -> Any:
    found: dict[str, Any] = {}
    return found["stage"]


def test_a_dask_array_that_cannot_be_computed_is_the_sources_fault(tmp_path: Path) -> None:
    array = da.zeros((20, 30), chunks=(10, 30)).map_blocks(_lack_a_key, dtype="f8", meta=np.empty((0, 0)))
    with pytest.raises(SourceError, match=r"the Dask array cannot be computed.*KeyError: 'stage'"):
        pyramid.convert(array, tmp_path / "a.zarr")


def test_no_path_is_wrong_use() -> None:
    with pytest.raises(OptionError, match="a path or URL is empty"):
        open_source("", Options())


def test_a_dask_array_of_unknown_chunks_is_refused() -> None:
    array = da.zeros((10, 5), chunks=5)
    refuse(array[array[:, 0] > 0], "compute_chunk_sizes")


def test_a_dask_array_is_offered_in_canonical_order() -> None:
    source = open_source(da.zeros((8, 9, 3), chunks=(4, 4, 3), dtype=">u2"), Options(axes="yxc"))
    assert isinstance(source, DaskSource)
    assert (source.dask_array.shape, source.dask_array.dtype, source.spec.chunks) == (
        (3, 8, 9),
        np.dtype("u2"),
        (3, 4, 4),
    )


def test_an_npy_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((40, 50)))
    data = (tmp_path / "a.npy").read_bytes()
    for length in (5, 100, len(data) - 1):
        (tmp_path / "a.npy").write_bytes(data[:length])
        refuse(tmp_path / "a.npy", r"a\.npy cannot be read")


def ome_group(folder: Path, version: int, *, path: str = "0") -> Path:
    multiscale = {
        "name": "embryo",
        "axes": [
            {"name": "c", "type": "channel"},
            {"name": "y", "type": "space", "unit": "micrometer"},
            {"name": "x", "type": "space"},
        ],
        "datasets": [{"path": path, "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 1]}]}],
    }
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00FF00"}]}
    content: dict[str, Any] = {"multiscales": [multiscale], "omero": omero}
    if version == 2:
        multiscale["version"] = "0.4"
    group = zarr.create_group(
        folder / "a.ome.zarr",
        zarr_format=version,  # type: ignore[arg-type]  # 2 or 3
        attributes=content if version == 2 else {"ome": content | {"version": "0.5"}},
    )
    array = group.create_array("0", shape=(2, 20, 30), chunks=(1, 16, 16), dtype="u2")
    array[...] = np.arange(1200).reshape(2, 20, 30)
    return folder / "a.ome.zarr"


@pytest.mark.parametrize("version", [2, 3])
def test_an_ome_zarr_image_is_its_largest_level(version: int, tmp_path: Path) -> None:
    source = open_source(ome_group(tmp_path, version), Options())
    np.testing.assert_array_equal(read(source), np.arange(1200).reshape(2, 20, 30))
    assert source.spec.axes == "cyx"
    assert source.spec.chunks == (1, 16, 16)
    assert source.spec.scale == (None, 0.5, None)  # a size of 1 without a unit says nothing
    assert source.spec.units == (None, "micrometer", None)
    assert source.spec.channels == (Channel("DAPI", "0000FF"), Channel("GFP", "00FF00"))
    assert source.spec.name == "embryo"


def test_zarrs_that_are_no_image_are_refused(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "group.zarr")
    refuse(tmp_path / "group.zarr", "is not an OME-Zarr image")
    (tmp_path / "torn.zarr").mkdir()
    (tmp_path / "torn.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_')
    refuse(tmp_path / "torn.zarr", "cannot be opened as Zarr")
    refuse(ome_group(tmp_path, 3, path="7"), "largest level")


def test_a_chunk_that_does_not_decode_is_told(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "a.zarr", shape=(8, 8), chunks=(4, 4), dtype="u2")
    array[...] = 1
    (tmp_path / "a.zarr" / "c" / "1" / "1").write_bytes(b"garbage")
    source = open_source(tmp_path / "a.zarr", Options())
    with pytest.raises(SourceError, match=r"a\.zarr: the region from \(0, 0\) to \(8, 8\)"):
        read(source)


def test_an_array_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    for value in (1, 2):
        array = zarr.create_array(tmp_path / "a.zarr", shape=(4, 4 * value), dtype="u1", overwrite=True)
        array[...] = value
        assert read(open_source(tmp_path / "a.zarr", Options())).sum() == 16 * value * value


NAMED = [
    (("channel", "time", "y", "x"), "ctyx"),
    (("Frames", "Row", "COLUMN"), "tyx"),
    (("band", "latitude", "longitude"), "cyx"),
    (("width", "height", "Depth"), "xyz"),
    (("time_point", "wavelength", "section", "rows", "cols"), "tczyx"),
    (("T", "Y", "X"), "tyx"),
    ((None, None, None), "zyx"),
    (("", "", ""), "zyx"),
]
ODDLY_NAMED = [
    (("angle", "y", "x"), "'angle'.*do not say which axis"),
    (("dim_0", "dim_1", "dim_2"), "do not say which axis"),
    ((None, "y", "x"), "do not say which axis"),
    (("row", "y", "x"), "mean the axes yyx, one of them twice"),
    (("time", "channel", "z"), "lack y or x"),
]


def named_array(names: tuple[str | None, ...], version: int) -> object:
    shape = tuple(range(4, 4 + len(names)))
    kept: Any = {"dimension_names": names} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": list(names)}}
    array = zarr.create_array({}, shape=shape, dtype="u2", zarr_format=version, **kept)  # type: ignore[arg-type]
    array[...] = np.arange(np.prod(shape)).reshape(shape)
    return array


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("names", "axes"), NAMED)
def test_dimensions_are_the_axes_that_their_names_mean(names: tuple[str | None, ...], axes: str, version: int) -> None:
    source = open_source(named_array(names, version), Options())
    pixels = np.arange(np.prod(source.spec.shape)).reshape(range(4, 4 + len(names)))
    assert source.spec.axes == "".join(axis for axis in "tczyx" if axis in axes)
    np.testing.assert_array_equal(read(source), pixels.transpose([axes.index(axis) for axis in source.spec.axes]))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("names", "complaint"), ODDLY_NAMED)
def test_names_that_mean_no_axis_are_refused_and_the_user_has_the_last_word(
    names: tuple[str | None, ...], complaint: str, version: int
) -> None:
    array = named_array(names, version)
    refuse(array, f"{complaint}.*axes=")
    assert open_source(array, Options(axes="cyx")).spec.axes == "cyx"


@pytest.mark.parametrize("names", ["tyx", 7, ["y", "x"], {"t": 1}])
def test_names_that_are_no_list_of_names_are_refused(names: Any) -> None:
    array = zarr.create_array({}, shape=(3, 4, 5), dtype="u1", zarr_format=2, attributes={"_ARRAY_DIMENSIONS": names})
    refuse(array, "names of the array's .*axes=")


@pytest.mark.parametrize("wrap", [np.asarray, da.from_array])
def test_an_array_of_xarray_has_the_axes_that_its_dimensions_mean(wrap: Any) -> None:
    pixels = np.arange(60).reshape(3, 4, 5)
    source = open_source(xarray.DataArray(wrap(pixels), dims=("frame", "Row", "column"), name="cells"), Options())
    assert (source.spec.axes, source.spec.name, source.spec.notices) == ("tyx", "cells", ())
    np.testing.assert_array_equal(read(source), pixels)
    refuse(xarray.DataArray(wrap(pixels), dims=("angle", "y", "x")), "'angle'.*axes=")


def test_what_is_left_out_of_an_array_of_xarray_is_named() -> None:
    coords = {"x": np.arange(5) * 0.5, "stage": 7}
    labelled = xarray.DataArray(np.zeros((4, 5)), dims=("y", "x"), coords=coords, attrs={"made": "today"})
    spec = open_source(labelled, Options()).spec
    (notice,) = spec.notices
    assert notice.endswith("and not stage")
    assert spec.attributes == '{"made": "today"}'
    assert spec.scale == (None, 0.5)


class Quantity(np.ndarray[Any, Any]):
    """An array that could have a unit."""


def test_what_is_left_out_of_other_arrays_is_named() -> None:
    (notice,) = open_source(np.zeros((4, 5)).view(Quantity), Options()).spec.notices
    assert "Quantity, the pixels are taken; a unit of theirs is not kept" in notice
    assert open_source(np.zeros((4, 5)).view(np.memmap), Options()).spec.notices == ()


BASE = np.arange(48, dtype="u2").reshape(6, 8)
LIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "dtype": (lambda chunk: chunk * 1.5, r"has the dtype float64, and the array says uint16"),
    "wider dtype": (lambda chunk: chunk.astype("u4"), r"has the dtype uint32"),
    "bool": (lambda chunk: chunk > 3, r"has the dtype bool"),
    "smaller": (lambda chunk: chunk[:1], r"has the shape \(1, 4\), not \(2, 4\)"),
    "broadcast": (lambda chunk: chunk[:, :1], r"has the shape \(2, 1\), not \(2, 4\)"),
    "deeper": (lambda chunk: chunk[None], r"has the shape \(1, 2, 4\)"),
    "masked": (lambda chunk: np.ma.masked_equal(chunk, 44), "is masked, .* fill it first"),
    "list": (lambda chunk: chunk.tolist(), r"is a builtins\.list, not a NumPy array"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_chunk_that_is_not_what_its_array_says_is_named(lie: str, tmp_path: Path) -> None:
    change, complaint = LIES[lie]

    def only_the_last(chunk: Any) -> Any:
        return change(chunk) if 47 in chunk else chunk

    array = da.from_array(BASE, chunks=(2, 4)).map_blocks(only_the_last, dtype="u2", meta=np.empty((0, 0), "u2"))
    with pytest.raises(SourceError, match=rf"the chunk from \(4, 4\) to \(6, 8\) of the Dask array {complaint}"):
        pyramid.convert(array, tmp_path / "t.zarr")
    assert "multiscales" not in (tmp_path / "t.zarr" / "zarr.json").read_text()


@pytest.mark.parametrize("change", [lambda chunk: chunk.astype(">u2"), np.ma.masked_array, np.asfortranarray])
def test_chunks_that_hold_the_same_pixels_in_another_way_are_read(change: Any, tmp_path: Path) -> None:
    array = da.from_array(BASE, chunks=(2, 4)).map_blocks(change, dtype="u2", meta=np.empty((0, 0), "u2"))
    image = pyramid.convert(array, tmp_path / "t.zarr")
    np.testing.assert_array_equal(image.levels[0].data, BASE)


def test_a_masked_dask_array_is_refused_before_a_chunk_is_computed() -> None:
    refuse(da.ma.masked_equal(da.from_array(BASE, chunks=4), 3), "would lose its mask; fill it first")
