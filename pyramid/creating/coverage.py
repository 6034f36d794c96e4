"""The part of an object that has come, as boxes that do not overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pyramid.model import Box


@dataclass
class Coverage:
    """The part of a box that has come.

    Parameters
    ----------
    whole
        The box.

    Examples
    --------
    >>> coverage = Coverage(Box((0, 0), (4, 4)))
    >>> coverage.add(Box((0, 0), (2, 4)))
    >>> coverage.add(Box((1, 0), (2, 4)))
    >>> coverage.boxes, list(coverage.missing(coverage.whole))
    ([Box(start=(0, 0), shape=(3, 4))], [Box(start=(3, 0), shape=(1, 4))])
    """

    whole: Box
    boxes: list[Box] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True if nothing is missing."""
        return sum(box.size_px for box in self.boxes) == self.whole.size_px

    def is_completed_by(self, box: Box) -> bool:
        """Return whether nothing is missing once a box has come too."""
        return not any(True for gap in self.missing(self.whole) for _ in _without(gap, box))

    def missing(self, box: Box) -> Iterator[Box]:
        """Yield the parts of a box that have not come."""
        left = [box]
        for other in self.boxes:
            left = [part for each in left for part in _without(each, other)]
        yield from left

    def covered(self, box: Box) -> Iterator[Box]:
        """Yield the parts of a box that have come."""
        for other in self.boxes:
            if _overlap(box, other):
                yield box.intersection(other)

    def add(self, box: Box) -> None:
        """Note that a box has come; a part of it may have come before."""
        for part in list(self.missing(box)):
            self._add(part)

    def _add(self, box: Box) -> None:
        """Add a box that overlaps none, joined with those that it extends.

        So an image that comes row by row is one box at any time.
        """
        joined: Box | None = box
        while joined is not None:
            box = joined
            joined = None
            for other in self.boxes:
                joined = _joined(box, other)
                if joined is not None:
                    self.boxes.remove(other)
                    break
        self.boxes.append(box)


def _overlap(box: Box, other: Box) -> bool:
    pairs = zip(box.start, box.stop, other.start, other.stop, strict=True)
    return all(a < d and c < b for a, b, c, d in pairs)


def _without(box: Box, other: Box) -> Iterator[Box]:
    """Yield the parts of a box that are not in another: at most two an axis."""
    if not _overlap(box, other):
        yield box
        return
    start, stop = list(box.start), list(box.stop)
    for axis, (low, high) in enumerate(zip(other.start, other.stop, strict=True)):
        if start[axis] < low:
            yield _box(start, [*stop[:axis], low, *stop[axis + 1 :]])
            start[axis] = low
        if stop[axis] > high:
            yield _box([*start[:axis], high, *start[axis + 1 :]], stop)
            stop[axis] = high


def _box(start: Sequence[int], stop: Sequence[int]) -> Box:
    return Box(tuple(start), tuple(b - a for a, b in zip(start, stop, strict=True)))


def _joined(box: Box, other: Box) -> Box | None:
    """Return two boxes as one; None if together they are not a box."""
    differing = [
        axis
        for axis, (a, n, b, m) in enumerate(zip(box.start, box.shape, other.start, other.shape, strict=True))
        if (a, n) != (b, m)
    ]
    if len(differing) != 1:
        return None
    axis = differing[0]
    first, second = (box, other) if box.start[axis] < other.start[axis] else (other, box)
    return _box(first.start, second.stop) if first.stop[axis] == second.start[axis] else None
