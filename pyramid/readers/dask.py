"""Dask arrays as a `Source`.

This module imports Dask only if the source is a Dask array, when the user has imported it already.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.readers.axes import FILL_REMEDY
from pyramid.readers.labelled import describe_array, unlabel
from pyramid.readers.recognition import recognized_by, recognizes_nothing

if TYPE_CHECKING:
    from pyramid.options.convert import Options
from pyramid.options.series import check_one_image


@dataclass(frozen=True, slots=True, eq=False)
class DaskSource:
    """A Dask array.

    Parameters
    ----------
    spec
        What is known before a chunk is computed.
    dask_array
        The array, with axes in canonical order and the spec's dtype.
    """

    spec: SourceSpec
    dask_array: Any

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Compute the pixels of `box` in the calling thread."""
        out[...] = self.dask_array[box.slices].compute(scheduler="synchronous")


@recognized_by(recognizes_nothing)
def open_dask(source: object, options: Options) -> DaskSource | None:
    """Open a Dask array, given as it is or in an array of xarray.

    Returns
    -------
    DaskSource | None
        None for anything else.

    Raises
    ------
    SourceError
        For an array whose chunks have unknown sizes or are masked, and for one that is not an image.
    """
    dask_array = sys.modules.get("dask.array")  # if Dask is not imported, nothing is a Dask array
    labelled = unlabel(source)
    if dask_array is None or not isinstance(labelled.array, dask_array.Array):
        return None
    check_one_image(options.series, "a Dask array")
    array: Any = labelled.array
    if any(math.isnan(n) for n in array.shape):
        raise SourceError(
            f"the Dask array has chunks of unknown size (shape {array.shape}); call compute_chunk_sizes()"
        )
    if isinstance(array._meta, np.ma.MaskedArray):
        raise SourceError(f"a masked Dask array would lose its mask; {FILL_REMEDY}")
    shape = tuple(int(n) for n in array.shape)
    spec, order = describe_array(labelled, shape, np.dtype(array.dtype), options.axes, options.scale or ())
    canonical = _checked(array).transpose([order.letters.index(axis) for axis in order.axes]).astype(spec.dtype)
    spec = replace(spec, chunks=tuple(int(max(c)) for c in canonical.chunks))
    return DaskSource(spec, canonical)


def _checked(array: Any) -> Any:  # noqa: ANN401  (Dask is not typed)
    """Return the Dask array with a check of each chunk's shape and dtype."""
    from dask.array import blockwise  # noqa: PLC0415  (here the source is a Dask array)
    from dask.layers import ArraySliceDep  # noqa: PLC0415

    # Each region is made in the chunk's own task: a graph with all regions takes a second more per million chunks.
    axes = tuple(range(array.ndim))
    regions = ArraySliceDep(array.chunks)
    options = {"declared": array.dtype, "dtype": array.dtype, "meta": array._meta}
    return blockwise(check_chunk, axes, array, axes, regions, axes, align_arrays=False, **options)


def check_chunk(chunk: Any, region: tuple[slice, ...], declared: np.dtype[Any]) -> NDArray[Any]:  # noqa: ANN401
    """Check a computed chunk against its array, and return its pixels.

    Parameters
    ----------
    chunk
        The result of the chunk's task.
    region
        Its place in the array.
    declared
        The array's dtype.

    Raises
    ------
    SourceError
        For a chunk of another dtype or shape, for one that is masked, and for one that is not a NumPy array.

    Examples
    --------
    >>> check_chunk(np.ones((2, 3)), (slice(0, 2), slice(3, 6)), np.dtype("float64")).shape
    (2, 3)
    """
    start, stop = tuple(s.start for s in region), tuple(s.stop for s in region)
    place = f"the chunk from {start} to {stop} of the Dask array"
    shape = tuple(b - a for a, b in zip(start, stop, strict=True))
    if not isinstance(chunk, np.ndarray | np.generic):
        kind = f"{type(chunk).__module__}.{type(chunk).__qualname__}"
        raise SourceError(f"{place} is a {kind}, not a NumPy array; convert it with map_blocks")
    if chunk.shape != shape:
        raise SourceError(
            f"{place} has the shape {chunk.shape}, not {shape}; give the array its true chunks, as "
            "map_blocks(..., chunks=...)"
        )
    if chunk.dtype.newbyteorder("=") != declared.newbyteorder("="):
        raise SourceError(
            f"{place} has the dtype {chunk.dtype}, and the array says {declared}; give the array its true dtype, or "
            "convert its chunks with astype"
        )
    if isinstance(chunk, np.ma.MaskedArray):
        if np.ma.is_masked(chunk):
            raise SourceError(f"{place} is masked, and would lose its mask; {FILL_REMEDY}")
        return np.asarray(chunk.data)
    return np.asarray(chunk)
