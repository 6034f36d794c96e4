"""Pieces of a region that are read one after another, none of which cuts a chunk."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from pyramid.model import Box, Shape


def aligned_pieces(box: Box, chunks: Shape, most_px: int) -> Iterator[Box]:
    """Yield a box in pieces of at most `most_px` pixels, or of one chunk.

    Parameters
    ----------
    box
        The region.
    chunks
        Pixels of a chunk on each axis, on a grid from 0.
    most_px
        Number of pixels of a piece.

    Examples
    --------
    >>> [piece.slices for piece in aligned_pieces(Box((3,), (9,)), (4,), 6)]
    [(slice(3, 4, None),), (slice(4, 8, None),), (slice(8, 12, None),)]
    """
    edges = list(box.shape)
    cuts = [[start, stop] for start, stop in zip(box.start, box.stop, strict=True)]
    for axis, chunk in enumerate(chunks):
        others = math.prod(edges) // max(1, edges[axis])
        if others * edges[axis] <= most_px:
            break
        edge = max(1, most_px // others // chunk) * chunk
        start, stop = cuts[axis]
        cuts[axis] = [start, *range((start // edge + 1) * edge, stop, edge), stop]
        edges[axis] = min(edge, edges[axis])
    for ends in itertools.product(*(itertools.pairwise(cut) for cut in cuts)):
        yield Box(tuple(a for a, _ in ends), tuple(b - a for a, b in ends))
