"""One block, read on each level and compared with the level below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyramid.concurrency.buffers import Buffers
from pyramid.concurrency.cancelling import cancel_when
from pyramid.model import Box, Shape, reduced_shape
from pyramid.verifying.arrays import BadChunk, Level, count_bytes, read_region
from pyramid.verifying.blocks import Reading
from pyramid.verifying.methods import different_pixels, same_pixels
from pyramid.verifying.trial import Link

# Fills an array with the source's pixels of a region of level 0.
ReadSource: TypeAlias = Callable[[Box, NDArray[Any]], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """Pixels of one object that are not as expected.

    Parameters
    ----------
    level
        Number of the level.
    index
        Index of the object.
    box
        The smallest region with all of them.
    count
        Their number.
    beyond_edge
        Whether they are beyond the edge of the level, where our chunks hold zeros.
    """

    level: int
    index: Shape
    box: Box
    count: int
    beyond_edge: bool = False


@dataclass
class Seen:
    """Observations in a block, or in all so far.

    Parameters
    ----------
    bad
        Chunks that cannot be read, by level.
    from_below, from_source
        Differences from the level below, and of level 0 from the source.
    filled
        For each chunk of level 0 that was read whole, whether it holds only the fill value.
    read_bytes
        Bytes of pixels that were read.
    """

    bad: dict[int, list[BadChunk]] = field(default_factory=dict)
    from_below: list[Difference] = field(default_factory=list)
    from_source: list[Difference] = field(default_factory=list)
    filled: dict[Shape, bool] = field(default_factory=dict)
    read_bytes: int = 0

    def add(self, other: Seen) -> None:
        """Take what was seen in another block."""
        for level, bad in other.bad.items():
            self.bad.setdefault(level, []).extend(bad)
        self.from_below += other.from_below
        self.from_source += other.from_source
        self.filled.update(other.filled)
        self.read_bytes += other.read_bytes

    def doubtful(self) -> Iterator[tuple[int, Shape]]:
        """Yield level and index of each object that cannot be read or does not fit."""
        yield from ((level, chunk.index) for level, bad in self.bad.items() for chunk in bad)
        yield from ((one.level, one.index) for one in (*self.from_below, *self.from_source))


@dataclass(frozen=True)
class Scanner:
    """The work on each block of a reading.

    Parameters
    ----------
    reading
        The blocks.
    buffers
        The memory for pixels.
    source
        Reads the source; None if there is none, or the base is not level 0.
    is_ours
        Whether this program wrote the levels: chunks then hold zeros beyond the edge.
    wants_fill
        Whether chunks that hold only the fill value are noted.
    """

    reading: Reading
    buffers: Buffers
    source: ReadSource | None
    is_ours: bool
    wants_fill: bool

    def __call__(self, number: int) -> Seen:
        """Check a block."""
        with cancel_when(self.buffers.is_stopped):
            return self._check(self.reading.box(number))

    def _check(self, box: Box) -> Seen:
        seen, base = Seen(), self.reading.base
        array, unknown = self._read(base, box, seen, counts=self.reading.is_first)
        if self.reading.is_first:
            if self.source is not None:
                self._compare_source(base, box, array, unknown, seen)
            if self.wants_fill:
                note_fill(base, box, array, seen.filled)
        for link in self.reading.links:
            upper = link.covers(box)
            if 0 in upper.shape:  # pixels that the next level leaves out at its edge
                break
            array, unknown = self._compare(link, (box, array), upper, unknown, seen)
            box = upper
        return seen

    def _read(self, level: Level, box: Box, seen: Seen, *, counts: bool = True) -> tuple[NDArray[Any], list[Box]]:
        """Return the pixels of a region, and the parts that are unknown.

        Those beyond the edge of a level of ours are there too.
        """
        read = _to_chunk_ends(level, box) if self.is_ours and level.stored is not None else box
        array = self.buffers.take(level.number, read.shape, level.dtype)
        bad = read_region(level, read, array)
        if counts:
            seen.read_bytes += count_bytes(box, level)
            if bad:
                seen.bad.setdefault(level.number, []).extend(bad)
            elif read != box:
                seen.from_below += _beyond_edge(level, box, array)
        return array, [chunk.box for chunk in bad]

    def _compare_source(self, base: Level, box: Box, array: NDArray[Any], unknown: list[Box], seen: Seen) -> None:
        assert self.source is not None
        wanted = self.buffers.take("source", box.shape, base.dtype)
        self.source(box, wanted)
        stored = array[tuple(map(slice, box.shape))]
        _forget(wanted, stored, box, unknown)
        if not same_pixels(wanted, stored, exact=self.is_ours):
            seen.from_source += locate_differences(base, box, different_pixels(wanted, stored, exact=self.is_ours))

    def _make_with_margins(self, link: Link, upper: Box) -> tuple[NDArray[Any], list[Box]]:
        """Return a region of the upper level as made, and what is unknown of the lower.

        The lower level is read again, with the pixels around the block.
        """
        around = link.footprint(upper)
        pixels = self.buffers.take(("around", link.lower.number), around.shape, link.lower.dtype)
        bad = read_region(link.lower, around, pixels)
        return link.reduce(pixels, upper), [chunk.box for chunk in bad]

    def _compare(
        self, link: Link, lower: tuple[Box, NDArray[Any]], upper: Box, unknown: list[Box], seen: Seen
    ) -> tuple[NDArray[Any], list[Box]]:
        """Compare a region with the level below, and return its pixels."""
        box, array = lower
        if link.margins is None:
            made = self.buffers.take(
                ("made", link.upper.number), reduced_shape(box.shape, link.factors), link.lower.dtype
            )
            link.method(array, box.shape, link.factors, made)
        else:
            made, unknown = self._make_with_margins(link, upper)
        stored, bad = self._read(link.upper, upper, seen)
        held, wanted = stored[tuple(map(slice, upper.shape))], made[tuple(map(slice, upper.shape))]
        unclear = [*(link.affected(part) for part in unknown), *bad]
        _forget(wanted, held, upper, unclear)
        if not same_pixels(wanted, held, exact=link.exact):
            differs = different_pixels(wanted, held, exact=link.exact)
            seen.from_below += locate_differences(link.upper, upper, differs)
        return stored, bad


def locate_differences(level: Level, box: Box, differs: NDArray[np.bool_]) -> list[Difference]:
    """Return the differences in a region, one for each object."""
    found = []
    for index in box.grid_positions(level.object_shape):
        part = level.object_box(index).intersection(box)
        within = differs[_within(part, box)]
        if within.any():
            found.append(Difference(level.number, index, _bounds(within, part.start), int(within.sum())))
    return found


def note_fill(level: Level, box: Box, array: NDArray[Any], filled: dict[Shape, bool]) -> None:
    """Note for each whole chunk of a region if it holds only the fill value."""
    value = 0 if level.stored is None else level.stored.fill_value
    for chunk in box.grid_positions(level.facts.chunks):
        start = tuple(i * c for i, c in zip(chunk, level.facts.chunks, strict=True))
        whole = Box(start, level.facts.chunks).intersection(level.box)
        part = whole.intersection(box)
        if part == whole:
            pixels = array[_within(part, box)]
            first = pixels[(0,) * pixels.ndim]
            filled[chunk] = bool(first == value and (pixels == value).all())


def _to_chunk_ends(level: Level, box: Box) -> Box:
    """Return a region that goes on to the ends of the chunks at the edge of its level."""
    stop = (-(-b // c) * c if b == n else b for b, n, c in zip(box.stop, level.shape, level.facts.chunks, strict=True))
    return Box(box.start, tuple(b - a for a, b in zip(box.start, stop, strict=True)))


def _beyond_edge(level: Level, box: Box, array: NDArray[Any]) -> list[Difference]:
    """Return differences where pixels beyond the edge are not zero."""
    beyond = [axis for axis, (read, inside) in enumerate(zip(array.shape, box.shape, strict=True)) if read > inside]
    if not any(array[(slice(None),) * axis + (slice(box.shape[axis], None),)].any() for axis in beyond):
        return []
    differs = array != 0
    differs[tuple(map(slice, box.shape))] = False
    found = []
    for index in box.grid_positions(level.object_shape):
        start = tuple(i * n for i, n in zip(index, level.object_shape, strict=True))
        part = Box(start, level.object_shape).intersection(Box(box.start, array.shape))
        count = int(differs[_within(part, box)].sum())
        if count:
            found.append(Difference(level.number, index, level.object_box(index), count, beyond_edge=True))
    return found


def _forget(wanted: NDArray[Any], held: NDArray[Any], box: Box, unknown: list[Box]) -> None:
    """Take what is stored for what is wanted, in regions that are not known."""
    for region in unknown:
        shared = overlap(region, box)
        if shared is not None:
            wanted[_within(shared, box)] = held[_within(shared, box)]


def overlap(one: Box, other: Box) -> Box | None:
    """Return the intersection of two boxes; None if they do not overlap."""
    if any(a >= d or c >= b for a, b, c, d in zip(one.start, one.stop, other.start, other.stop, strict=True)):
        return None
    return one.intersection(other)


def _bounds(differs: NDArray[np.bool_], origin: Shape) -> Box:
    """Return the smallest region with all that differs."""
    ranges = []
    for axis in range(differs.ndim):
        along = np.flatnonzero(differs.any(axis=tuple(i for i in range(differs.ndim) if i != axis)))
        ranges.append((int(along[0]), int(along[-1]) + 1))
    start = tuple(a + o for (a, _), o in zip(ranges, origin, strict=True))
    return Box(start, tuple(b - a for a, b in ranges))


def _within(box: Box, holder: Box) -> tuple[slice, ...]:
    """Return the index of `box` in an array that holds `holder`."""
    return Box(tuple(a - b for a, b in zip(box.start, holder.start, strict=True)), box.shape).slices
