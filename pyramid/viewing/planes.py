"""Regions of one plane of a level, put together from cached chunks."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import SourceError
from pyramid.image.level import ImageLevel
from pyramid.model import Box, Shape
from pyramid.tables import format_bytes
from pyramid.viewing.boxes import box_reader
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.sources import Opened

# Sides of the parts that are read at once, at least: many tiny chunks are read together.
LEAST_SIDE_PX = 32
# Parts that are asked for at once over a network, as a tile with its margin has nine at most.
MAX_REQUESTS = 9
# Characters of a reason that are shown.
MAX_REASON = 300


@dataclass(frozen=True)
class Damage:
    """A part of a region whose chunk cannot be read.

    Parameters
    ----------
    y, x, height, width
        The part, in pixels from the start of the region.
    reason
        The key of the chunk, and what is wrong with it.
    """

    y: int
    x: int
    height: int
    width: int
    reason: str


def level_planes(opened: Opened, number: int, cache: ChunkCache) -> LevelPlanes:
    """Return the planes of a level of an image, made once as long as it is open.

    Raises
    ------
    SourceError
        If a chunk of the level is larger than what the cache may keep.
    """
    known = opened.kept.get(("planes", number))
    if known is None:
        image = opened.image
        known = opened.kept["planes", number] = LevelPlanes(image.levels[number], image.axes, cache, opened.owner)
    found: LevelPlanes = known
    return found


class LevelPlanes:
    """Planes of one level of an image, read by regions.

    Parameters
    ----------
    level
        The level.
    axes
        Letters of its axes, in their order.
    cache
        Keeps the chunks.
    owner
        The image in the cache.
    """

    def __init__(self, level: ImageLevel, axes: str, cache: ChunkCache, owner: Hashable) -> None:
        self.level, self.axes = level, axes
        self._cache, self._owner = cache, owner
        self._y, self._x = axes.index("y"), axes.index("x")
        self._read_box = box_reader(level, cache.memory)
        self._part = self._part_shape()
        self._dtype = level.dtype.newbyteorder("=")
        if self._dtype.kind == "c":
            self._dtype = np.empty(0, self._dtype).real.dtype

    def read(self, fixed: Mapping[str, int], y: range, x: range) -> tuple[NDArray[Any], list[Damage]]:
        """Read a region of one plane.

        Parameters
        ----------
        fixed
            Index on each axis other than y and x; 0 where it is left out.
        y, x
            Rows and columns, within the level.

        Returns
        -------
        numpy.ndarray, list of Damage
            (y, x), of the level's dtype; of complex numbers their size. Pixels of chunks that cannot be read are 0, and
            named in the list.
        """
        out = np.zeros((len(y), len(x)), self._dtype)
        damages = []
        for box, pixels in self._fetched(list(self._parts(fixed, y, x))):
            rows = range(max(y.start, box.start[self._y]), min(y.stop, box.stop[self._y]))
            columns = range(max(x.start, box.start[self._x]), min(x.stop, box.stop[self._x]))
            if isinstance(pixels, Exception):
                reason = str(pixels)[:MAX_REASON] or type(pixels).__name__
                damages.append(Damage(rows.start - y.start, columns.start - x.start, len(rows), len(columns), reason))
                continue
            plane = self._plane(pixels, fixed, box)
            inner = plane[_slice(rows, box.start[self._y]), _slice(columns, box.start[self._x])]
            inner = np.abs(inner) if inner.dtype.kind == "c" else inner
            out[_slice(rows, y.start), _slice(columns, x.start)] = inner
        return out, damages

    def _fetched(self, boxes: Sequence[Box]) -> Iterable[tuple[Box, NDArray[Any] | Exception]]:
        """Read parts of the level, at once where a network is between."""
        is_local = self.level.address.location.is_local
        return map_concurrently(self._fetch, boxes, 1 if is_local or len(boxes) == 1 else MAX_REQUESTS)

    def _fetch(self, box: Box) -> tuple[Box, NDArray[Any] | Exception]:
        """Return a part of the level, or why it cannot be read."""
        try:
            key = (self._owner, self.level.path, box.start)
            return box, self._cache.get(key, functools.partial(self._read_box, box))
        except Exception as error:  # a library may say anything of a damaged chunk or document
            return box, error

    def _part_shape(self) -> Shape:
        """Return the shape of what is read at once: a chunk, or several tiny ones."""
        shape = list(self.level.chunks)
        for axis in (self._y, self._x):
            shape[axis] *= -(-LEAST_SIDE_PX // shape[axis])
        part = tuple(map(min, shape, self.level.shape))
        needed = math.prod(max(a, b) for a, b in zip(part, self.level.chunks, strict=True)) * self.level.dtype.itemsize
        if needed > self._cache.most_bytes:
            raise SourceError(
                f"level {self.level.path!r} has chunks of {format_bytes(needed)}, and the limit is "
                f'{format_bytes(self._cache.most_bytes)}; give more, as memory="{-(-needed // 2**30) * 2}GiB"'
            )
        return part

    def _parts(self, fixed: Mapping[str, int], y: range, x: range) -> Iterator[Box]:
        """Yield the parts that a region needs, within the level."""
        asked = [(fixed.get(axis, 0), fixed.get(axis, 0) + 1) for axis in self.axes]
        asked[self._y], asked[self._x] = (y.start, y.stop), (x.start, x.stop)
        grid = [range(start // n, -(-stop // n)) for (start, stop), n in zip(asked, self._part, strict=True)]
        for index in itertools.product(*grid):
            start = tuple(i * n for i, n in zip(index, self._part, strict=True))
            yield Box(start, tuple(min(n, m - a) for n, m, a in zip(self._part, self.level.shape, start, strict=True)))

    def _plane(self, pixels: NDArray[Any], fixed: Mapping[str, int], box: Box) -> NDArray[Any]:
        """Return the plane (y, x) of a part."""
        index = tuple(
            slice(None) if axis in "yx" else fixed.get(axis, 0) - start
            for axis, start in zip(self.axes, box.start, strict=True)
        )
        plane = pixels[index]
        return plane if self._y < self._x else plane.T


def _slice(positions: range, origin: int) -> slice:
    return slice(positions.start - origin, positions.stop - origin)
