"""Regions of fill value inside an image that has signal around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from pyramid.model import Box, Shape
from pyramid.verifying.arrays import Level
from pyramid.verifying.findings import Finding

# The most chunks of a level of which holes are looked for: the flags of all are in memory.
MAX_CHUNKS = 50_000_000
# The most holes that are reported: more are a pattern of the image.
MAX_HOLES = 200


def find_holes(level: Level, filled: Mapping[Shape, bool]) -> Iterator[Finding]:
    """Yield a suspect for each chunk of fill value that signal surrounds on y and x.

    Background that reaches the edge of the image is not a hole.

    Parameters
    ----------
    level
        Level 0.
    filled
        Whether a chunk holds only the fill value, for each that was read.
    """
    grid = tuple(-(-n // c) for n, c in zip(level.shape, level.facts.chunks, strict=True))
    if len(grid) < 2 or not any(filled.values()) or all(filled.values()) or np.prod(grid, dtype=float) > MAX_CHUNKS:
        return
    empty = np.zeros(grid, bool)
    for index, is_filled in filled.items():
        empty[index] = is_filled
    outside = np.ones(tuple(n + 2 if axis >= len(grid) - 2 else n for axis, n in enumerate(grid)), bool)
    inner = (..., slice(1, -1), slice(1, -1))
    outside[inner] = False
    passable = outside.copy()
    passable[inner] = empty
    while True:  # the outside grows by one chunk of background at a time
        grown = outside.copy()
        grown[..., 1:, :] |= outside[..., :-1, :]
        grown[..., :-1, :] |= outside[..., 1:, :]
        grown[..., :, 1:] |= outside[..., :, :-1]
        grown[..., :, :-1] |= outside[..., :, 1:]
        grown &= passable
        if (grown == outside).all():
            break
        outside = grown
    holes = np.argwhere(empty & ~outside[inner])
    for index in holes[:MAX_HOLES].tolist():
        start = tuple(i * c for i, c in zip(index, level.facts.chunks, strict=True))
        box = Box(start, level.facts.chunks).intersection(level.box)
        at = tuple(a // n for a, n in zip(start, level.object_shape, strict=True))
        message = "the chunk holds only the fill value, and there is signal on all sides of it"
        yield level.finding("hole", message, at, box, suspect=True)
