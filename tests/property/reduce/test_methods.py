"""Every method equals tensorstore's, bit for bit, and ignores NaN, for any shape, dtype, factors and padding."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
import skimage.measure
import tensorstore
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyramid.model import reduced_shape
from pyramid.reduce import load_method
from pyramid.testing.pixels import DTYPES, FLOATS
from pyramid.testing.pixels import make_pixels as pixels
from tests.support.reducing import WAYS, reducing_by
from tests.support.strategies import generators, kinds

ORACLES: dict[str, Literal["max", "mean", "median", "min", "mode", "stride"]] = {
    "max": "max",
    "mean": "mean",
    "median": "median",
    "min": "min",
    "mode": "mode",
    "nearest": "stride",
}
THOROUGH = settings().max_examples > 100

# A kernel is compiled for a dtype and a factor along x, which takes a second: a quick run keeps to dtypes that differ
# in kind, and varies that factor for one of them.
QUICK_DTYPES = {
    "max": ("bool", "uint16", "int64", "float16", "float32"),
    "mean": ("bool", "uint8", "int16", "uint16", "uint32", "int64", "uint64", "float16", "float32", "float64"),
    "median": ("bool", "uint16", "int64", "float16", "float32"),
    "min": ("bool", "uint16", "uint64", "float16", "float32"),
    "mode": ("bool", "uint16", "int64", "float16", "float32"),
    "nearest": DTYPES,
}


@st.composite
def cases(draw: st.DrawFn, dtypes: tuple[str, ...]) -> tuple[NDArray[Any], tuple[int, ...], tuple[int, ...], str]:
    """A padded array, the extent that is valid, factors and a kind of pixels."""
    dtype = draw(st.sampled_from(dtypes))
    ndim = draw(st.integers(1, 5))
    extent = (*(draw(st.integers(1, 6)) for _ in range(ndim - 1)), draw(st.integers(2, 90)))
    most = 4 if ndim < 5 else 3
    along_x = st.integers(1, 4) if THOROUGH else st.sampled_from([1, 2] if dtype == "uint16" else [2])
    factors = (*(draw(st.integers(1, most)) for _ in range(ndim - 1)), draw(along_x))
    shape = tuple(n + draw(st.integers(0, 2)) for n in extent)
    kind = draw(kinds)
    return pixels(draw(generators()), kind, shape, dtype), extent, factors, kind


def bits(array: NDArray[Any]) -> NDArray[Any]:
    """The pixels as integers, where every NaN is the same."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array.view(f"u{array.dtype.itemsize}")


def valid(extent: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(map(slice, extent))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ORACLES)
@given(data=st.data())
def test_it_equals_tensorstore(method: str, way: str, data: st.DataObject) -> None:
    array, extent, factors, kind = data.draw(cases(DTYPES if THOROUGH else QUICK_DTYPES[method]))
    reduced = reduced_shape(extent, factors)
    out = pixels(np.random.default_rng(1), "any", tuple(n + 1 for n in reduced), array.dtype.name)
    before = out.copy()
    with reducing_by(way):
        load_method(method)(array, extent, factors, out)

    image = tensorstore.array(np.ascontiguousarray(array[valid(extent)]))
    expected = tensorstore.downsample(image, list(factors), ORACLES[method]).read().result()
    found = np.ascontiguousarray(out[valid(reduced)])
    if kind == "extreme" and array.dtype.kind == "f" and method in ("median", "mode"):
        # Which of the two zeros stands for both is the one thing that a method leaves open.
        expected, found = expected + array.dtype.type(0), found + array.dtype.type(0)
    np.testing.assert_array_equal(bits(found), bits(expected))
    out[valid(reduced)] = before[valid(reduced)]
    np.testing.assert_array_equal(bits(out), bits(before))


def mean_in_order(window: list[Any]) -> Any:
    number = np.result_type(type(window[0]), np.float32).type
    total = number(0)
    for pixel in window:
        total = total + number(pixel)
    return total / number(len(window))


