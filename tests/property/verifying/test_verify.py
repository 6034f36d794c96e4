"""Laws of verification: a fresh store is right, and a changed pixel is found where it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import zarr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import pyramid
from tests.support.strategies import generators

DTYPES = ["bool", "uint8", "int16", "uint16", "uint32", "int64", "float16", "float32", "float64"]


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(
    st.data(),
    generators(),
    st.sampled_from(DTYPES),
    st.sampled_from(["mean", "nearest", "mode", "median", "min", "max", "gaussian"]),
    st.sampled_from(["0.4", "0.5", "0.6"]),
    st.booleans(),
)
def test_a_fresh_store_is_right_and_a_changed_pixel_is_found(
    data: st.DataObject, rng: np.random.Generator, dtype: str, method: str, version: str, in_shards: bool
) -> None:
    axes = data.draw(st.sampled_from(["yx", "zyx", "czyx"]))
    shape = tuple(data.draw(st.integers(1, 40 if axis in "yx" else 5)) for axis in axes)
    chunk = {axis: data.draw(st.integers(1, 16)) if axis in "yx" else data.draw(st.integers(1, 3)) for axis in axes}
    factors = {axis: data.draw(st.integers(1, 3)) if axis in "zyx" else 1 for axis in axes}
    shards = {axis: 2 * edge for axis, edge in chunk.items()}
    sharded = in_shards and version != "0.4"
    pixels = rng.random(shape) > 0.5 if dtype == "bool" else (rng.random(shape) * 100).astype(dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.ome.zarr")
        pyramid.convert(
            pixels,
            path,
            axes=axes,
            method=method,
            ome_zarr_version=version,
            chunks=chunk,
            shards=shards if sharded else "none" if version != "0.4" else None,
            scale_factors=(factors, factors),
            levels=3,
            min_size=1,
            codec="gzip",
            nodata=data.draw(st.sampled_from([None, 1])),
        )
        fresh = pyramid.verify(path, pixels, axes=axes)
        assert fresh.ok, str(fresh)
        assert all(finding.problem == "hole" for finding in fresh.findings)
        number = data.draw(st.integers(0, len(fresh.levels) - 1))
        array = zarr.open_array(path / str(number), mode="r+")
        held = np.asarray(array[...])
        at = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
        held[at] = not held[at] if dtype == "bool" else held[at] + 1
        with zarr.config.set({"array.write_empty_chunks": True}):
            zarr.open_array(path / str(number), mode="r+")[...] = held
        found = pyramid.verify(path, pixels, axes=axes)
        assert not found.ok
        for finding in found.findings:
            if finding.problem == "hole":  # one object may well hold nothing but zeros
                continue
            assert finding.level == number, str(found)
            assert finding.start is not None
            assert finding.stop is not None
            assert all(a <= i < b for a, i, b in zip(finding.start, at, finding.stop, strict=True)), str(found)
