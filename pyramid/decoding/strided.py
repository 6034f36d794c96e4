"""Reading of positions with gaps between them, through a reader that reads boxes.

Positions in one chunk, or so near each other that to skip what is between them costs more than to read it,
are read together, and what is between them is dropped. Others are read one by one. So no chunk is decoded twice, none
is decoded that holds no position, and the memory for what is dropped has a bound.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy import empty
from numpy.typing import NDArray

from pyramid.model import Box, Shape
from pyramid.options.selected import Positions

# Pixels that are read together with those between them take at most this memory, or that of one chunk.
MAX_BUFFER_BYTES = 16 * 2**20
# Bytes between two rows, or in a row, that are read rather than skipped where there are no chunks: as much costs
# another call.
MAX_GAP_BYTES = 2**16

ReadBox: TypeAlias = Callable[[Box, NDArray[Any]], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """Positions of one axis that are read together.

    Parameters
    ----------
    start, extent
        The first pixel that is read, and how many.
    copies
        Pairs of a slice of those pixels and the slice of the result that it fills.
    """

    start: int
    extent: int
    copies: tuple[tuple[slice, slice], ...]

    @property
    def is_dense(self) -> bool:
        """True if every pixel that is read is taken, in its order."""
        taken = self.copies[0][1]
        return len(self.copies) == 1 and taken.stop - taken.start == self.extent


def read_positions(
    read: ReadBox, positions: Sequence[Positions], chunks: Shape, row_px: int, out: NDArray[Any]
) -> None:
    """Fill `out` with the pixels at `positions` of each axis.

    Parameters
    ----------
    read
        Fills an array with a box of pixels.
    positions
        For each axis, in the order of `out`.
    chunks
        Pixels that `read` decodes at once on each axis, on a grid from 0; 1 where it reads any pixels.
    row_px
        Pixels of the image on its last axis.
    out
        Its extents are the numbers of positions. It may be strided.

    Examples
    --------
    >>> import numpy as np
    >>> image, out = np.arange(100).reshape(10, 10), np.empty((3, 2), int)
    >>> def read(box, out): out[...] = image[box.slices]
    >>> read_positions(read, [(1, 5, 2), range(0, 10, 5)], (1, 1), 10, out)
    >>> out.tolist()
    [[10, 15], [50, 55], [20, 25]]
    """
    runs = _runs_by_axis(positions, chunks, row_px, out.itemsize)
    for combined in itertools.product(*runs):
        box = Box(tuple(run.start for run in combined), tuple(run.extent for run in combined))
        places = tuple(run.copies[0][1] for run in combined)
        if all(run.is_dense for run in combined):
            read(box, out[places])
            continue
        pixels: NDArray[Any] = empty(box.shape, out.dtype)
        read(box, pixels)
        for copies in itertools.product(*(run.copies for run in combined)):
            out[tuple(place for _, place in copies)] = pixels[tuple(taken for taken, _ in copies)]


def _runs_by_axis(positions: Sequence[Positions], chunks: Shape, row_px: int, item_bytes: int) -> list[list[_Run]]:
    """Return the runs of each axis, so short that a piece fits the buffer."""
    gaps = [0] * len(positions)
    if max(chunks) == 1:  # other axes of such an image are far apart in its file
        gaps[-2:] = (MAX_GAP_BYTES // (row_px * item_bytes), MAX_GAP_BYTES // item_bytes)[-len(gaps) :]
    made = [_runs(*one, None) for one in zip(positions, chunks, gaps, strict=True)]
    if all(run.is_dense for runs in made for run in runs):
        return made
    edges = [max(run.extent for run in runs) for runs in made]
    for axis, chunk in enumerate(chunks):
        others_bytes = math.prod(edges) // edges[axis] * item_bytes
        if others_bytes * edges[axis] <= MAX_BUFFER_BYTES:
            break
        edges[axis] = max(1, MAX_BUFFER_BYTES // others_bytes // chunk) * chunk
        made[axis] = _runs(positions[axis], chunk, gaps[axis], edges[axis])
        edges[axis] = max(run.extent for run in made[axis])
    return made


def _runs(positions: Positions, chunk: int, gap: int, edge: int | None) -> list[_Run]:
    """Return the runs of one axis; none crosses a multiple of `edge`."""
    if isinstance(positions, range):
        together = positions.step == 1 or (positions.step <= chunk if chunk > 1 else positions.step - 1 <= gap)
        if not together:
            return [_Run(at, 1, ((slice(0, 1), slice(i, i + 1)),)) for i, at in enumerate(positions)]
        return list(_cut(positions, edge))
    order = sorted(range(len(positions)), key=positions.__getitem__)
    runs: list[list[int]] = []
    for place in order:
        before = positions[runs[-1][-1]] if runs else None
        if before is not None and _is_near(before, positions[place], chunk, gap, edge):
            runs[-1].append(place)
        else:
            runs.append([place])
    return [_run_of([(positions[place], place) for place in places]) for places in runs]


def _is_near(before: int, after: int, chunk: int, gap: int, edge: int | None) -> bool:
    """Return whether a position is read together with the one before it."""
    if edge is not None and before // edge != after // edge:
        return False
    return after // chunk - before // chunk <= 1 if chunk > 1 else after - before - 1 <= gap


def _cut(positions: range, edge: int | None) -> Iterator[_Run]:
    """Yield a range in pieces that end at multiples of `edge`."""
    done = 0
    while done < len(positions):
        at, count = positions[done], len(positions) - done
        if edge is not None:
            count = min(count, -(-((at // edge + 1) * edge - at) // positions.step))
        extent = (count - 1) * positions.step + 1
        yield _Run(at, extent, ((slice(0, extent, positions.step), slice(done, done + count)),))
        done += count


def _run_of(pairs: Sequence[tuple[int, int]]) -> _Run:
    """Return the run of positions and their places, sorted by position."""
    start = pairs[0][0]
    copies: list[tuple[slice, slice]] = []
    for at, place in pairs:
        taken = slice(at - start, at - start + 1)
        if copies and copies[-1][0].stop == taken.start and copies[-1][1].stop == place:
            taken, place = slice(copies[-1][0].start, taken.stop), copies.pop()[1].start
            copies.append((taken, slice(place, place + taken.stop - taken.start)))
        else:
            copies.append((taken, slice(place, place + 1)))
    return _Run(start, pairs[-1][0] - start + 1, tuple(copies))
