"""The image of a handle, in any process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.concurrency.parallel import map_concurrently
from pyramid.creating.begun import Claim
from pyramid.creating.coarse import CoarseLevels
from pyramid.creating.regions import fit_array, parse_region
from pyramid.creating.storing import Piece, RegionStore
from pyramid.model import Box
from pyramid.writing.objects import REQUESTS

# Objects that one thread writes together, for which threads and memory are made ready once: enough that this costs
# little, and few enough that the threads end together.
MAX_TOGETHER = 32


@dataclass(frozen=True)
class Canvas:
    """The image of a handle; it pickles small.

    Parameters
    ----------
    axes, shape
        The axes in the user's order, and their pixels; None for an axis whose length is not known.
    store
        Writes whole objects.
    coarse
        Makes coarse levels as level 0 is written; None if `finish` makes them.
    claim
        The creation, as other processes see it.
    """

    axes: str
    shape: tuple[int | None, ...]
    store: RegionStore
    coarse: CoarseLevels | None
    claim: Claim

    def ordered(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return values of the axes of OME-Zarr in the user's order."""
        return tuple(values[self.store.axes.index(axis)] for axis in self.axes)

    def region(self, key: object, value: object) -> Piece:
        """Return the box of a key and its pixels, in the order of OME-Zarr."""
        region = parse_region(key, self.axes, self.shape)
        pixels = fit_array(value, region, self.store.dtype)
        order = [self.axes.index(axis) for axis in self.store.axes]
        start, shape = (tuple(values[i] for i in order) for values in (region.box.start, region.box.shape))
        return Box(start, shape), pixels.transpose(order)

    def write_all(self, pieces: list[Piece], workers: int) -> None:
        """Write whole objects that are not there yet, after a look at all of them."""
        most = min(REQUESTS, len(pieces)) if self.store.is_remote else 1

        def look(piece: Piece) -> tuple[bool, Piece]:
            return self.store.needs_writing(*piece), piece

        needed = [piece for needed, piece in map_concurrently(look, pieces, most or 1) if needed]
        each = max(1, min(MAX_TOGETHER, len(needed) // workers))
        batches = [needed[first : first + each] for first in range(0, len(needed), each)]
        for _ in map_concurrently(self.write, batches, min(workers, len(batches)) or 1):
            pass

    def write(self, pieces: Sequence[Piece]) -> None:
        """Write whole objects, and the coarse levels that they complete."""
        self.store.write(pieces)
        if self.coarse is not None:
            for box, _ in pieces:
                self.coarse.after(0, self.store.index(box))
