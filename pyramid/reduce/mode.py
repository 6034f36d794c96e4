"""The most frequent pixel of a window, the method for label images.

Of several most frequent pixels it is the smallest. The two zeros, 0.0 and -0.0, count as one value, and either may
result.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.reduce.views import pixels_of
from pyramid.reduce.window import WindowMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _mode(rows: Sequence[NDArray[Any]], width: int, out: NDArray[Any]) -> None:
    """Keep the value of the first longest run of each sorted window."""
    pixels = np.sort(np.stack(pixels_of(rows, width)), axis=0)
    out[...] = pixels[0]
    run = longest = np.ones(out.shape, np.int32)
    for before, pixel in itertools.pairwise(pixels):
        run = np.where(pixel == before, run + 1, 1)
        np.copyto(out, pixel, where=run > longest)
        longest = np.maximum(run, longest)


# NumPy and the kernel might choose different zeros of floats.
mode = WindowMethod("mode", _mode, "pyramid.reduce.kernels.mode:mode", numpy_kinds="ui")
