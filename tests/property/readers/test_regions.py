"""Laws of reading by region, against NumPy's own indexing and tifffile's own decoding."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pyramid.model import Box
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files import raw_array

DTYPES = st.sampled_from(["<u1", "<u2", ">u2", "<f4", ">f8", "<i8", ">f2"])


@st.composite
def boxes(draw: st.DrawFn, shape: tuple[int, ...]) -> Box:
    start = tuple(draw(st.integers(0, n - 1)) for n in shape)
    return Box(start, tuple(draw(st.integers(1, n - a)) for n, a in zip(shape, start, strict=True)))


def strided(draw: Callable[..., Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of `shape` that may have gaps, run backwards, and have its dimensions in any order in memory."""
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 2, -1])) for _ in shape]
    memory = np.zeros([shape[i] * abs(steps[i]) for i in order], dtype)
    return memory.transpose(np.argsort(order))[tuple(slice(None, None, step) for step in steps)]


@given(st.data())
def test_a_region_of_a_flat_array_is_what_indexing_gives(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=5, max_side=7))
    dtype = np.dtype(data.draw(DTYPES))
    array = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
    box = data.draw(boxes(shape))
    out = strided(data.draw, box.shape, dtype.newbyteorder("="))
    offset = data.draw(st.integers(0, 9))
    slab, short = data.draw(st.sampled_from([(1 << 20, 1 << 16), (64, 16), (16, 0)]))
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(offset) + array.tobytes())
        file.flush()
        before = raw_array.SLAB_BYTES, raw_array.SHORT_BYTES
        raw_array.SLAB_BYTES, raw_array.SHORT_BYTES = slab, short  # small ones, so that small arrays take every way
        try:
            with io.FileIO(file.name) as opened:
                raw_array.read_flat(opened, raw_array.FlatArray(offset, shape, dtype), box.start, out)
        finally:
            raw_array.SLAB_BYTES, raw_array.SHORT_BYTES = before
    np.testing.assert_array_equal(out, array[box.slices])


@given(st.data())
def test_pieces_put_every_dimension_into_its_place(data: st.DataObject) -> None:
    letters = data.draw(st.lists(st.sampled_from("tczyx"), unique=True, min_size=2)) + data.draw(
        st.sampled_from([[], ["c"], [""]])
    )
    letters = data.draw(st.permutations(letters))
    shape = tuple(data.draw(st.integers(1, 5)) if letter else 1 for letter in letters)
    array = np.arange(np.prod(shape)).reshape(shape)
    order = AxisOrder(tuple(letters), shape)
    # by NumPy: sort dimensions by letter, the first of two channels slower, then fuse those two
    ranked = sorted(range(len(letters)), key=lambda i: (" tczyx".index(letters[i] or " "), i))
    expected = array.transpose(ranked).reshape(order.axes_shape)
    box = data.draw(boxes(order.axes_shape))
    out = np.full(box.shape, -1)
    for part, view in order.pieces(box, out):
        view[...] = array[part.slices]
    np.testing.assert_array_equal(out, expected[box.slices])


@st.composite
def written(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of tifffile's writer: an array and how it is stored."""
    rgb = draw(st.sampled_from([None, "contig", "separate"]))
    pages = draw(st.integers(1, 3))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    shape = {None: (height, width), "contig": (height, width, 3), "separate": (3, height, width)}[rgb]
    dtype = np.dtype(draw(st.sampled_from(["u1", "u2", "f4", "i4"])))
    options: dict[str, Any] = {"metadata": None, "photometric": "rgb" if rgb else "minisblack"}
    if rgb:
        options["planarconfig"] = rgb
    if draw(st.booleans()):
        options["tile"] = (16, draw(st.sampled_from([16, 32])))
    else:
        options["rowsperstrip"] = draw(st.integers(1, height))
    options["compression"] = draw(st.sampled_from([None, "zlib", "lzw", "packbits", "zstd"]))
    if options["compression"] not in (None, "packbits"):
        options["predictor"] = draw(st.booleans())
    options["byteorder"] = draw(st.sampled_from("<>"))
    options["bigtiff"] = draw(st.booleans())
    seed = draw(st.integers(0, 9))
    return options | {"data": np.random.default_rng(seed).integers(0, 99, (pages, *shape)).astype(dtype)}


@given(st.data())
def test_a_region_of_a_tiff_is_that_of_tifffiles_array(data: st.DataObject) -> None:
    arguments = data.draw(written())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        tifffile.imwrite(path, **arguments)
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            letters = ["zyxccc"["IYXSQC".index(axis)] for axis in series.axes]
            expected = series.asarray().transpose(sorted(range(len(letters)), key=lambda i: "tczyx".index(letters[i])))
        source = open_source(path, Options())
        for _ in range(3):
            box = data.draw(boxes(expected.shape))
            out = strided(data.draw, box.shape, np.dtype(source.spec.dtype))
            source.read(box, out)
            np.testing.assert_array_equal(out, expected[box.slices])
