"""The first pixel of each window, which keeps its position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pyramid.model import reduced_shape
from pyramid.reduce.base import check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Shape


@dataclass(frozen=True, slots=True)
class Nearest:
    """The Method that keeps a window's first pixel, of any dtype."""

    name: ClassVar[str] = "nearest"
    centred: ClassVar[bool] = False

    def __call__(self, array: NDArray[Any], extent: Shape, factors: Shape, out: NDArray[Any]) -> None:
        """Copy each window's first pixel of ``array[:extent]`` into ``out``."""
        check(array, extent, factors, out)
        picked = tuple(slice(0, n, f) for n, f in zip(extent, factors, strict=True))
        out[tuple(map(slice, reduced_shape(extent, factors)))] = array[picked]


nearest = Nearest()
