"""The median of a window, which is always one of its pixels.

Of an even number of pixels it is the lower of the middle two. For a window with both zeros, 0.0 and -0.0, either may
result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _median(views: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    out[...] = np.sort(np.stack(views, axis=-1), axis=-1)[..., (len(views) - 1) // 2]


# NumPy and the kernel might choose different zeros of floats.
median = WindowMethod("median", _median, "pyramid.reduce.kernels.median:median", numpy_kinds="ui")
