"""Which objects are bad, and what their pixels must be.

Two levels that do not fit together do not say which of the two is wrong. Levels are judged from the lowest on, so that
the level below is known: a bad object of it is replaced by what it must be. Level 0 is known by the source. Without a
source, level 2 decides between levels 0 and 1, as it was made when both were right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, Shape
from pyramid.verifying.arrays import BadChunk, Level, read_region
from pyramid.verifying.findings import Finding
from pyramid.verifying.methods import different_pixels, same_pixels
from pyramid.verifying.scan import Difference, ReadSource, Seen, locate_differences, overlap
from pyramid.verifying.trial import Link

# Pixels of the lower level that are reduced at once.
MAX_LOWER_PX = 2**24
# Differences that are judged one by one. Where there are more, a level as a whole is wrong.
MAX_JUDGED = 2000

Verdict = Literal["lower", "upper", "either"]


@dataclass(frozen=True, slots=True)
class BadObject:
    """An object whose bytes are wrong.

    Parameters
    ----------
    level, index
        Number of its level, and its index.
    unknown
        Regions of its level whose pixels cannot be read, or are wrong.
    """

    level: Level
    index: Shape
    unknown: tuple[Box, ...]


@dataclass
class Judge:
    """The judgement of one image.

    Parameters
    ----------
    levels, links
        Its levels by number, and the step to each from the level below it, by number.
    source
        Reads the source; None without one.

    Attributes
    ----------
    bad
        The objects that are wrong, by level and index.
    doubtful
        Regions of which it is not known whether they are right, by level.
    findings
        What is found about them.
    """

    levels: Mapping[int, Level]
    links: Mapping[int, Link]
    source: ReadSource | None
    bad: dict[int, dict[Shape, BadObject]] = field(default_factory=dict)
    doubtful: dict[int, list[Box]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def judge(self, seen: Seen) -> None:
        """Decide about everything that was seen, from level 0 on."""
        for number, level in sorted(self.levels.items()):
            self._note_unreadable(level, seen.bad.get(number, ()))
            own = [difference for difference in seen.from_below if difference.level == number]
            for difference in own:
                if difference.beyond_edge:
                    self._note(level, difference, "pixels beyond the edge of the level are not empty")
            if number == 0:
                for difference in seen.from_source:
                    self._note(level, difference, "pixels differ from the source")
            inside = _merged(difference for difference in own if not difference.beyond_edge)
            for count, difference in enumerate(inside):
                self._judge(self.links[number], difference, in_detail=count < MAX_JUDGED)

    def _note_unreadable(self, level: Level, chunks: Iterable[BadChunk]) -> None:
        for chunk in chunks:
            before = self.bad.setdefault(level.number, {}).get(chunk.index)
            if before is None:  # the first of a shard is named
                self.findings.append(level.finding(chunk.problem, chunk.message, chunk.index, chunk.box))
            self._set_bad(level, chunk.index, chunk.box)

    def _note(self, level: Level, difference: Difference, message: str) -> None:
        if difference.index not in self.bad.setdefault(level.number, {}):
            self.findings.append(level.finding("differs", message, difference.index, difference.box))
        self._set_bad(level, difference.index, None if difference.beyond_edge else difference.box)

    def _set_bad(self, level: Level, index: Shape, unknown: Box | None) -> None:
        held = self.bad.setdefault(level.number, {})
        before = held[index].unknown if index in held else ()
        held[index] = BadObject(level, index, before if unknown is None else (*before, unknown))

    def _judge(self, link: Link, difference: Difference, *, in_detail: bool) -> None:
        """Decide which of two levels is wrong where they do not fit together."""
        upper, box = link.upper, difference.box
        made = self.made(link, box) if in_detail else None
        stored = np.empty(box.shape, upper.dtype)
        read_region(upper, box, stored)
        if made is not None and same_pixels(made, stored, exact=link.exact):
            return  # a bad object of the level below was the reason
        verdict = self._verdict(link, box, made) if made is not None else "either"
        name = link.method.name
        if verdict == "upper":
            self._note(upper, difference, f"pixels are not what the method {name} makes of the level below")
        elif verdict == "lower":
            self._blame_lower(link, box, stored)
        else:
            message = (
                f"the two levels do not fit together by the method {name}, and which of them is wrong cannot be "
                "determined; give the source to find out"
            )
            self.findings.append(upper.finding("disagrees", message, difference.index, box))
            self.doubtful.setdefault(upper.number, []).append(box)
            self.doubtful.setdefault(link.lower.number, []).append(link.footprint(box))

    def _verdict(self, link: Link, box: Box, made: NDArray[Any]) -> Verdict:
        """Return which of two levels is wrong, by the source or by the next level."""
        if self.source is not None or link.lower.number > 0:
            return "upper"
        above = self.links.get(link.upper.number + 1)
        if above is None:
            return "either"
        region = above.covers(box)
        held = np.empty(region.shape, above.upper.dtype)
        below = above.footprint(region)
        stored = np.empty(below.shape, link.upper.dtype)
        rebuilt = self.made(link, below)
        if 0 in region.shape or read_region(above.upper, region, held) or read_region(link.upper, below, stored):
            return "either"
        by_lower = rebuilt is not None and same_pixels(above.reduce(rebuilt, region), held, exact=link.exact)
        by_upper = same_pixels(above.reduce(stored, region), held, exact=link.exact)
        if by_lower == by_upper:
            return "either"
        return "upper" if by_lower else "lower"

    def _blame_lower(self, link: Link, box: Box, stored: NDArray[Any]) -> None:
        """Note the objects of the lower level that do not fit the upper."""
        made = self.made(link, box)
        assert made is not None  # it was made before
        differs = different_pixels(made, stored, exact=link.exact)
        for part in _differences_below(link, box, differs):
            self._note(link.lower, part, "pixels are not those that the two levels above were made of")

    def made(self, link: Link, box: Box) -> NDArray[Any] | None:
        """Return the right pixels of the upper level, made from the level below.

        Returns None if the level below is not known there.
        """
        out = np.empty(box.shape, link.upper.dtype)
        most = max(1, MAX_LOWER_PX // math.prod(link.factors))
        for part in box.split(_piece(box.shape, most)):
            below = self.pixels(link.lower, link.footprint(part))
            if below is None:
                return None
            within = Box(tuple(a - b for a, b in zip(part.start, box.start, strict=True)), part.shape)
            out[within.slices] = link.reduce(below, part)
        return out

    def pixels(self, level: Level, box: Box) -> NDArray[Any] | None:
        """Return the right pixels of a region, or None if they are not known.

        Where objects are bad, they are rebuilt.
        """
        if any(overlap(region, box) for region in self.doubtful.get(level.number, ())):
            return None
        out = np.empty(box.shape, level.dtype)
        read_region(level, box, out)
        for bad in self.bad.get(level.number, {}).values():
            for unknown in bad.unknown:
                shared = overlap(unknown, box)
                if shared is None:
                    continue
                right = self.right(level, shared)
                if right is None:
                    return None
                within = Box(tuple(a - b for a, b in zip(shared.start, box.start, strict=True)), shared.shape)
                out[within.slices] = right
        return out

    def right(self, level: Level, box: Box) -> NDArray[Any] | None:
        """Rebuild a region from the source or the level below.

        Returns None if that is not possible.
        """
        if level.number == 0 and self.source is not None:
            out = np.empty(box.shape, level.dtype)
            self.source(box, out)
            return out
        link = self.links.get(level.number)
        return None if link is None else self.made(link, box)


def _differences_below(link: Link, box: Box, differs: NDArray[np.bool_]) -> Iterator[Difference]:
    """Yield objects of the lower level below pixels of the upper that differ."""
    for index in link.footprint(box).grid_positions(link.lower.object_shape):
        above = overlap(link.covers(link.lower.object_box(index)), box)
        if above is None:
            continue
        within = Box(tuple(a - b for a, b in zip(above.start, box.start, strict=True)), above.shape)
        found = locate_differences(link.upper, above, differs[within.slices])
        for part in found:
            below = overlap(link.footprint(part.box), link.lower.object_box(index))
            if below is not None:
                yield Difference(link.lower.number, index, below, part.count)


def _merged(differences: Iterable[Difference]) -> list[Difference]:
    """Join the differences of each object, of which several blocks may hold parts."""
    joined: dict[Shape, Difference] = {}
    for one in differences:
        other = joined.get(one.index, one)
        start = tuple(map(min, one.box.start, other.box.start))
        stop = map(max, one.box.stop, other.box.stop)
        box = Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))
        joined[one.index] = Difference(one.level, one.index, box, one.count + (other.count if other is not one else 0))
    return list(joined.values())


def _piece(shape: Shape, most: int) -> Shape:
    """Return the extents of pieces of at most `most` pixels, whole on the last axes."""
    piece: list[int] = []
    for n in reversed(shape):
        piece.append(max(1, min(n, most)))
        most //= piece[-1]
    return tuple(reversed(piece))
