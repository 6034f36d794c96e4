"""The law: what is selected is what NumPy takes, from every kind of source, and its levels are those of any image."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pyramid
from pyramid.model import Box
from pyramid.options.convert import make_options
from pyramid.planning import _decoded_px
from pyramid.readers import open_source
from tests.support.stores import downsample, read_level

AXES = ("yx", "zyx", "cyx", "tyx", "czyx", "tzyx", "tczyx")
KINDS = ("numpy", "fortran", "dask", "zarr", "npy")
ends = st.none() | st.integers(-25, 25)


@st.composite
def picks(draw: st.DrawFn, axis: str, extent: int) -> Any:
    """What is taken of an axis: a slice, an index, or a list, of which something is left."""
    kind = draw(st.sampled_from(["slice", "slice", "index", "list"]))
    if kind == "index":
        return draw(st.integers(-extent, extent - 1))
    if kind == "list" and axis in "tcz":
        found = draw(st.lists(st.integers(0, extent - 1), min_size=1, unique=True))
        return found if axis == "c" else sorted(found)
    part = slice(draw(ends), draw(ends), draw(st.none() | st.integers(1, 4)))
    return part if range(extent)[part] else slice(None)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, NDArray[Any], dict[str, Any]]:
    axes = draw(st.sampled_from(AXES))
    shape = tuple(draw(st.integers(1, 40 if axis in "yx" else 5)) for axis in axes)
    chosen = draw(st.sets(st.sampled_from(axes), min_size=1))
    image = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 2**16, shape, "u2")
    return axes, image, {axis: draw(picks(axis, shape[axes.index(axis)])) for axis in sorted(chosen)}


def numpys(axes: str, image: NDArray[Any], select: dict[str, Any]) -> NDArray[Any]:
    """What NumPy takes, axis by axis; an index keeps its axis."""
    for axis, part in select.items():
        part = [part] if isinstance(part, int) else part
        image = image[(slice(None),) * axes.index(axis) + (part,)]
    return image


def source_of(kind: str, image: NDArray[Any], folder: Path) -> Any:
    if kind == "numpy":
        return image
    if kind == "fortran":
        return np.asfortranarray(image)
    if kind == "dask":
        return da.from_array(image, chunks=7)
    if kind == "zarr":
        shards = tuple(2 * min(n, 5) for n in image.shape)
        zarr.create_array(
            folder / "source.zarr", data=image, chunks=tuple(min(n, 5) for n in image.shape), shards=shards
        )
        return folder / "source.zarr"
    np.save(folder / "source.npy", image)
    return folder / "source.npy"


@given(cases(), st.sampled_from(KINDS))
def test_level_0_is_numpys_and_each_level_is_made_of_the_one_before(case: Any, kind: str) -> None:
    axes, image, select = case
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options: dict[str, Any] = {"axes": axes, "scale_factors": [{"y": 2}, {"x": 3}], "select": select}
        pyramid.convert(source_of(kind, image, folder), folder / "image.ome.zarr", **options)
        levels = [read_level(folder / "image.ome.zarr", number) for number in range(3)]
    np.testing.assert_array_equal(levels[0], numpys(axes, image, select), strict=True)
    for before, level, factors in zip(levels, levels[1:], ({"y": 2}, {"x": 3}), strict=False):
        expected = downsample(before, tuple(factors.get(axis, 1) for axis in axes), "mean")
        np.testing.assert_array_equal(level, expected, strict=True)


@given(cases())
def test_a_selection_of_an_image_is_numpys_and_can_be_selected_again(case: Any) -> None:
    axes, image, select = case
    with tempfile.TemporaryDirectory() as folder:
        whole = pyramid.convert(image, f"{folder}/image.ome.zarr", axes=axes, scale_factors=[{"y": 2, "x": 2}])
        part = whole.select(select)
        taken = numpys(axes, image, select)
        assert part.levels[0].shape == taken.shape
        np.testing.assert_array_equal(part.levels[0].data.compute(), taken, strict=True)
        again = part.select({"y": slice(None, None, 2), "x": -1})
        np.testing.assert_array_equal(again.levels[0].data, numpys(axes, taken, {"y": slice(None, None, 2), "x": -1}))
        assert [level.data.shape for level in part.levels] == [level.shape for level in part.levels]


@pytest.mark.parametrize("kind", ["zarr", "npy"])
def test_a_selected_source_pickles_small_and_reads_the_same(kind: str, tmp_path: Path) -> None:
    image = np.arange(2 * 30 * 40, dtype="u2").reshape(2, 30, 40)
    source = open_source(source_of(kind, image, tmp_path), make_options({"select": "z=1,y=3::4,x=:9", "axes": "zyx"}))
    pickled = pickle.dumps(source)
    assert len(pickled) < 5000
    out = np.empty(source.spec.shape, "u2")
    pickle.loads(pickled).read(Box((0, 0, 0), source.spec.shape), out)
    np.testing.assert_array_equal(out, image[1:2, 3::4, :9])


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.data())
def test_decoded_pixels_are_counted_block_by_block(extent: int, edge: int, chunk: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, chunk - 1))
    blocks = [range(at, min(at + edge, extent)) for at in range(0, extent, edge)]
    decoded = 0
    for block in blocks:
        touched = {(at + start) // chunk for at in block}
        decoded += sum((at + start) // chunk in touched for at in range(extent))
    assert _decoded_px(extent, edge, chunk, start) == decoded


def test_blocks_of_a_part_that_begins_within_chunks_span_the_axis_where_memory_allows(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", shape=(6000, 6000), dtype="u2", chunks=(512, 512))
    options: dict[str, Any] = {"chunks": {"y": 300, "x": 300}, "shards": "none", "levels": 1, "workers": 1}
    wide, little = (
        pyramid.plan(tmp_path / "a.zarr", select="y=100:,x=100:", memory=memory, **options)
        for memory in ("1GiB", "30MiB")
    )
    assert wide.passes[0].block == (5900, 5900)
    assert wide.read_amplification == 1
    assert little.read_amplification > 1
    assert "times" in str(little)
