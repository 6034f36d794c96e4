"""The arguments of kernels, made from a Method's: planes, windows and dtypes.

A kernel takes C-contiguous arrays of planes (plane, y, x), of integers or of floats of 32 or 64 bits. It also takes a
Windows, which says which planes reduce into which. So one kernel serves images of 1 to 5 axes. It is compiled once for
each dtype and factor along x.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from pyramid.model import reduced_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

# Largest factor along x for which a kernel is compiled specially: each takes time to compile.
MAX_LANES = 8


class Windows(NamedTuple):
    """The windows of an array of planes, in a NamedTuple because Numba can read one.

    Parameters
    ----------
    targets
        The output plane of each row of windows.
    first
        Start of the input planes in `sources`, for each of `targets` and one past them.
    sources
        Input planes, those of a window in C order.
    height, width
        Valid pixels of an input plane on y and x.
    fy, fx
        Window on y and x, in pixels.
    lanes
        As many zeros as `fx` where that is small, else empty. The compiler knows their number.
    """

    targets: NDArray[np.int64]
    first: NDArray[np.int64]
    sources: NDArray[np.int64]
    height: int
    width: int
    fy: int
    fx: int
    lanes: tuple[int, ...]

    @property
    def reduced_width(self) -> int:
        """Number of pixels of an output row."""
        return -(-self.width // self.fx)

    @property
    def most_planes(self) -> int:
        """Number of input planes of the largest window."""
        return int(np.diff(self.first).max(initial=0))

    @property
    def most_px(self) -> int:
        """Number of pixels of the largest window."""
        return self.most_planes * self.fy * self.fx


Kernel: TypeAlias = Callable[["NDArray[Any]", Windows, "NDArray[Any]"], None]


def reduce_planes(kernel: Kernel, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Run a kernel on an array of five axes, the first three of them as one."""
    windows = _windows(array.shape[:3], out.shape[:3], tuple(extent), tuple(factors))
    kernel(array.reshape(-1, *array.shape[3:]), windows, out.reshape(-1, *out.shape[3:]))


@functools.lru_cache(maxsize=32)  # the slabs of a run have few shapes
def _windows(planes: Shape, reduced_planes: Shape, extent: Shape, factors: Shape) -> Windows:
    """Return the windows of an array whose first three axes have as many planes."""
    reduced = reduced_shape(extent[:3], factors[:3])
    # Planes are numbered in whole buffers, which may be larger than the extent, so that no pixel is copied.
    inputs = np.arange(math.prod(planes), dtype=np.int64).reshape(planes)
    outputs = np.arange(math.prod(reduced_planes), dtype=np.int64).reshape(reduced_planes)
    groups = [
        inputs[tuple(slice(i * f, min((i + 1) * f, n)) for i, f, n in zip(at, factors[:3], extent[:3], strict=True))]
        for at in np.ndindex(reduced)
    ]
    return Windows(
        targets=outputs[tuple(map(slice, reduced))].ravel(),
        first=np.array(list(itertools.accumulate((g.size for g in groups), initial=0)), dtype=np.int64),
        sources=np.concatenate([g.ravel() for g in groups]),
        height=extent[3],
        width=extent[4],
        fy=factors[3],
        fx=factors[4],
        lanes=(0,) * factors[4] if factors[4] <= MAX_LANES else (),
    )
