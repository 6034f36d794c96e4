"""Reducers: what each rule gives, on windows small enough to read."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.errors import OptionError
from pyramid.model import reduced_shape
from pyramid.reduce import load_method


def downsample(array: NDArray[Any], factors: tuple[int, ...], method: str = "mean") -> NDArray[Any]:
    """Reduce a whole array."""
    out = np.empty(reduced_shape(array.shape, factors), array.dtype)
    load_method(method)(array, array.shape, factors, out)
    return out


@pytest.mark.parametrize(
    ("dtype", "window", "expected"),
    [
        ("uint16", [0, 1], 0),
        ("uint16", [1, 2], 2),
        ("uint16", [65535, 65534], 65534),
        ("int64", [-1, 0], 0),
        ("int64", [-1, -2], -2),
        ("int64", [-2, -3], -2),
        ("uint8", [255, 255], 255),
        ("int64", [2**63 - 1, 2**63 - 1], 2**63 - 1),
        ("int64", [-(2**63), 2**63 - 1], 0),
        ("uint64", [2**64 - 1, 2**64 - 2], 2**64 - 2),
        ("bool", [True, False], False),
    ],
)
def test_an_integer_mean_rounds_half_to_even(dtype: str, window: list[int], expected: int) -> None:
    assert downsample(np.array(window, dtype), (2,))[0] == expected


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("uint8", (5, 5, 2)),
        ("uint8", (10001, 2)),
        ("uint16", (3, 3, 11)),
        ("uint16", (45001, 2)),
        ("uint32", (1231, 2)),
        ("uint32", (1100001, 2)),
        ("int64", (45, 2)),
        ("uint64", (150001, 2)),
    ],
)
def test_a_mean_of_a_large_window_is_exact(dtype: str, shape: tuple[int, ...]) -> None:
    limits = np.iinfo(dtype)
    low = limits.max - (limits.max - limits.min) // 8
    array = np.random.default_rng(3).integers(low, limits.max, shape, dtype=dtype, endpoint=True)
    exact = Fraction(sum(map(int, array.ravel())), array.size)
    assert downsample(array, shape).item() == round(exact)


def test_zeros_keep_the_sign_that_the_rules_give() -> None:
    minus = np.full(2, -0.0, "float32")
    mixed = np.array([-0.0, 0.0], "float32")
    assert not np.signbit(downsample(minus, (2,), "mean")[0])
    assert np.signbit([downsample(minus, (2,), name)[0] for name in ("median", "mode", "min", "max")]).all()
    assert np.signbit([downsample(mixed, (2,), name)[0] for name in ("min", "max", "nearest")]).all()


def test_ties_of_the_mode_go_to_the_smallest() -> None:
    assert downsample(np.array([[3, 1], [3, 1], [2, 4]], "uint16"), (3, 2), "mode").item() == 1


def test_the_mode_of_64_bit_labels_is_exact() -> None:
    label = 2**53 + 1
    assert downsample(np.array([[label, label], [label, label - 1]], "int64"), (2, 2), "mode").item() == label


def test_the_mode_of_a_large_window_counts_every_pixel() -> None:
    labels = np.repeat(np.arange(40, dtype="uint16"), 10)
    labels[5] = 17
    np.random.default_rng(5).shuffle(labels)
    assert downsample(labels.reshape(200, 2), (200, 2), "mode").item() == 17


def test_the_median_is_the_lower_middle() -> None:
    assert downsample(np.array([[40, 10], [30, 20]], "uint16"), (2, 2), "median").item() == 20


def test_an_infinity_is_a_pixel_beside_nan() -> None:
    window = np.array([[np.inf, np.nan], [np.inf, 1]], "float32")
    assert [downsample(window, (2, 2), name).item() for name in ("median", "mode", "max")] == [np.inf] * 3
    assert downsample(window, (2, 2), "min").item() == 1


def test_a_factor_past_the_extent_reduces_what_is_there() -> None:
    assert downsample(np.array([[1, 3]], "uint16"), (50, 1000)).tolist() == [[2]]


def test_float16_is_reduced_band_by_band() -> None:
    array = np.arange(2 * 300 * 2000, dtype="float64").reshape(2, 300, 2000) % 1024
    found = downsample(array.astype("float16"), (2, 2, 2))
    expected = downsample(array.astype("float32"), (2, 2, 2)).astype("float16")
    np.testing.assert_array_equal(found, expected)


def test_reduced_shape_drops_no_pixel() -> None:
    assert reduced_shape((1, 7, 8), (2, 2, 4)) == (1, 4, 2)


def test_an_unknown_method_is_told_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'median'"):
        load_method("medain")


@pytest.mark.parametrize(
    ("array", "factors", "words"),
    [
        (np.zeros((4, 4), "uint8"), (2,), "for each axis; array has 2 axes"),
        (np.zeros((4, 4), ">u2"), (2, 2), "share one native dtype"),
        (np.zeros((4, 4), "uint8").T[::-1], (2, 2), "are C-contiguous; pass a copy"),
        (np.zeros((4, 4), "uint8"), (2, -1), "at least 1"),
        (np.zeros((), "uint8"), (), "1 to 5 axes"),
    ],
)
def test_a_method_refuses_arguments_that_do_not_fit(array: Any, factors: tuple[int, ...], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        load_method("mean")(array, array.shape, factors, np.empty((2,) * array.ndim, array.dtype))


def test_importing_the_package_imports_no_compiler() -> None:
    code = "import sys, pyramid.reduce; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
