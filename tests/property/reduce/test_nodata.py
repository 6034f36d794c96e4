"""Windows without the pixels of one value: each is reduced from what is left of it, for any shape, dtype and method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pyramid
from pyramid.errors import OptionError
from pyramid.model import reduced_shape
from pyramid.reduce import leave_out, load_method
from tests.support.gaussian import gaussian_level
from tests.support.strategies import generators

METHODS = ("max", "mean", "median", "min", "mode")


def window_by_window(array: NDArray[Any], factors: tuple[int, ...], method: str, nodata: float) -> NDArray[Any]:
    """The next level, a window at a time."""
    out = np.empty(reduced_shape(array.shape, factors), array.dtype)
    for index in np.ndindex(*out.shape):
        window = array[tuple(slice(i * f, i * f + f) for i, f in zip(index, factors, strict=True))].ravel()
        left = window[window != nodata]
        out[index] = reduced(left, method) if left.size else nodata
    return out


def reduced(pixels: NDArray[Any], method: str) -> Any:
    """One pixel from all, by Python's own numbers and by sorting."""
    ordered = sorted(pixels.tolist())
    if method == "mean":
        mean = sum(pixels.tolist()) / len(ordered)
        return mean if pixels.dtype.kind == "f" else round(mean)
    counts = {value: ordered.count(value) for value in ordered}
    most = max(counts.values())
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "median": ordered[(len(ordered) - 1) // 2],
        "mode": next(value for value in ordered if counts[value] == most),
    }[method]


@given(st.data(), generators(), st.sampled_from(METHODS), st.sampled_from(["uint8", "uint16", "int64", "float32"]))
def test_what_is_left_of_a_window_is_reduced(
    data: st.DataObject, rng: np.random.Generator, method: str, dtype: str
) -> None:
    ndim = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    factors = (*(data.draw(st.integers(1, 3)) for _ in range(ndim - 1)), 2)
    array = rng.integers(0, 4, shape).astype(dtype)
    out = np.empty(reduced_shape(shape, factors), dtype)
    leave_out(load_method(method), 0)(array, shape, factors, out)
    expected = window_by_window(array, factors, method, 0)
    np.testing.assert_allclose(out, expected, rtol=1e-6 if dtype == "float32" else 0)


@given(generators(), st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(2, 4))
def test_a_gaussian_mean_is_that_of_what_is_left(rng: np.random.Generator, shape: tuple[int, int], factor: int) -> None:
    array = rng.integers(0, 200, shape).astype("float64")
    array[rng.random(shape) < 0.3] = -1
    out = np.empty(reduced_shape(shape, (factor, factor)))
    leave_out(load_method("gaussian"), -1)(array, shape, (factor, factor), out)
    weighted = gaussian_level(np.where(array == -1, 0, array), (factor, factor))
    present = gaussian_level((array != -1).astype("float64"), (factor, factor))
    expected = np.where(present > 1e-12, weighted / np.maximum(present, 1e-300), -1)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)


def test_a_pyramid_says_what_it_left_out(tmp_path: Path) -> None:
    pixels = np.full((300, 300), 7, "uint16")
    pixels[:, :100] = 0
    pixels[:, 100] = 9
    image = pyramid.convert(pixels, tmp_path / "a.zarr", nodata=0, min_size=64)
    first, second = (np.asarray(level.data) for level in image.levels[:2])
    np.testing.assert_array_equal(first, pixels)
    np.testing.assert_array_equal(second, window_by_window(pixels, (2, 2), "mean", 0))
    assert image.metadata.nodata == 0
    window = image.metadata.channels[0].window
    assert window is not None
    assert window.min == 7
    pyramid.convert(pixels, tmp_path / "b.zarr", nodata=0, min_size=64, method="nearest")
    nearest = np.asarray(pyramid.open(tmp_path / "b.zarr").levels[1].data)
    np.testing.assert_array_equal(nearest, pixels[::2, ::2])


@pytest.mark.parametrize(
    ("dtype", "value", "words"),
    [
        ("uint8", 256, "no pixel of uint8 is 256; give a whole number from 0 to 255"),
        ("int16", "0.5", "no pixel of int16 is 0.5"),
        ("uint8", "inf", "no pixel of uint8 is inf"),
        ("float16", 1e30, r"no pixel of float16 is 1e\+30"),
        ("uint8", "none", "'none' is not a number"),
        ("float32", "nan", "NaN never counts"),
        ("float32", True, "True is not a number"),
    ],
)
def test_a_value_that_no_pixel_has_is_refused(dtype: str, value: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        pyramid.plan(np.zeros((9, 9), dtype), nodata=value)


def test_a_value_is_compared_as_pixels_hold_it(tmp_path: Path) -> None:
    pixels = np.full((4, 4), -9999.1, "float32")
    pixels[0, 0] = 5
    image = pyramid.convert(pixels, tmp_path / "a.zarr", nodata=-9999.1, levels=2, scale_factors="yx", min_size=1)
    np.testing.assert_array_equal(np.asarray(image.levels[1].data), np.array([[5, -9999.1], [-9999.1] * 2], "f4"))
