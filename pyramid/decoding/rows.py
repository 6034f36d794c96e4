"""A quick copy between arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def copy_rows(source: NDArray[Any], out: NDArray[Any]) -> None:
    """Copy pixels into an array of the same shape."""
    source, out = as_rows(source, out)
    np.copyto(out, source, casting="unsafe")


def as_rows(source: NDArray[Any], out: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two arrays with each row as one item.

    Such items are copied up to five times faster. The arrays are returned as they are if bytes have to be swapped, or
    rows are not contiguous. They may have different shapes but for the last axis.
    """
    if source.dtype != out.dtype or not (source.ndim and _has_rows(source) and _has_rows(out)):
        return source, out
    row = np.dtype((np.void, source.shape[-1] * source.itemsize))
    return source.view(row), out.view(row)


def _has_rows(array: NDArray[Any]) -> bool:
    return array.strides[-1] == array.itemsize and array.shape[-1] > 0
