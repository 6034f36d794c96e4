"""Blocks of a level that are read together with their parts of the levels above."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyramid.errors import OptionError
from pyramid.model import Box, Shape
from pyramid.planning.resources import Resources, show_memory
from pyramid.verifying.arrays import Level
from pyramid.verifying.trial import Link

# Size of a block that is aimed at on local disk: its pixels are still in the cache when they are reduced.
LOCAL_AIM_BYTES = 24 * 2**20
# The same over a network, where every object should be asked for once.
REMOTE_AIM_BYTES = 128 * 2**20
# Copies of a block's pixels in memory: as stored, as made, as decoded, and where they differ.
COPIES = 3


@dataclass(frozen=True)
class Reading:
    """One pass over a level, in blocks, and the levels that are held against it.

    Parameters
    ----------
    base
        The level that is read whole.
    links
        The steps to the levels above that are compared, the lowest first.
    block
        Extents of a block in the base.
    is_first
        Whether the base was not read by a pass before, so that its own chunks count.
    """

    base: Level
    links: tuple[Link, ...]
    block: Shape
    is_first: bool

    @property
    def count(self) -> int:
        """The number of blocks."""
        return math.prod(-(-n // b) for n, b in zip(self.base.shape, self.block, strict=True))

    def box(self, number: int) -> Box:
        """Return the region of a block, counted in C order."""
        start = []
        for n, edge in zip(reversed(self.base.shape), reversed(self.block), strict=True):
            number, position = divmod(number, -(-n // edge))
            start.append(position * edge)
        return Box(tuple(reversed(start)), self.block).intersection(self.base.box)


def plan_readings(
    levels: Sequence[Level], links: Sequence[Link | None], memory: Resources, source_chunks: Shape | None = None
) -> list[Reading]:
    """Return the passes that read each level and compare it with the one below.

    Parameters
    ----------
    levels
        The levels.
    links
        The step to each level from the one before it; None where it is not known, first for level 0.
    memory
        The workers, and the memory for all of them.
    source_chunks
        Pixels that the source decodes at once, in the order of level 0's axes; None without a source.
    """
    readings: list[Reading] = []
    number, was_read = 0, False
    while number < len(levels):
        level, chain = levels[number], _chain(links, number)
        taken = 0
        if not level.is_empty and (chain or not was_read):
            pieces = source_chunks if number == 0 else None
            readings.append(_reading(level, chain, memory, pieces, is_first=not was_read))
            taken = len(readings[-1].links)
        number, was_read = number + max(taken, 1), taken > 0
    return readings


def _chain(links: Sequence[Link | None], number: int) -> list[Link]:
    """Return the known steps from a level upwards."""
    chain: list[Link] = []
    for link in links[number + 1 :]:
        if link is None:
            break
        chain.append(link)
    return chain


def _reading(
    base: Level, chain: list[Link], memory: Resources, source_chunks: Shape | None, *, is_first: bool
) -> Reading:
    """Return the pass with the most levels whose blocks fit the aim."""
    copies = COPIES + (source_chunks is not None)
    is_local = base.objects.location.is_local
    allowed = memory.task_bytes // copies
    aim = min(LOCAL_AIM_BYTES if is_local else REMOTE_AIM_BYTES, allowed)
    extra = source_chunks or (1,) * len(base.shape)
    wholes = (base.object_shape,) if not is_local else ()
    for length in range(len(chain), 0 if chain else -1, -1):
        for whole in (*wholes, base.facts.chunks):
            for piece in (extra, (1,) * len(extra)):
                edge = _aligned(base.shape, [whole, piece, *_edges(chain[:length])])
                if _bytes(edge, base) <= aim:
                    return Reading(base, tuple(chain[:length]), _grown(edge, base, aim), is_first)
    factors = chain[0].factors if chain else (1,) * len(base.shape)
    chunk_bytes = _bytes(base.facts.chunks, base)  # less could not even be decoded
    for edge in (_aligned(base.shape, [base.facts.chunks, factors]), _aligned(base.shape, [factors])):
        if max(_bytes(edge, base), chunk_bytes) <= allowed:
            return Reading(base, tuple(chain[:1]), _grown(edge, base, aim), is_first)
    needed = show_memory(max(_bytes(edge, base), chunk_bytes) * copies * memory.workers).replace(" ", "")
    raise OptionError(f'memory: a block of level {base.number} takes more; give memory="{needed}"')


def _edges(chain: Sequence[Link]) -> list[Shape]:
    """Return chunks of the levels above and factors to them, in pixels of the base."""
    edges: list[Shape] = []
    total = (1,) * len(chain[0].factors) if chain else ()
    for link in chain:
        total = tuple(a * b for a, b in zip(total, link.factors, strict=True))
        edges += [tuple(c * f for c, f in zip(link.upper.facts.chunks, total, strict=True)), total]
    return edges


def _aligned(shape: Shape, edges: Sequence[Shape]) -> Shape:
    """Return the least extents that are multiples of all edges, at most the shape."""
    return tuple(min(math.lcm(*along), n) for n, *along in zip(shape, *edges, strict=True))


def _grown(edge: Shape, base: Level, aim: int) -> Shape:
    """Return larger extents, first along the last axes, as long as they fit the aim."""
    grown = list(edge)
    for axis in reversed(range(len(edge))):
        while grown[axis] < base.shape[axis]:
            larger = min(2 * grown[axis], base.shape[axis])
            if _bytes((*grown[:axis], larger, *grown[axis + 1 :]), base) > aim:
                break
            grown[axis] = larger
    return tuple(grown)


def _bytes(edge: Shape, base: Level) -> int:
    return math.prod(edge) * base.facts.dtype.itemsize
