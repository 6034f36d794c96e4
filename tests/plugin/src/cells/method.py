"""The method ``last``: the last pixel of each window."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pyramid.plugin import check_arguments


@dataclass(frozen=True)
class Last:
    name: ClassVar[str] = "last"
    centred: ClassVar[bool] = False  # a pixel's centre moves by less than a window, as of "nearest"

    def __call__(self, array, extent, factors, out):
        check_arguments(array, extent, factors, out)
        last = [np.minimum(np.arange(0, n, f) + f, n) - 1 for n, f in zip(extent, factors, strict=True)]
        out[tuple(slice(len(indices)) for indices in last)] = array[np.ix_(*last)]


last = Last()
