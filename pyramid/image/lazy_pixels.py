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
        picked = [
            np.arange(n)[entry if isinstance(entry, slice) else np.atleast_1d(entry)]
            for entry, n in zip(index, self.shape, strict=True)
        ]
        starts = tuple(int(positions.min(initial=n)) for positions, n in zip(picked, self.shape, strict=True))
        stops = (int(positions.max(initial=-1)) + 1 for positions in picked)
        pixels = np.empty(tuple(max(0, b - a) for a, b in zip(starts, stops, strict=True)), self.dtype)
        if pixels.size:
            self.reader.read(Box(starts, pixels.shape), pixels)
        for axis, (entry, positions, start) in enumerate(zip(index, picked, starts, strict=True)):
            if not isinstance(entry, int | np.integer) and not _is_whole(positions):
                pixels = pixels.take(positions - start, axis)
        return pixels[(*(0 if isinstance(entry, int | np.integer) else slice(None) for entry in index), ...)]


def _is_whole(positions: NDArray[np.intp]) -> bool:
    """Return whether positions follow each other without a gap."""
    return bool((np.diff(positions) == 1).all())


def block_shape(shape: Shape, object_shape: Shape, itemsize: int) -> Shape:
    """Return the shape of blocks of whole objects, of at most `BLOCK_BYTES`.

    Examples
    --------
    >>> block_shape((100, 2048, 2048), (1, 256, 256), 2)
    (4, 2048, 2048)
    """
    block = list(map(min, object_shape, shape))
    for axis in reversed(range(len(shape))):
        most = max(1, BLOCK_BYTES // (math.prod(block) * itemsize))
        block[axis] = min(shape[axis], object_shape[axis] * most) if most > 1 else block[axis]
        if block[axis] < shape[axis]:
            break
    return tuple(block)
