"""Dask arrays. Dask is imported here only where the source is a Dask array, so that it is imported already."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.readers.axes import array_order, check_dtype

if TYPE_CHECKING:
    from pyramid.options import Options


@dataclass(frozen=True, slots=True, eq=False)
class DaskSource:
    """A Dask array.

    Parameters
    ----------
    spec
        What is known before a chunk is computed.
    array
        The array, with axes in canonical order and the spec's dtype.
    """

    spec: SourceSpec
    array: Any

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Compute the pixels of `box` in the calling thread."""
        out[...] = self.array[box.slices].compute(scheduler="synchronous")


def open_dask(source: object, options: Options) -> DaskSource | None:
    """Open a Dask array; None for anything else.

    Raises
    ------
    SourceError
        For an array whose chunks have unknown sizes, and for one that is no image.
    """
    dask_array = sys.modules.get("dask.array")  # where nobody has imported Dask, nothing is a Dask array
    if dask_array is None or not isinstance(source, dask_array.Array):
        return None
    array: Any = source
    if any(math.isnan(n) for n in array.shape):
        raise SourceError(
            f"the Dask array has chunks of unknown size (shape {array.shape}); call compute_chunk_sizes()"
        )
    dtype = check_dtype(np.dtype(array.dtype))
    shape = tuple(int(n) for n in array.shape)
    order = array_order(shape, options.axes)
    canonical = array.transpose([order.letters.index(axis) for axis in order.axes]).astype(dtype)
    nothing = (None,) * len(shape)
    spec = SourceSpec(
        order.axes, order.axes_shape, dtype, tuple(int(max(c)) for c in canonical.chunks), nothing, nothing
    )
    return DaskSource(spec, canonical)
