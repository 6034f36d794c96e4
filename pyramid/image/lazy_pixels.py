"""Pixels of a level that are read when they are indexed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader
from pyramid.model import Box, Shape

# Size of a block of a Dask array at most, before compression, unless one object is larger: so large that Dask's time
# for a block does not show, and that the requests of one region to a server hide its latency.
BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class LazyPixels:
    """An array that Dask indexes with whole numbers, slices and lists.

    Parameters
    ----------
    reader
        The reader of the pixels.
    """

    reader: ArrayReader

    @property
    def shape(self) -> Shape:
        """Pixels on each axis."""
        return self.reader.stored.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored dtype."""
        return self.reader.stored.dtype.to_numpy()

    def __getitem__(self, index: tuple[int | slice | Sequence[int], ...]) -> NDArray[Any]:
        """Read the pixels of an index with one entry for each axis.

        Only the chunks between the least and the greatest position on each axis are read.
        """
        picked = [_positions(entry, n) for entry, n in zip(index, self.shape, strict=True)]
        starts, shape = zip(*map(_span, picked), strict=True)
        pixels = np.empty(shape, self.dtype)
        if pixels.size:
            self.reader.read(Box(starts, shape), pixels)
        for axis, (positions, start) in enumerate(zip(picked, starts, strict=True)):
            if not isinstance(positions, range):
                pixels = pixels.take(positions - start, axis)
            elif positions.step != 1:  # a copy, so that the pixels between are not kept in memory
                pixels = pixels[(slice(None),) * axis + (slice(None, None, positions.step),)].copy()
        return pixels[(*(0 if isinstance(entry, int | np.integer) else slice(None) for entry in index), ...)]


def _positions(entry: int | slice | Sequence[int], extent: int) -> range | NDArray[np.intp]:
    """Return the pixels of an axis that an entry picks, counted from its start.

    Only those of a list are kept in memory, since an axis may be long.
    """
    if isinstance(entry, slice):
        return range(extent)[entry]
    if isinstance(entry, int | np.integer):
        position = range(extent)[int(entry)]
        return range(position, position + 1)
    positions = np.asarray(entry, np.intp)
    return np.where(positions < 0, positions + extent, positions)


def _span(positions: range | NDArray[np.intp]) -> tuple[int, int]:
    """Return the first of all pixels from the least to the greatest, and their number."""
    if len(positions) == 0:
        return 0, 0
    if isinstance(positions, range):
        first, last = sorted((positions[0], positions[-1]))
    else:
        first, last = int(positions.min()), int(positions.max())
    return first, last - first + 1


def block_shape(shape: Shape, object_shape: Shape, itemsize: int) -> Shape:
    """Return the shape of blocks of whole objects, of at most `BLOCK_BYTES`.

    Examples
    --------
    >>> block_shape((100, 2048, 2048), (1, 256, 256), 2)
    (4, 2048, 2048)
    """
    if 0 in shape:
        return shape
    block = list(map(min, object_shape, shape))
    for axis in reversed(range(len(shape))):
        most = max(1, BLOCK_BYTES // (math.prod(block) * itemsize))
        block[axis] = min(shape[axis], object_shape[axis] * most) if most > 1 else block[axis]
        if block[axis] < shape[axis]:
            break
    return tuple(block)
