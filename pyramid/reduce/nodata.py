"""Reduction without the pixels of one value.

A window without that value is reduced as always. Of any other one, the pixels that are left, in C order, are a smaller
window, which the same method reduces. A window of nothing else keeps the value.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from pyramid.model import reduced_shape
from pyramid.reduce.base import Method
from pyramid.reduce.views import BAND_PX, cut_axis, cut_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape


@runtime_checkable
class LeavesOut(Protocol):
    """A method that can leave out the pixels of one value by itself."""

    def leaving_out(self, nodata: float) -> Method:
        """Return the method that leaves them out."""
        ...


def leave_out(method: Method, nodata: float | None) -> Method:
    """Return a method that leaves out the pixels of one value.

    Parameters
    ----------
    method
        A method. One that takes a pixel as it is, as ``nearest``, is returned unchanged.
    nodata
        The value, None for no value.

    Examples
    --------
    >>> from pyramid.reduce import load_method
    >>> out = np.empty((1, 2), "uint8")
    >>> pixels = np.array([[1, 0, 0, 0], [0, 4, 0, 0]], "uint8")
    >>> leave_out(load_method("mean"), 0)(pixels, (2, 4), (2, 2), out)
    >>> out
    array([[2, 0]], dtype=uint8)
    """
    if nodata is None or not method.centred:
        return method
    return method.leaving_out(nodata) if isinstance(method, LeavesOut) else WithoutNodata(method, nodata)


@dataclass(frozen=True, slots=True)
class WithoutNodata:
    """A Method that leaves out the pixels of one value.

    Parameters
    ----------
    method
        The reduction of what is left.
    nodata
        The value.
    """

    method: Method
    nodata: float

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    @property
    def centred(self) -> bool:
        """True, as of the method."""
        return self.method.centred

    def load_kernel(self, dtype: str, factor_x: int) -> None:
        """Load the method's kernels, if it has some."""
        load = getattr(self.method, "load_kernel", None)
        if load is not None:
            load(dtype, factor_x)

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]`` into ``out``, as a Method."""
        self.method(array, extent, factors, out)
        factors = tuple(max(1, min(f, n)) for f, n in zip(factors, extent, strict=True))
        parts = [cut_axis(n, f) for n, f in zip(extent, factors, strict=True)]
        for region in itertools.product(*parts):
            starts, counts, window = zip(*region, strict=True)
            for band in cut_bands(counts, max(1, BAND_PX // int(np.prod(window)))):
                first = tuple(s + b.start for s, b in zip(starts, band, strict=True))
                shape = tuple(b.stop - b.start for b in band)
                view = array[
                    tuple(slice(a * f, a * f + n * w) for a, f, n, w in zip(first, factors, shape, window, strict=True))
                ]
                self._repeat(view, window, out[tuple(slice(a, a + n) for a, n in zip(first, shape, strict=True))])

    def _repeat(self, view: NDArray[Any], window: Shape, out: NDArray[Any]) -> None:
        """Reduce those of the windows of `view` again that hold the value."""
        marked = view == self.nodata
        if not marked.any():
            return
        found = _windows(marked, window)
        dirty = found.any(axis=0)
        pixels, kept = _windows(view, window)[:, dirty], ~found[:, dirty]
        counts = kept.sum(axis=0)
        result = np.full(counts.shape, self.nodata, out.dtype)
        for count in np.unique(counts[counts > 0]):
            of_count = np.flatnonzero(counts == count)
            order = np.argsort(~kept[:, of_count], axis=0, kind="stable")[:count]
            left = np.ascontiguousarray(np.take_along_axis(pixels[:, of_count], order, axis=0))
            reduced = np.empty((1, len(of_count)), out.dtype)
            self.method(left, left.shape, (int(count), 1), reduced)
            result[of_count] = reduced[0]
        out[dirty.reshape(out.shape)] = result


def _windows(view: NDArray[Any], window: Shape) -> NDArray[Any]:
    """Return the pixels of whole windows, a column for each, in C order.

    Examples
    --------
    >>> _windows(np.arange(8).reshape(2, 4), (2, 2)).tolist()
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    """
    counts = reduced_shape(view.shape, window)
    split = view.reshape([n for pair in zip(counts, window, strict=True) for n in pair])
    within = range(1, 2 * len(window), 2)
    return split.transpose([*within, *range(0, 2 * len(window), 2)]).reshape(int(np.prod(window)), -1)