BY_HAND: dict[str, Callable[[list[Any]], Any]] = {
    "max": max,
    "mean": mean_in_order,
    "median": lambda window: sorted(window)[(len(window) - 1) // 2],
    "min": min,
    "mode": lambda window: max(sorted(set(window)), key=window.count),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", BY_HAND)
@given(data=st.data(), rng=generators(), share=st.sampled_from([0.05, 0.5, 0.95]))
def test_it_ignores_nan(method: str, way: str, data: st.DataObject, rng: np.random.Generator, share: float) -> None:
    floats = FLOATS if THOROUGH else ("float32",)
    array, extent, factors, _ = data.draw(cases(floats))
    array = np.abs(array[valid(extent)]).copy()
    array[np.isinf(array)] = 1
    array[rng.random(array.shape) < share] = np.nan
    found = np.empty(reduced_shape(extent, factors), array.dtype)
    load_method(method)(array, extent, factors, found)

    for at in np.ndindex(found.shape):
        window = array[tuple(slice(i * f, (i + 1) * f) for i, f in zip(at, factors, strict=True))].ravel()
        kept = [pixel for pixel in window if not np.isnan(pixel)]
        expected = array.dtype.type(BY_HAND[method](kept)) if kept else array.dtype.type(np.nan)
        np.testing.assert_array_equal(found[at], expected)


def mean_by_fractions(window: NDArray[Any]) -> float:
    """The exact mean of finite pixels; of others what sums of infinities give; NaN counts for nothing."""
    kept = [float(pixel) for pixel in window.ravel() if not np.isnan(pixel)]
    infinite = {pixel for pixel in kept if np.isinf(pixel)}
    if not kept or len(infinite) == 2:
        return float("nan")
    return infinite.pop() if infinite else float(sum(map(Fraction, kept)) / len(kept))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", FLOATS)
@given(rng=generators(), data=st.data())
def test_the_mean_of_large_floats_is_right(dtype: str, way: str, rng: np.random.Generator, data: st.DataObject) -> None:
    most = float(np.finfo(dtype).max)
    values = [most, most, most * 0.75, -most, -most / 3, 1.0, 0.0]
    values += data.draw(st.sampled_from([[], [np.nan], [np.nan, np.inf], [np.inf, -np.inf]]))
    shape = tuple(data.draw(st.integers(1, n)) for n in (3, 5, 21))
    array = rng.choice(np.array(values, dtype), shape)
    factors = (*(data.draw(st.integers(1, 3)) for _ in range(2)), 2)
    found = np.empty(reduced_shape(shape, factors), dtype)
    with reducing_by(way):
        load_method("mean")(array, shape, factors, found)
    for at in np.ndindex(found.shape):
        window = array[tuple(slice(i * f, (i + 1) * f) for i, f in zip(at, factors, strict=True))]
        expected = mean_by_fractions(window)
        if np.isfinite(expected):
            error = abs(Fraction(float(found[at])) - Fraction(expected)) if np.isfinite(found[at]) else most
            assert error <= most * 8 * Fraction(float(np.finfo(dtype).eps)), (window, found[at], expected)
        else:
            np.testing.assert_array_equal(float(found[at]), expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 31])
def test_a_flat_image_of_the_largest_float_stays_flat(dtype: str, way: str, count: int) -> None:
    most = np.finfo(dtype).max
    for value in (most, -most):
        array = np.full((3, 62), value, dtype)
        found = np.empty(reduced_shape(array.shape, (count, 2)), dtype)
        with reducing_by(way):
            load_method("mean")(array, array.shape, (count, 2), found)
        np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("method", [name for name in ORACLES if name != "nearest"])
@given(data=st.data())
def test_numpy_and_kernels_give_the_same_bytes(method: str, data: st.DataObject) -> None:
    """Bytes do not depend on when a kernel is loaded: NaN and the signs of zeros are alike too."""
    dtypes = QUICK_DTYPES[method]
    array, extent, factors, _ = data.draw(cases(DTYPES if THOROUGH else dtypes))
    if array.dtype.kind == "f":
        array[data.draw(generators()).random(array.shape) < 0.2] = np.nan
    found = []
    for way in WAYS:
        out = np.zeros(reduced_shape(extent, factors), array.dtype)
        with reducing_by(way):
            load_method(method)(array, extent, factors, out)
        found.append(out.tobytes())
    assert found[0] == found[1]


# What scikit-image's block_reduce is given for each method: it reduces windows of equal size with a function of NumPy.
BLOCK_REDUCERS: dict[str, Callable[..., Any]] = {
    "max": np.max,
    "mean": lambda windows, axis: np.rint(np.mean(windows, axis=axis, dtype=np.float64)),
    "median": lambda windows, axis: np.percentile(windows, 50, axis=axis, method="lower"),
    "min": np.min,
}


@pytest.mark.parametrize("method", BLOCK_REDUCERS)
@given(rng=generators(), dtype=st.sampled_from(["uint8", "uint16", "int32"]), data=st.data())
def test_it_equals_block_reduce(method: str, rng: np.random.Generator, dtype: str, data: st.DataObject) -> None:
    ndim = data.draw(st.integers(1, 4))
    factors = (*(data.draw(st.integers(1, 3)) for _ in range(ndim - 1)), 2)
    shape = tuple(f * data.draw(st.integers(1, 6)) for f in factors)
    array = rng.integers(0, 200, shape).astype(dtype)
    found = np.empty(reduced_shape(shape, factors), dtype)
    load_method(method)(array, shape, factors, found)
    expected = skimage.measure.block_reduce(array, factors, BLOCK_REDUCERS[method])
    np.testing.assert_array_equal(found, expected.astype(dtype))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_signalling_nan_is_left_out_of_an_overflowing_mean(way: str, dtype: str) -> None:
    bits = {"float16": 0x7D00, "float32": 0x7FA00000, "float64": 0x7FF4000000000000}[dtype]
    largest = np.finfo(dtype).max
    pixels = np.array([largest, largest, 0, -largest, largest, 1], dtype)
    pixels.view(f"u{pixels.itemsize}")[2] = bits
    out = np.empty(1, dtype)
    with reducing_by(way):
        load_method("mean")(pixels, (6,), (6,), out)
    assert float(out[0]) == pytest.approx(2 * (float(largest) / 5), rel=1e-3)
