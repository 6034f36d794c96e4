"""Methods whose pixel is at the centre of its window."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from pyramid.model import reduced_shape
from pyramid.reduce.base import MAX_AXES, check
from pyramid.reduce.kernels.loading import COMPILING_PAYS_S, LazyKernel, find_kernel
from pyramid.reduce.kernels.planes import MAX_LANES, Kernel, reduce_planes
from pyramid.reduce.views import OfRows, cut_bands, overhead_s, reduce_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

# Pixels of float16 that are widened at a time: 1 MiB of float32 stays in the cache.
_BAND_PX = 2**18

# Reduces an array of five axes, as a Method.
Reduce: TypeAlias = Callable[["NDArray[Any]", "Shape", "Shape", "NDArray[Any]"], None]


@dataclass(frozen=True, slots=True)
class WindowMethod:
    """A Method that uses NumPy until its compiled kernel is loaded.

    Both give the same bytes.

    Parameters
    ----------
    name
        Name in options, as ``mean``.
    of_rows
        The reduction by NumPy.
    kernel
        Module and name of the kernel, as ``pyramid.reduce.kernels.mean:mean``.
    numpy_kinds
        Kinds of dtype that NumPy reduces to the kernel's very bytes. Others wait for the kernel.
    """

    name: str
    of_rows: OfRows
    kernel: str
    numpy_kinds: str = "uif"

    centred: ClassVar[bool] = True

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]`` into ``out``, as a Method."""
        check(array, extent, factors, out)
        if array.dtype == np.bool_:
            array, out = array.view(np.uint8), out.view(np.uint8)
        ones = (1,) * (MAX_AXES - array.ndim)
        extent = ones + tuple(map(int, extent))
        if 0 in extent:
            return
        factors = tuple(max(1, min(int(f), n)) for f, n in zip(ones + tuple(factors), extent, strict=True))
        self._reduce(array.reshape(ones + array.shape), extent, factors, out.reshape(ones + out.shape))

    def load_kernel(self, dtype: str, factor_x: int) -> None:
        """Load or compile the kernel for a dtype and a factor along x, if possible."""
        self._lazy(dtype, factor_x).try_load()

    def _lazy(self, dtype: str, factor_x: int) -> LazyKernel:
        name = {"float16": "float32", "bool": "uint8"}.get(dtype, dtype)
        return find_kernel(self.kernel, name, factor_x if factor_x <= MAX_LANES else 0)

    def _reduce(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce an array of five axes by whichever way is ready."""
        half = array.dtype == np.float16
        in_bands = _by_bands_of_float32 if half else _at_once
        lazy = self._lazy(array.dtype.name, factors[-1])
        if array.dtype.kind not in self.numpy_kinds:
            kernel: Kernel | None = lazy.load()
        else:  # of large windows, views are many and short, and to make them may take hours
            kernel = lazy.loaded if overhead_s(extent, factors) < COMPILING_PAYS_S else lazy.try_load()
        if kernel is not None:
            in_bands(functools.partial(reduce_planes, kernel), array, extent, factors, out)
        else:
            with lazy.replaced():
                in_bands(functools.partial(reduce_rows, self.of_rows), array, extent, factors, out)


def _at_once(reduce: Reduce, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    reduce(array, extent, factors, out)


def _by_bands_of_float32(reduce: Reduce, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Reduce float16 pixels that are widened to float32 by bands.

    Numba cannot compile float16. Float32 holds each of its values, and NumPy rounds back half to even. Bands keep the
    memory small.
    """
    for band in cut_bands(reduced_shape(extent, factors), max(1, _BAND_PX // math.prod(factors))):
        read = tuple(slice(b.start * f, min(b.stop * f, n)) for b, f, n in zip(band, factors, extent, strict=True))
        wide = array[read].astype(np.float32, order="C")
        small = np.empty([b.stop - b.start for b in band], np.float32)
        reduce(wide, wide.shape, factors, small)
        out[band] = small
