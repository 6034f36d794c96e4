"""The arguments of kernels, made from a Method's: planes, windows and dtypes.

A kernel takes C-contiguous arrays of planes (plane, y, x), of integers or of floats of 32 or 64 bits. It also takes a
Windows, which says which planes reduce into which. So one kernel serves images of 1 to 5 axes. It is compiled once for
each dtype and factor along x.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from pyramid.model import reduced_shape
from pyramid.reduce.base import MAX_AXES, check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

# Pixels of float16 that are widened at a time: 1 MiB of float32 stays in the cache.
_BAND_PX = 2**18
# Largest factor along x for which a kernel is compiled specially: each takes time to compile.
_MAX_LANES = 8


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


@dataclass(frozen=True, slots=True)
class WindowMethod:
    """A Method whose pixel is the centre of its window, made from a kernel.

    Parameters
    ----------
    name
        Name in options, as ``mean``.
    kernel
        Called as ``kernel(planes, windows, out_planes)``, with planes of integers, float32 or float64.
    """

    name: str
    kernel: Kernel

    centred: ClassVar[bool] = True

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]`` into ``out``, as a Method."""
        check(array, extent, factors, out)
        if array.dtype == np.bool_:
            array, out = array.view(np.uint8), out.view(np.uint8)
        ones = (1,) * (MAX_AXES - array.ndim)
        array, out = array.reshape(ones + array.shape), out.reshape(ones + out.shape)
        extent = ones + tuple(map(int, extent))
        factors = tuple(max(1, min(int(f), n)) for f, n in zip(ones + tuple(factors), extent, strict=True))
        if 0 in extent:
            return
        if array.dtype == np.float16:
            _by_bands_of_float32(self.kernel, array, extent, factors, out)
        else:
            _by_planes(self.kernel, array, extent, factors, out)


def _by_planes(kernel: Kernel, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Run a kernel on an array of five axes, the first three of them as one."""
    reduced = reduced_shape(extent[:3], factors[:3])
    # Planes are numbered in whole buffers, which may be larger than the extent, so that no pixel is copied.
    inputs = np.arange(np.prod(array.shape[:3]), dtype=np.int64).reshape(array.shape[:3])
    outputs = np.arange(np.prod(out.shape[:3]), dtype=np.int64).reshape(out.shape[:3])
    groups = [
        inputs[tuple(slice(i * f, min((i + 1) * f, n)) for i, f, n in zip(at, factors[:3], extent[:3], strict=True))]
        for at in np.ndindex(reduced)
    ]
    windows = Windows(
        targets=outputs[tuple(map(slice, reduced))].ravel(),
        first=np.array(list(itertools.accumulate((g.size for g in groups), initial=0)), dtype=np.int64),
        sources=np.concatenate([g.ravel() for g in groups]),
        height=extent[3],
        width=extent[4],
        fy=factors[3],
        fx=factors[4],
        lanes=(0,) * factors[4] if factors[4] <= _MAX_LANES else (),
    )
    kernel(array.reshape(-1, *array.shape[3:]), windows, out.reshape(-1, *out.shape[3:]))


def _by_bands_of_float32(kernel: Kernel, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Run a kernel on float16 pixels, widened to float32 by bands of rows.

    Numba cannot compile float16. Float32 holds each of its values, and NumPy rounds back half to even. Bands keep the
    memory small.
    """
    *outer, height_px, width_px = reduced_shape(extent, factors)
    row_px = int(np.prod(factors[:4])) * extent[4]
    step = max(1, _BAND_PX // row_px)
    for at in np.ndindex(*outer):
        planes = tuple(slice(i * f, min((i + 1) * f, n)) for i, f, n in zip(at, factors[:3], extent[:3], strict=True))
        for y in range(0, height_px, step):
            rows = slice(y * factors[3], min((y + step) * factors[3], extent[3]))
            wide = array[(*planes, rows, slice(extent[4]))].astype(np.float32, order="C")
            small = np.empty((1, 1, 1, min(step, height_px - y), width_px), np.float32)
            _by_planes(kernel, wide, wide.shape, factors, small)
            out[(*at, slice(y, y + step), slice(width_px))][: small.shape[3]] = small[0, 0, 0]
