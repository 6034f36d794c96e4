"""The law: whatever regions come in whatever order, the image is that of `convert` of the whole, byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pyramid
from pyramid.testing.pixels import make_pixels
from tests.support.stores import digests

AXES = ("yx", "xy", "zyx", "cyx", "yxc", "tczyx")
DTYPES = ("bool", "uint8", "int16", "uint16", "float32")


def cut(draw: st.DrawFn, shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Regions that make up an image, as a knife cuts it again and again."""
    rest = [tuple(slice(0, n) for n in shape)]
    for _ in range(draw(st.integers(0, 9))):
        region = rest.pop(draw(st.integers(0, len(rest) - 1)))
        axis = draw(st.integers(0, len(shape) - 1))
        part = region[axis]
        at = draw(st.integers(part.start, part.stop))
        pieces = slice(part.start, at), slice(at, part.stop)
        rest += [(*region[:axis], piece, *region[axis + 1 :]) for piece in pieces]
    yield from draw(st.permutations([region for region in rest]))


@st.composite
def images(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any]]:
    axes = draw(st.sampled_from(AXES))
    shape = tuple(draw(st.integers(1, 50 if axis in "yx" else 4)) for axis in axes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    image = make_pixels(rng, draw(st.sampled_from(("few", "any"))), shape, draw(st.sampled_from(DTYPES)))
    chunks = {axis: draw(st.integers(7, 24) if axis in "yx" else st.integers(1, 3)) for axis in axes}
    options: dict[str, Any] = {
        "axes": axes,
        "min_size": draw(st.integers(8, 40)),
        "ome_zarr_version": draw(st.sampled_from(("0.4", "0.5", "0.6"))),
        "method": draw(st.sampled_from(("mean", "nearest", "gaussian"))),
    }
    if draw(st.booleans()):
        options["chunks"] = chunks
        if options["ome_zarr_version"] != "0.4" and draw(st.booleans()):
            options["shards"] = {axis: n * draw(st.integers(1, 3)) for axis, n in chunks.items()}
    return image, options


@given(st.data(), images())
def test_regions_make_the_image_of_the_whole(data: st.DataObject, drawn: tuple[NDArray[Any], dict[str, Any]]) -> None:
    image, options = drawn
    as_written: dict[str, Any] = {"levels": "as written"} if data.draw(st.booleans()) else {}
    with tempfile.TemporaryDirectory() as folder:
        pyramid.convert(image, f"{folder}/whole.ome.zarr", **options)
        with pyramid.create(f"{folder}/run.ome.zarr", image.shape, image.dtype, **options, **as_written) as target:
            for region in data.draw(st.composite(lambda draw: list(cut(draw, image.shape)))()):
                target[region] = image[region]
        assert digests(Path(folder, "run.ome.zarr")) == digests(Path(folder, "whole.ome.zarr"))
