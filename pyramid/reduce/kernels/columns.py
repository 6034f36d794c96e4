"""Windows as columns that are sorted together, for the median and the mode.

Sorting each window by itself is a chain of branches that a processor cannot predict. A sorting network compares the
same two places in every window, so that one instruction does it for many windows. Batcher's merge exchange is such a
network for columns of any height (Knuth, The Art of Computer Programming, volume 3, algorithm 5.2.2M).

Pixels that a column lacks, past the far edge or NaN, sort last: they are set to the greatest value of the dtype.
`valid` counts the other pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.kernels.compiled import called, inlined
from pyramid.reduce.kernels.planes import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Size of the columns: with the counts next to them they take half of a small first-level cache.
_BUFFER_BYTES = 2**14
# Least number of columns: enough to fill the widest registers.
_MIN_COLUMNS = 32


def make_columns(windows: Windows, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.unsignedinteger[Any]]]:
    """Allocate as many columns as the cache holds, and counts of valid pixels."""
    wanted = max(_MIN_COLUMNS, _BUFFER_BYTES // (windows.most_px * dtype.itemsize))
    width = min(wanted, windows.reduced_width)
    # Counts as wide as the pixels, where such counts fit, are compared in the same registers.
    counts = next(t for t in (np.uint8, np.uint16, np.uint32) if _fits(t, windows.most_px, dtype))
    return np.empty((windows.most_px, width), dtype), np.empty(width, counts)


def _fits(counts: type[np.unsignedinteger[Any]], most: int, dtype: np.dtype[Any]) -> bool:
    itemsize = min(dtype.itemsize, np.dtype(np.uint32).itemsize)
    return most <= np.iinfo(counts).max and np.dtype(counts).itemsize >= itemsize


def greatest_value(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401  (a scalar of the dtype)
    """Return the value that sorts last: infinity, or the greatest integer."""
    return dtype.type(np.inf if dtype.kind == "f" else np.iinfo(dtype).max)


@called
def gather(  # noqa: PLR0913  (Numba takes no object that could hold them)
    array: NDArray[Any],
    windows: Windows,
    group: int,
    y: int,
    start: int,
    columns: NDArray[Any],
    valid: NDArray[Any],
    last: np.number[Any],
) -> int:
    """Copy windows of output row `y`, from output pixel `start` on, into the columns.

    As many windows are copied as there are columns. Returns the height of the columns.
    """
    fx = len(windows.lanes) if len(windows.lanes) > 0 else windows.fx
    many = min(valid.size, -(-windows.width // fx) - start)
    full = min(many, windows.width // fx - start)
    height = 0
    valid[:] = 0
    for s in range(windows.first[group], windows.first[group + 1]):
        for v in range(y * windows.fy, min((y + 1) * windows.fy, windows.height)):
            row = array[windows.sources[s], v, start * fx : windows.width]
            for k in range(fx):
                _take(row, k, fx, full, columns[height + k], valid, last)
                if full < many:
                    columns[height + k, full] = last
                    if full * fx + k < row.size and row[full * fx + k] == row[full * fx + k]:
                        columns[height + k, full] = row[full * fx + k]
                        valid[full] += 1
            height += fx
    return height


@inlined
def _take(  # noqa: PLR0913  (as above)
    row: NDArray[Any], k: int, fx: int, full: int, column: NDArray[Any], valid: NDArray[Any], last: np.number[Any]
) -> None:
    for i in range(full):
        value = row[i * fx + k]
        column[i] = value if value == value else last
        valid[i] += value == value


@called
def sort(columns: NDArray[Any], height: int) -> None:
    """Sort the first `height` pixels of every column."""
    p = 1
    while p < height:
        k = p
        while k >= 1:
            for i in range(k % p, height - k):
                if (i - k % p) // k % 2 == 0 and i // (2 * p) == (i + k) // (2 * p):
                    _exchange(columns[i], columns[i + k])
            k //= 2
        p *= 2


@inlined
def _exchange(lower: NDArray[Any], upper: NDArray[Any]) -> None:
    for i in range(lower.size):
        a, b = lower[i], upper[i]
        lower[i] = b if b < a else a
        upper[i] = a if b < a else b
