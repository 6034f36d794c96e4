"""The exact linear map from a range of values to all of a dtype.

Values are rounded half to even and clipped.

For integers the map is a table of thresholds: the least value that becomes each number. They are computed as whole
numbers, without rounding, so that the map is that of exact arithmetic for every value that a dtype holds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite, nextafter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Pixels that are mapped at once: as float64, in a second-level cache.
PIECE_PX = 2**16

Limits: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LinearMap:
    """A map of values of one dtype to those of another.

    Parameters
    ----------
    before, after
        Names of the dtypes. `after` has at most 16 bits, or is a float, whose values then go from 0 to 1.
    limits
        The values that become the least and the greatest one.

    Examples
    --------
    >>> out = np.empty(4, "uint8")
    >>> LinearMap("uint16", "uint8", (100, 4000)).apply(np.array([99, 100, 2050, 5000], "uint16"), out)
    >>> out.tolist()
    [0, 0, 128, 255]
    """

    before: str
    after: str
    limits: Limits

    def apply(self, pixels: NDArray[Any], out: NDArray[Any]) -> None:
        """Fill `out` with the mapped pixels. NaN becomes the least value of integers."""
        before = np.dtype(self.before)
        if np.dtype(self.after).kind == "f":
            self._in_pieces(_to_unit, pixels, out)
        elif before.kind != "f" and before.itemsize <= 2:
            out[...] = _table(self)[pixels.view(f"u{before.itemsize}")]
        else:
            self._in_pieces(_to_integers, pixels, out)

    def value(self, value: float) -> float:
        """Return one value as it is mapped, not rounded, and clipped."""
        low, high = map(Fraction, self.limits)
        least, greatest = value_range(self.after)
        mapped = least + (Fraction(value) - low) * (greatest - least) / (high - low)
        return float(min(max(mapped, Fraction(least)), Fraction(greatest)))

    def _in_pieces(self, function: Any, pixels: NDArray[Any], out: NDArray[Any]) -> None:  # noqa: ANN401
        if pixels.size > PIECE_PX and len(pixels) > 1:
            half = len(pixels) // 2
            self._in_pieces(function, pixels[:half], out[:half])
            self._in_pieces(function, pixels[half:], out[half:])
        elif pixels.size > PIECE_PX and pixels.ndim > 1:
            self._in_pieces(function, pixels[0], out[0])
        else:
            out[...] = function(self, pixels)


def value_range(dtype: str) -> tuple[int, int]:
    """Return the least and greatest new value: of an integer dtype, or 0 and 1."""
    kind = np.dtype(dtype)
    return (0, 1) if kind.kind == "f" else (int(np.iinfo(kind).min), int(np.iinfo(kind).max))


def _to_unit(linear: LinearMap, pixels: NDArray[Any]) -> NDArray[np.float64]:
    low, high = map(float, linear.limits)
    # Halves, since the span of two floats may be larger than any float.
    scaled = (pixels.astype(np.float64) / 2 - low / 2) / (high / 2 - low / 2)
    return np.asarray(np.clip(scaled, 0.0, 1.0))


def _to_integers(linear: LinearMap, pixels: NDArray[Any]) -> NDArray[Any]:
    kind = np.dtype(linear.after)
    thresholds = _thresholds(linear)
    wide = pixels.astype(thresholds.dtype)
    found = _guess(linear, wide)
    if found is None:
        found = np.searchsorted(thresholds, wide, side="right")
        if wide.dtype.kind == "f":
            found[np.isnan(wide)] = 0
    else:  # which is off by 1 next to a threshold
        bounds = np.concatenate([[-np.inf], thresholds, [np.nan]])  # which no value reaches, not even infinity
        found += wide >= bounds[found + 1]
        found -= wide < bounds[found]
    return np.asarray(found + np.iinfo(kind).min).astype(kind)


def _guess(linear: LinearMap, wide: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the mapped values in the arithmetic of floats; None if it may be far off."""
    low, high = map(float, linear.limits)
    least, greatest = value_range(linear.after)
    factor = (greatest - least) / (high - low) if high > low else inf
    if wide.dtype.kind != "f" or (low, high) != linear.limits or not isfinite(high - low) or not isfinite(factor):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint((wide - low) * factor).clip(0, greatest - least)
    return np.asarray(np.nan_to_num(scaled, copy=False, nan=0.0).astype(np.int64))


@functools.lru_cache(maxsize=64)
def _table(linear: LinearMap) -> NDArray[Any]:
    """Return the new value of each value of a dtype of 16 bits, by its bytes."""
    before = np.dtype(linear.before)
    if before.kind == "b":
        return _to_integers(linear, np.arange(2, dtype=np.uint8))
    values = np.arange(256**before.itemsize).astype(f"u{before.itemsize}").view(before)
    return _to_integers(linear, values)


@functools.lru_cache(maxsize=64)
def _thresholds(linear: LinearMap) -> NDArray[Any]:
    """Return the least value that becomes each number but the first, ascending.

    They are of a dtype that holds every value of the pixels: float64, or whole numbers of 64 bits.
    """
    before = np.dtype(linear.before)
    exact = _exact_thresholds(linear)
    if before.kind == "f" or (before.kind in "iu" and before.itemsize == 4):
        return np.array([_least_float(*threshold) for threshold in exact], np.float64)
    wide = np.iinfo(np.uint64 if before.kind == "u" and before.itemsize == 8 else np.int64)
    whole = (numerator // denominator + (not up or numerator % denominator > 0) for numerator, denominator, up in exact)
    return np.array([max(value, wide.min) for value in whole if value <= wide.max], wide.dtype)


def _exact_thresholds(linear: LinearMap) -> Iterator[tuple[int, int, bool]]:
    """Yield the fraction above which a value becomes the next number.

    It is the middle between two numbers, where a value becomes the even one. The third item says if that is the upper.
    """
    low, high = map(Fraction, linear.limits)
    least, greatest = value_range(linear.after)
    step = (high - low) / (2 * (greatest - least))
    denominator = low.denominator * step.denominator
    begin, half = low.numerator * step.denominator, step.numerator * low.denominator
    for number in range(1, greatest - least + 1):
        yield begin + (2 * number - 1) * half, denominator, (least + number) % 2 == 0


def _least_float(numerator: int, denominator: int, up: bool) -> float:
    """Return the least float that is above a fraction, or at it if `up`."""
    nearest = numerator / denominator
    a, b = nearest.as_integer_ratio()
    difference = a * denominator - numerator * b
    return nearest if difference > 0 or (difference == 0 and up) else nextafter(nearest, inf)
