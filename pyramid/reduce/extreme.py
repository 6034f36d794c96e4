"""The least and the greatest pixel of a window.

Among equal pixels, as the two zeros are, it is the first in C order. NaN is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.views import pixels_of
from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _minimum(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    _keep(np.less, np.minimum, pixels_of(rows, width), out)


def _maximum(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    _keep(np.greater, np.maximum, pixels_of(rows, width), out)


def _keep(precedes: np.ufunc, choose: np.ufunc, views: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    """Keep the pixel that precedes the others. Any pixel replaces NaN."""
    out[...] = views[0]
    for view in views[1:]:
        if out.dtype.kind == "f":  # `choose` would spread NaN, and might keep the later of two zeros
            np.copyto(out, view, where=precedes(view, out) | np.isnan(out))
        else:
            choose(out, view, out=out)


minimum = WindowMethod("min", _minimum, "pyramid.reduce.kernels.extreme:minimum")
maximum = WindowMethod("max", _maximum, "pyramid.reduce.kernels.extreme:maximum")
