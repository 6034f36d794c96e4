"""The law: each level is what others make of the level before, and the bytes do not tell how the work was cut."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pyramid
from pyramid.errors import OptionError
from pyramid.options import parsing
from pyramid.planning import slabs
from pyramid.testing.pixels import DTYPES, FLOATS
from pyramid.testing.pixels import make_pixels as pixels
from tests.support.gaussian import assert_gaussian
from tests.support.stores import digests, downsample, read_level

AXES = ("yx", "zyx", "cyx", "tyx", "czyx", "tzyx", "tczyx")
# Kernels are compiled for each dtype and factor along x; what the quick profile leaves out is tried method by method
# in tests/property/reduce/test_methods.py, and here in the thorough one.
THOROUGH = settings().max_examples > 100
KINDS = DTYPES if THOROUGH else ("bool", "uint8", "uint16", "float32")
FACTORS_X = (1, 2, 3, 4) if THOROUGH else (1, 2)
METHODS = ("mean", "nearest", "mode", "median", "min", "max", "gaussian")


@dataclass(frozen=True)
class Case:
    """An image and how its pyramid is to be built."""

    axes: str
    image: NDArray[Any]
    options: Mapping[str, Any]


def _image(seed: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if dtype in FLOATS:  # neither NaN nor mixed zeros, of which tensorstore thinks differently
        return (rng.random(shape) * 1000 + 0.001).astype(dtype)
    few, any_ = (pixels(rng, kind, shape, dtype) for kind in ("few", "any"))
    return np.where(rng.random(shape) < 0.5, few, any_)


def _steps(axes: str) -> st.SearchStrategy[dict[str, int]]:
    factors = {axis: st.sampled_from(FACTORS_X) if axis == "x" else st.integers(1, 4) for axis in axes}
    return st.fixed_dictionaries(factors)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    axes = draw(st.sampled_from(AXES))
    shape = tuple(draw(st.integers(1, 60 if axis in "yx" else 4)) for axis in axes)
    image = _image(draw(st.integers(0, 2**32)), shape, draw(st.sampled_from(KINDS)))
    version = draw(st.sampled_from(["0.5", "0.4", "0.6"]))
    chunks = {axis: draw(st.integers(7, 24) if axis in "yx" else st.integers(1, 3)) for axis in axes}
    options: dict[str, Any] = {
        "axes": axes,
        "method": draw(st.sampled_from(METHODS)),
        "ome_zarr_version": version,
        "codec": draw(st.sampled_from(["blosc:lz4", "blosc:zstd", "zstd", "gzip", "none"])),
        "chunks": chunks,
        "shards": "none",  # automatic shards follow the source's own chunks, which differ between sources
        "scale_factors": draw(st.lists(_steps(axes), min_size=2, max_size=4)),
    }
    if version != "0.4" and draw(st.booleans()):
        options["shards"] = {axis: n * draw(st.integers(1, 3)) for axis, n in chunks.items()}
        options["checksum"] = draw(st.booleans())
    return Case(axes, image, options)


def _cut(draw: st.DrawFn) -> dict[str, Any]:
    """What must not show in the bytes: memory, and so blocks and passes, workers, and slabs."""
    slab_bytes = draw(st.sampled_from([0, 2**11, slabs.SLAB_BYTES_AIM]))
    options = {"workers": draw(st.integers(1, 4)), "memory": draw(st.sampled_from(["64MiB", "4GiB"]))}
    return {**options, "slab_bytes": slab_bytes}


def _convert(source: object, target: Path, *, slab_bytes: int, **options: Any) -> None:
    with mock.patch.object(slabs, "SLAB_BYTES_AIM", slab_bytes):
        pyramid.convert(source, target, **options)


cuts = st.composite(_cut)()


def _factors(case: Case) -> list[tuple[int, ...]]:
    return [tuple(step[axis] for axis in case.axes) for step in case.options["scale_factors"]]


@given(cases(), cuts)
def test_each_level_is_made_of_the_level_before(case: Case, cut: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "image.ome.zarr"
        _convert(case.image, target, **case.options, **cut)
        version = case.options["ome_zarr_version"]
        levels = [read_level(target, number, version) for number in range(len(_factors(case)) + 1)]
    np.testing.assert_array_equal(levels[0], case.image, strict=True)
    for before, level, factors in zip(levels, levels[1:], _factors(case), strict=False):
        if case.options["method"] == "gaussian":
            assert_gaussian(level, before, factors)
            continue
        expected = downsample(before, factors, case.options["method"])
        np.testing.assert_array_equal(level, expected, strict=True)


@given(cases(), cuts, cuts, st.sampled_from(["threads", "synchronous"]))
def test_bytes_do_not_tell_how_the_work_was_cut(
    case: Case, one: dict[str, Any], other: dict[str, Any], scheduler: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second, third = (Path(folder) / name for name in ("first", "second", "third"))
        _convert(case.image, first, **case.options, **one)
        with dask.config.set(scheduler=scheduler):
            _convert(case.image, second, **case.options, **other)
        _convert(da.from_array(case.image, chunks=7), third, **case.options, **other)
        assert digests(first) == digests(second) == digests(third)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("shards", ["auto", "none"])
def test_passes_that_memory_forces_leave_the_same_bytes(tmp_path: Path, version: str, shards: str) -> None:
    image = _image(1, (2, 9, 600, 500), "uint16")
    options: dict[str, Any] = {"axes": "czyx", "chunks": {"y": 32, "x": 32, "z": 3}, "ome_zarr_version": version}
    if version == "0.5":
        options["shards"] = shards if shards == "none" else {"z": 6, "y": 64, "x": 64}
    options["scale_factors"] = [{"z": 3, "y": 2, "x": 2}, {"y": 3, "x": 2}, {"z": 2, "y": 2, "x": 2}]
    much = pyramid.plan(image, **options, memory="1GiB", workers=1)
    memory = "850kiB" if options.get("shards", "none") != "none" else "200kiB"
    little = pyramid.plan(image, **options, memory=memory, workers=1)
    assert len(little.passes) > len(much.passes)
    pyramid.convert(image, tmp_path / "much", **options, memory="1GiB", workers=1)
    pyramid.convert(image, tmp_path / "little", **options, memory=memory, workers=1)
    assert digests(tmp_path / "much") == digests(tmp_path / "little")


@pytest.mark.parametrize("shards", ["none", {"z": 6, "y": 64, "x": 64}])
@pytest.mark.parametrize("of_dask", [True, False])
def test_blocks_with_margins_leave_the_same_bytes(tmp_path: Path, shards: Any, of_dask: bool) -> None:
    image = _image(1, (2, 19, 200, 500), "uint16")
    source = da.from_array(image, chunks=(1, 5, 70, 90)) if of_dask else image
    options: dict[str, Any] = {"axes": "czyx", "chunks": {"y": 32, "x": 32, "z": 3}, "method": "gaussian"}
    options |= {
        "shards": shards,
        "scale_factors": [{"z": 3, "y": 2, "x": 2}, {"y": 3, "x": 2}, {"z": 2, "y": 2, "x": 2}],
    }
    with pytest.raises(OptionError, match="memory") as refused:
        pyramid.plan(source, **options, memory="100kB", workers=2)
    least = re.search(r"memory=\"(.*?)\"", str(refused.value))
    assert least is not None
    least_bytes = parsing.byte_count(least[1])
    pyramid.convert(image, tmp_path / "much", **options, memory="1GiB", workers=1)
    amplified = 0.0
    for times in (1, 2, 6, 8):
        options |= {"memory": times * least_bytes, "workers": 2, "overwrite": True}
        amplified = max(amplified, pyramid.plan(source, **options).read_amplification)
        pyramid.convert(source, tmp_path / "little", **options)
        assert digests(tmp_path / "much") == digests(tmp_path / "little")
    assert of_dask or amplified > 1  # pixels around blocks were read twice
