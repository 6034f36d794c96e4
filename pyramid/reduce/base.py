"""The protocol of a reducer, its look-up by name, and the check of its arguments.

A window is a box of `factors` pixels that starts at a multiple of `factors`. A window that reaches over the far edge is
reduced over the pixels that it has. Everything here is NumPy. Compiled kernels are in the methods' own modules.
"""

from __future__ import annotations

import functools
import math
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pyramid.errors import OptionError
from pyramid.model import MAX_WINDOW_PX, reduced_shape
from pyramid.options.nearest import unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape

ENTRY_POINTS = "pyramid.methods"
# Most axes of an image: OME-Zarr has t, c, z, y and x.
MAX_AXES = 5


@runtime_checkable
class Method(Protocol):
    """A reducer: pure, thread-safe and without state."""

    @property
    def name(self) -> str:
        """Name in options, as ``mean``."""
        ...

    @property
    def centred(self) -> bool:
        """True if a pixel is at the centre of its window, False if at its first pixel."""
        ...

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce ``array[:extent]`` into ``out[:ceil(extent / factors)]``.

        Parameters
        ----------
        array
            Pixels, C-contiguous, of 1 to 5 axes and of a native dtype; it may be larger than `extent`.
        extent
            Valid pixels on each axis. Pixels beyond are never read.
        factors
            Window on each axis, in pixels, at least 1.
        out
            C-contiguous, of the dtype and the number of axes of `array`. Pixels beyond the reduced extent are never
            written.
        """
        ...


@runtime_checkable
class NeighbourhoodMethod(Method, Protocol):
    """A Method whose pixel also depends on pixels around its window."""

    def margins(self, factors: Shape) -> Shape:
        """Return how many pixels around a window count, before and after it on each axis."""
        ...

    def reduce_part(self, array: NDArray[Any], extent: Shape, first: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Reduce windows of a part of an image into all of `out`.

        Parameters
        ----------
        array, extent
            The pixels of the part, as for a Method: those of the windows and, as far as the image goes, the margins
            around them.
        first
            Start of the first window in `array`, in pixels.
        factors
            Window on each axis.
        out
            One pixel for each window. It may be strided.
        """
        ...


def margins_of(method: Method, factors: Shape) -> Shape | None:
    """Return the margins of a method's windows, None where there are none."""
    margins = method.margins(factors) if isinstance(method, NeighbourhoodMethod) else ()
    return margins if any(margins) else None


@functools.cache
def load_method(name: str) -> Method:
    """Find the method called `name` among the entry points ``pyramid.methods``.

    Raises OptionError, with the nearest name that exists, if the method is unknown.

    Examples
    --------
    >>> load_method("nearest").centred
    False
    """
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        raise OptionError(unknown("method", name, found))
    method: Method = found[name].load()
    return method


def check(array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
    """Raise OptionError unless the arguments of a Method fit together."""
    if not 1 <= array.ndim <= MAX_AXES:
        raise OptionError(f"an image has 1 to {MAX_AXES} axes, and this one has {array.ndim}; give another")
    if not array.ndim == out.ndim == len(extent) == len(factors):
        raise OptionError(
            f"one extent and one factor are needed for each axis; array has {array.ndim} axes, "
            f"out {out.ndim}, extent is {extent} and factors are {factors}"
        )
    if min(factors) < 1:
        raise OptionError(f"a scale factor is at least 1, and these are {factors}; give larger ones")
    if math.prod(map(min, zip(extent, factors, strict=True))) >= MAX_WINDOW_PX:
        raise OptionError(f"a window holds less than 2**30 pixels; factors {factors} make more; use smaller ones")
    for what, shape, valid in (("array", array.shape, extent), ("out", out.shape, reduced_shape(extent, factors))):
        if any(n < v for n, v in zip(shape, valid, strict=True)):
            raise OptionError(f"{what} of shape {shape} is smaller than the extent {valid}; give a larger one")
    if array.dtype != out.dtype or not array.dtype.isnative:
        raise OptionError(f"array and out share one native dtype; these are {array.dtype!r} and {out.dtype!r}")
    if not (array.flags.c_contiguous and out.flags.c_contiguous):
        raise OptionError("array and out are C-contiguous; pass a copy")
