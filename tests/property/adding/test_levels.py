"""The law: added levels have the bytes of those that `convert` makes of the same pixels."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import pyramid
from pyramid.testing.pixels import make_pixels
from tests.support.stores import digests

AXES = ("yx", "zyx", "cyx", "tczyx")
FORMS = ("0.4", "0.5", "0.6", "n5")


@st.composite
def options(draw: st.DrawFn, axes: str, form: str) -> dict[str, Any]:
    """How an image is stored."""
    chunks = {axis: draw(st.integers(5, 40) if axis in "yx" else st.integers(1, 3)) for axis in axes}
    found: dict[str, Any] = {"chunks": chunks, "codec": draw(st.sampled_from(["blosc:lz4", "zstd", "gzip", "none"]))}
    if form in ("0.5", "0.6"):
        found["shards"] = "none"
        if draw(st.booleans()):
            found |= {"shards": {axis: n * draw(st.integers(1, 3)) for axis, n in chunks.items()}, "checksum": True}
    return found if form == "n5" else {**found, "ome_zarr_version": form}


@settings(max_examples=12)
@given(st.data())
def test_added_levels_are_those_of_convert(data: st.DataObject) -> None:
    axes, form = data.draw(st.sampled_from(AXES)), data.draw(st.sampled_from(FORMS))
    shape = tuple(data.draw(st.integers(1, 90) if axis in "yx" else st.integers(1, 4)) for axis in axes)
    dtype = data.draw(st.sampled_from(["uint8", "uint16", "float32"]))
    image = make_pixels(np.random.default_rng(data.draw(st.integers(0, 99))), "few", shape, dtype)
    stored = data.draw(options(axes, form))
    levels: dict[str, Any] = {
        "method": data.draw(st.sampled_from(["mean", "nearest", "mode", "gaussian"])),
        "levels": data.draw(st.integers(2, 4)),
        "workers": data.draw(st.integers(1, 2)),
        "scale_factors": data.draw(st.sampled_from(["auto", "yx"])),
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", pyramid.PyramidWarning)
        ending = "n5" if form == "n5" else "ome.zarr"
        whole, part = Path(folder) / f"a.{ending}", Path(folder) / f"b.{ending}"
        made = pyramid.convert(image, whole, axes=axes, **stored, **levels)
        pyramid.convert(image, part, axes=axes, **stored, levels=1)
        if len(made.levels) > 1:
            pyramid.add_levels(part, **levels)
        assert _of_levels(whole) == _of_levels(part)


def _of_levels(path: Path) -> dict[str, str]:
    return {key: one for key, one in digests(path).items() if "/" in key}
