"""The law: rescaled pixels are those of exact arithmetic, rounded half to even and clipped, for all dtypes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyramid.options.rescale import DTYPES
from pyramid.readers.linear_map import LinearMap

INTEGERS = ("uint8", "int8", "uint16", "int16")
LIMITS: tuple[tuple[float, float], ...] = (
    *((0, 1), (3, 4), (0, 255), (100, 4000), (0, 65535), (-5.5, 77.25), (0.1, 0.3), (-(2**62), 2**63), (0, 2**64 - 1)),
    *((0.0, 5e-324), (-1.7e308, 1.7e308), (2**53, 2**53 + 4), (0, 510)),
)


def exact(value: Any, after: str, limits: tuple[float, float]) -> int:
    """The value in exact arithmetic: Python rounds fractions half to even."""
    least, greatest = int(np.iinfo(after).min), int(np.iinfo(after).max)
    low, high = map(Fraction, limits)
    if value in (float("inf"), float("-inf")):
        return greatest if value > 0 else least
    mapped = least + (Fraction(value) - low) * (greatest - least) / (high - low)
    return min(max(round(mapped), least), greatest)


def values(dtype: str, limits: tuple[float, float]) -> NDArray[Any]:
    """Any values of a dtype, and some between the limits and on the middle between two results."""
    kind, rng = np.dtype(dtype), np.random.default_rng(7)
    low, high = map(Fraction, limits)
    between = [low + (high - low) * part / 510 for part in range(-3, 514)]
    if kind.kind == "b":
        return np.array([False, True])
    if kind.kind == "f":
        largest = Fraction(float(np.finfo(kind).max))
        near = np.array([float(min(max(one, -largest), largest)) for one in between]).astype(kind)
        ends = np.array([np.inf, -np.inf, np.finfo(kind).max, np.finfo(kind).smallest_subnormal], kind)
        return np.concatenate([near, np.nextafter(near, kind.type(0)), rng.normal(0, 300, 200).astype(kind), ends])
    least, greatest = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    near = np.array([min(max(int(one), least), greatest) for one in between], kind)
    some = rng.integers(least, greatest, 200, kind, endpoint=True)
    return np.concatenate([near, some, np.array([least, greatest], kind)])


@pytest.mark.parametrize("after", INTEGERS)
@pytest.mark.parametrize("before", DTYPES)
def test_integers_are_those_of_exact_arithmetic(before: str, after: str) -> None:
    for limits in LIMITS:
        pixels = values(before, limits).astype(before)
        out = np.empty(pixels.shape, after)
        LinearMap(before, after, limits).apply(pixels, out)
        assert out.tolist() == [exact(value, after, limits) for value in pixels.tolist()], limits


@given(
    st.floats(allow_nan=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(1, 2**20),
)
def test_any_float_is_mapped_exactly(value: float, low: float, parts: int) -> None:
    limits = (low, low + parts / 1024 * max(1.0, abs(low)))
    pixels, out = np.array([value], "float32"), np.empty(1, "uint8")
    LinearMap("float32", "uint8", limits).apply(pixels, out)
    assert out[0] == exact(pixels[0].item(), "uint8", limits)


@pytest.mark.parametrize("after", ["float16", "float32", "float64"])
@pytest.mark.parametrize("before", DTYPES)
def test_floats_go_from_0_to_1(before: str, after: str) -> None:
    limits = (100, 4000)
    pixels = values(before, limits).astype(before)
    out = np.empty(pixels.shape, after)
    LinearMap(before, after, limits).apply(pixels, out)
    inside = [
        1.0
        if value == np.inf
        else 0.0
        if value == -np.inf
        else float(min(max((Fraction(value) - 100) / 3900, Fraction(0)), Fraction(1)))
        for value in pixels.tolist()
    ]
    np.testing.assert_allclose(out, np.array(inside).astype(after), rtol=2 * float(np.finfo(after).eps), atol=1e-16)
    assert out.min() >= 0
    assert out.max() <= 1


def test_nan_becomes_the_least_integer_and_stays_nan_in_floats() -> None:
    pixels = np.array([np.nan, 0.5, np.nan], "float32")
    whole, signed, unit = np.empty(3, "uint8"), np.empty(3, "int8"), np.empty(3, "float32")
    for out in (whole, signed, unit):
        LinearMap("float32", out.dtype.name, (0, 1)).apply(pixels, out)
    assert whole.tolist() == [0, 128, 0]
    assert signed.tolist() == [-128, 0, -128]
    np.testing.assert_array_equal(unit, pixels)


def test_many_and_strided_pixels_are_mapped_as_few() -> None:
    pixels = np.random.default_rng(1).normal(100, 60, (3, 300, 400)).astype("float32")
    out = np.empty((400, 300, 3), "uint8")
    LinearMap("float32", "uint8", (0, 255)).apply(pixels, out.T)
    np.testing.assert_array_equal(out.T, np.rint(pixels.astype("float64")).clip(0, 255))
