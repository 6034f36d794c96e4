"""The median of a window, which is always one of its pixels.

Of an even number of pixels it is the lower of the middle two. For a window with both zeros, 0.0 and -0.0, either may
result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.views import pixels_of
from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _median(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    pixels = np.stack(pixels_of(rows, width), axis=-1)
    out[...] = np.sort(pixels, axis=-1)[..., (pixels.shape[-1] - 1) // 2]


# NumPy and the kernel might choose different zeros of floats.
median = WindowMethod("median", _median, "pyramid.reduce.kernels.median:median", numpy_kinds="ui")
