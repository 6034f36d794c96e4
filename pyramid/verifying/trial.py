"""The method between two levels, found by trying on samples."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, Shape, reduced_shape
from pyramid.planning import widened
from pyramid.reduce import Method, NeighbourhoodMethod, load_method, margins_of
from pyramid.verifying.arrays import Level, read_region
from pyramid.verifying.methods import candidates, same_pixels

# Regions that are looked at until enough of them have signal: by regions of one value no methods can be distinguished.
MAX_TRIED, ENOUGH = 48, 12
# Different regions that must be seen before another method than the named one is thought of: a damaged pixel of a small
# level may be what another method makes.
ENOUGH_TO_DOUBT = 4
# Pixels of a region of the upper level, on y and x and on each other axis.
EDGE_PX, DEPTH_PX = 48, 2
# The most bytes of a region of the lower level: of larger windows, fewer are looked at.
MAX_LOWER_BYTES = 2**24
# Share of the regions that a method must explain: the others may be damaged.
SHARE = 0.6


@dataclass(frozen=True)
class Link:
    """The step from a level to the level above.

    Parameters
    ----------
    lower, upper
        The two levels.
    factors
        The factor on each axis.
    method
        The method.
    exact
        Whether every pixel must be the same, also of floats.
    """

    lower: Level
    upper: Level
    factors: Shape
    method: Method
    exact: bool

    @property
    def margins(self) -> Shape | None:
        """Pixels around a window that count too; None where there are none."""
        return margins_of(self.method, self.factors)

    def footprint(self, box: Box) -> Box:
        """Return the pixels of the lower level that make a region of the upper."""
        start = tuple(a * f for a, f in zip(box.start, self.factors, strict=True))
        shape = tuple(n * f for n, f in zip(box.shape, self.factors, strict=True))
        windows = Box(start, shape).intersection(self.lower.box)
        return windows if self.margins is None else widened(windows, self.margins, self.lower.shape)

    def affected(self, box: Box) -> Box:
        """Return the pixels of the upper level that depend on a region of the lower."""
        return self.covers(box if self.margins is None else widened(box, self.margins, self.lower.shape))

    def covers(self, box: Box) -> Box:
        """Return the pixels of the upper level that a region of the lower touches."""
        start = tuple(a // f for a, f in zip(box.start, self.factors, strict=True))
        stop = (-(-b // f) for b, f in zip(box.stop, self.factors, strict=True))
        bounded = (min(b, n) for b, n in zip(stop, self.upper.shape, strict=True))
        return Box(start, tuple(max(b - a, 0) for a, b in zip(start, bounded, strict=True)))

    def reduce(self, pixels: NDArray[np.generic], box: Box) -> NDArray[np.generic]:
        """Return the pixels of `box` of the upper level, from those of its footprint."""
        if isinstance(self.method, NeighbourhoodMethod) and self.margins is not None:
            begin = self.footprint(box).start
            first = tuple(a * f - b for a, f, b in zip(box.start, self.factors, begin, strict=True))
            part = np.empty(box.shape, pixels.dtype)
            self.method.reduce_part(np.ascontiguousarray(pixels), pixels.shape, first, self.factors, part)
            return part
        made = np.zeros(reduced_shape(pixels.shape, self.factors), pixels.dtype)
        self.method(np.ascontiguousarray(pixels), pixels.shape, self.factors, made)
        return made[tuple(map(slice, box.shape))]


def find_link(  # noqa: PLR0913  (only this function would use an object of them)
    lower: Level, upper: Level, factors: Shape, named: str | None, nodata: float | None = None, *, is_ours: bool
) -> Link | None:
    """Return the step to a level; None if no method explains it.

    A method that the metadata of our image names is believed if nothing explains the samples better.
    """
    seen: list[tuple[Box, NDArray[np.generic], NDArray[np.generic], Box]] = []
    methods = candidates(named, nodata)
    widest = Link(lower, upper, factors, load_method("gaussian"), exact=True)
    for box in _regions(lower, upper, factors):
        below, above = widest.footprint(box), np.empty(box.shape, upper.dtype)
        pixels = np.empty(below.shape, lower.dtype)
        if read_region(lower, below, pixels) or read_region(upper, box, above):
            continue
        if pixels.size and (pixels != pixels.flat[0]).any():
            seen.append((below, pixels, above, box))
            if len(seen) == ENOUGH:
                break
    regions = len({box for *_, box in seen})
    if is_ours and named is not None and regions < ENOUGH_TO_DOUBT:
        methods = methods[:1]
    explained = {}
    for method in methods:
        link = Link(lower, upper, factors, method, exact=is_ours)
        explained[method.name] = link, sum(_explains(link, *sample) for sample in seen)
        if explained[method.name][1] == len(seen) and (seen or is_ours):
            return link
    best, count = max(explained.values(), key=lambda pair: pair[1])
    if seen and count >= max(1, math.ceil(SHARE * len(seen))):
        return best
    return next(iter(explained.values()))[0] if is_ours and named is not None else None


def _explains(link: Link, below: Box, pixels: NDArray[np.generic], above: NDArray[np.generic], box: Box) -> bool:
    """Return whether a step makes a region of the upper level from pixels around it."""
    footprint = link.footprint(box)
    start = tuple(a - b for a, b in zip(footprint.start, below.start, strict=True))
    made = link.reduce(pixels[Box(start, footprint.shape).slices], box)
    return same_pixels(made, above, exact=link.exact)


def _regions(lower: Level, upper: Level, factors: Shape) -> Iterator[Box]:
    """Yield regions of the upper level: its far corner, its middle, random ones."""
    room = max(1, MAX_LOWER_BYTES // (lower.facts.dtype.itemsize * math.prod(factors)))
    edge = max(1, min(EDGE_PX, math.isqrt(room)))
    wanted = [DEPTH_PX if math.prod(factors) < MAX_LOWER_BYTES // 2**12 else 1] * (len(upper.shape) - 2)
    shape = tuple(map(min, (*wanted, *((edge,) * min(2, len(upper.shape)))), upper.shape))
    rng = random.Random(0)
    last = tuple(n - m for n, m in zip(upper.shape, shape, strict=True))
    yield Box(last, shape)
    yield Box(tuple(n // 2 for n in last), shape)
    for _ in range(MAX_TRIED):
        yield Box(tuple(rng.randint(0, n) for n in last), shape)
