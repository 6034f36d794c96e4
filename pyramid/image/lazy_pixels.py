"""Pixels of a level that are read when they are indexed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding import ArrayReader
from pyramid.decoding.strided import read_positions
from pyramid.model import Shape
from pyramid.options.selected import Positions

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
    positions
        What is taken of each axis of the stored array; empty for all.
    """

    reader: ArrayReader
    positions: tuple[Positions, ...] = ()

    @property
    def shape(self) -> Shape:
        """Pixels on each axis."""
        return tuple(map(len, self.positions)) or self.reader.stored.shape

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

        Only the chunks that hold a position are read. Where lists are given for several axes, so are those between.
        """
        given = [_positions(entry, n) for entry, n in zip(index, self.shape, strict=True)]
        taken = self.positions or tuple(map(range, self.shape))
        given = [_compose(whole, each) for whole, each in zip(taken, given, strict=True)]
        picked = [each[::-1] if isinstance(each, range) and each.step < 0 else each for each in given]
        lists = [axis for axis, positions in enumerate(picked) if not isinstance(positions, range)]
        lists = lists if len(lists) > 1 else []
        around = [_around(positions) if axis in lists else positions for axis, positions in enumerate(picked)]
        pixels = np.empty([len(positions) for positions in around], self.dtype)
        if pixels.size:
            read_positions(self.reader.read, around, self.reader.stored.chunks, self.reader.stored.shape[-1], pixels)
        for axis in lists:
            pixels = pixels.take(np.asarray(picked[axis]) - around[axis][0], axis)
        backwards = tuple(axis for axis, each in enumerate(given) if each is not picked[axis])
        pixels = np.flip(pixels, backwards) if backwards else pixels
        return pixels[(*(0 if isinstance(entry, int | np.integer) else slice(None) for entry in index), ...)]


def _positions(entry: int | slice | Sequence[int], extent: int) -> Positions:
    """Return the pixels of an axis that an entry picks, counted from its start."""
    if isinstance(entry, slice):
        return range(extent)[entry]
    if isinstance(entry, int | np.integer):
        position = range(extent)[int(entry)]
        return range(position, position + 1)
    positions = np.asarray(entry, np.intp)
    return tuple(np.where(positions < 0, positions + extent, positions).tolist())


def _compose(outer: Positions, inner: Positions) -> Positions:
    """Return the positions in the stored array of some that are taken."""
    if isinstance(inner, range) and isinstance(outer, range):
        first, end = (outer.start + at * outer.step for at in (inner.start, inner.stop))
        return range(first, end, inner.step * outer.step)
    return tuple(outer[index] for index in inner)


def _around(positions: Positions) -> range:
    """Return the range from the least position to the greatest."""
    return range(min(positions), max(positions) + 1) if positions else range(0)


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


def aligned_blocks(positions: Sequence[Positions], block: Shape) -> tuple[tuple[int, ...], ...]:
    """Return how many positions are in each block of an array, axis by axis.

    Examples
    --------
    >>> aligned_blocks([range(3, 20), (7, 0, 1)], (8, 4))
    ((5, 8, 4), (1, 2))
    """
    return tuple(
        tuple(sum(1 for _ in group) for _, group in itertools.groupby(taken, lambda at, edge=edge: at // edge))
        for taken, edge in zip(positions, block, strict=True)
    )
