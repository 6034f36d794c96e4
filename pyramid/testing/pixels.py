"""Images that find mistakes, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The dtypes that OME-Zarr holds, by kind.
INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64")
DTYPES = (*INTEGERS, *FLOATS)


def make_pixels(rng: np.random.Generator, kind: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return random pixels of a kind.

    The kinds are ``few`` values, ``extreme`` ones, or ``any`` that the dtype holds.
    """
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if kind == "few":
        return rng.integers(0, 3, shape).astype(dtype)
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        if kind == "extreme":
            return rng.choice(np.array([limits.min, limits.min + 1, limits.max - 1, limits.max], dtype), shape)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    most = np.finfo(dtype).max
    if kind == "extreme":
        return rng.choice(
            np.array([0.0, -0.0, most / 2**12, -most / 2**12, np.inf, np.finfo(dtype).tiny], dtype), shape
        )
    return rng.normal(0, 1000, shape).astype(dtype)
