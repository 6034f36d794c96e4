"""Reduction by NumPy, with one view of an array for each row of a window.

Windows that reach over the far edge are smaller. So an image is cut into regions of equal windows, and those into bands
that stay in the processor's cache.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

# Pixels of a band of windows: its views and what is computed of them fit in a second-level cache.
BAND_PX = 2**17
# Time for making one view and calling NumPy for it, whatever its size, as measured on a machine of 2020.
_VIEW_S = 2.5e-6

# Called with the rows of the windows in C order, the size of a window along x, and the array of the result. A row is as
# wide as all windows together.
OfRows: TypeAlias = Callable[[Sequence["NDArray[Any]"], int, "NDArray[Any]"], None]


def reduce_rows(of_rows: OfRows, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Reduce ``array[:extent]`` into `out`, as a Method."""
    parts = [cut_axis(n, f) for n, f in zip(extent, factors, strict=True)]
    for region in itertools.product(*parts):
        starts, counts, window = zip(*region, strict=True)
        for band in cut_bands(counts, max(1, BAND_PX // int(np.prod(window)))):
            first = [s + b.start for s, b in zip(starts, band, strict=True)]
            stop = [s + b.stop for s, b in zip(starts, band, strict=True)]
            along_x = slice(first[-1] * factors[-1], first[-1] * factors[-1] + (stop[-1] - first[-1]) * window[-1])
            rows = [
                array[
                    (
                        *(slice(a * f + k, z * f, f) for a, z, f, k in zip(first, stop, factors, at, strict=False)),
                        along_x,
                    )
                ]
                for at in np.ndindex(*window[:-1])
            ]
            of_rows(rows, window[-1], out[tuple(map(slice, first, stop))])


def pixels_of(rows: Sequence[NDArray[Any]], width: int) -> list[NDArray[Any]]:
    """Return a view for each pixel of a window, in C order.

    Examples
    --------
    >>> [view.tolist() for view in pixels_of([np.arange(4)], 2)]
    [[0, 2], [1, 3]]
    """
    return [row[..., k::width] for row in rows for k in range(width)]


def overhead_s(extent: Shape, factors: Shape) -> float:
    """Estimate the time that goes into views rather than into their pixels.

    Examples
    --------
    >>> overhead_s((8192, 8192), (2, 2)) < 0.01, overhead_s((8192, 8192), (64, 64)) > 1
    (True, True)
    """
    window_px = math.prod(factors)
    return _VIEW_S * window_px * -(-math.prod(extent) // max(BAND_PX, window_px))


def cut_axis(extent: int, factor: int) -> list[tuple[int, int, int]]:
    """Cut an axis into regions: first output pixel, their number, and the window.

    Examples
    --------
    >>> cut_axis(7, 2)
    [(0, 3, 2), (3, 1, 1)]
    """
    full, rest = divmod(extent, factor)
    return [(0, full, factor)] * (full > 0) + [(full, 1, rest)] * (rest > 0)


def cut_bands(counts: Shape, most: int) -> Iterator[tuple[slice, ...]]:
    """Yield the parts of a shape of at most `most` items, whole on the last axes.

    Examples
    --------
    >>> list(cut_bands((2, 3), 4))
    [(slice(0, 1, None), slice(0, 3, None)), (slice(1, 2, None), slice(0, 3, None))]
    """
    steps, room = [], most
    for count in reversed(counts):
        steps.append(max(1, min(count, room)))
        room //= count
    starts = [range(0, n, step) for n, step in zip(counts, reversed(steps), strict=True)]
    for at in itertools.product(*starts):
        yield tuple(slice(a, min(a + s, n)) for a, s, n in zip(at, reversed(steps), counts, strict=True))
