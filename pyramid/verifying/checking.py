"""The check of one image: its documents, its methods, its pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pyramid.concurrency.buffers import Buffers
from pyramid.concurrency.parallel import map_concurrently
from pyramid.planning.resources import Resources
from pyramid.reduce.base import MAX_AXES
from pyramid.verifying.arrays import Level
from pyramid.verifying.blocks import plan_readings
from pyramid.verifying.factors import check_documents, factors_between
from pyramid.verifying.findings import Finding, LevelCheck
from pyramid.verifying.holes import find_holes
from pyramid.verifying.judging import Judge
from pyramid.verifying.keys import KeyCheck
from pyramid.verifying.progress import VerifyTally
from pyramid.verifying.sampling import chosen_blocks
from pyramid.verifying.scan import Difference, Scanner, Seen
from pyramid.verifying.source import SourcePixels
from pyramid.verifying.tree import FoundImage
from pyramid.verifying.trial import Link, find_link

# Share of the objects of a level of another program that may differ, and how many may in any case: where more do, it is
# a habit of that program and not damage.
MAX_DAMAGED_SHARE, MAX_DAMAGED = 0.2, 3


@dataclass(frozen=True)
class Checking:
    """The resources, counts and keys with which all images are checked.

    Parameters
    ----------
    resources
        Workers, and the memory for all of them.
    sample
        The share of blocks that is looked at; None for all.
    tally
        The counts so far.
    keys
        The keys that are there; None where they cannot be listed.
    """

    resources: Resources
    sample: float | None
    tally: VerifyTally
    keys: KeyCheck | None

    def check(self, image: FoundImage, source: SourcePixels | None) -> Checked:
        """Check an image, against its source if that is given."""
        checked = Checked(image, source)
        checked.findings += check_documents(image)
        if source is not None:
            checked.findings += source.findings
        checked.link()
        seen = self._scan(checked)
        self._note_missing(checked, seen)
        seen.from_below = list(checked.without_habits(seen.from_below))
        judge = checked.judge()
        judge.judge(seen)
        if not image.is_label and image.levels and self.sample is None:
            checked.findings += find_holes(image.levels[0], seen.filled)
        return checked

    def _scan(self, checked: Checked) -> Seen:
        """Read all blocks, or a sample of them."""
        image, source, seen = checked.image, checked.reader, Seen()
        links = [checked.links.get(level.number) for level in image.levels]
        pieces = None if source is None else source.chunks
        for number, reading in enumerate(plan_readings(image.levels, links, self.resources, pieces)):
            is_base = reading.base is image.levels[0]
            scanner = Scanner(
                reading,
                Buffers(),
                source.read if source is not None and is_base and reading.base.number == 0 else None,
                image.is_ours,
                wants_fill=is_base and not image.is_label,
            )
            self._scan_blocks(image.path, scanner, chosen_blocks(reading.count, self.sample, number), seen)
        return seen

    def _scan_blocks(self, path: str, scanner: Scanner, numbers: Sequence[int], seen: Seen) -> None:
        try:
            for part in map_concurrently(scanner, numbers, self.resources.workers):
                seen.add(part)
                self.tally.done_bytes += part.read_bytes
                self.tally.doubtful.update((path, *place) for place in part.doubtful())
                self.tally.report()
        finally:
            scanner.buffers.stop()
            scanner.buffers.release()

    def _note_missing(self, checked: Checked, seen: Seen) -> None:
        """Add the objects that are missing in blocks that were not looked at."""
        if self.keys is None:
            return
        for level in checked.image.levels:
            known = {chunk.index for chunk in seen.bad.get(level.number, ())}
            lost = [chunk for chunk in self.keys.missing(level) if chunk.index not in known]
            if lost:
                seen.bad.setdefault(level.number, []).extend(lost)


@dataclass
class Checked:
    """An image that is being checked, and what was found.

    Parameters
    ----------
    image, source
        The image, and its source; None without one.

    Attributes
    ----------
    links
        How each level follows from the one below, by its number.
    findings, unchecked
        What is wrong, and what could not be checked.
    """

    image: FoundImage
    source: SourcePixels | None
    links: dict[int, Link] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    _judge: Judge | None = None

    @property
    def reader(self) -> SourcePixels | None:
        """The source, if it can be the source of level 0."""
        return self.source if self.source is not None and not self.source.findings else None

    @property
    def all_findings(self) -> list[Finding]:
        """Everything that is wrong or suspect."""
        return [*self.findings, *(self._judge.findings if self._judge is not None else ())]

    @property
    def has_wrong_documents(self) -> bool:
        """True if documents are wrong or cannot be read."""
        return any(one.problem in ("metadata", "unreadable") and not one.suspect for one in self.findings)

    def judge(self) -> Judge:
        """Return the judge of its objects, the same for each call."""
        if self._judge is None:
            levels = {level.number: level for level in self.image.levels}
            self._judge = Judge(levels, self.links, None if self.reader is None else self.reader.read)
        return self._judge

    def link(self) -> None:
        """Find out how each level is made from the one below."""
        image = self.image
        named = None if image.metadata is None else image.metadata.method
        for lower, upper in zip(image.levels, image.levels[1:], strict=False):
            if upper.number != lower.number + 1:
                continue
            reason = _cannot_follow(lower, upper)
            factors = factors_between(lower, upper) if reason is None else None
            link = None
            if factors is not None:
                nodata = None if image.metadata is None else image.metadata.nodata
                link = find_link(lower, upper, factors, named, nodata, is_ours=image.is_ours)
            if link is not None:
                self.links[upper.number] = link
                self._compare_name(link, named)
            elif reason is None:
                reason = "no known method makes it from the level below, so how it is made cannot be determined"
            if reason is not None:
                self.unchecked.append(f"{upper.node.path or 'level'}: {reason}")

    def _compare_name(self, link: Link, named: str | None) -> None:
        if self.image.is_ours and named is not None and link.method.name != named:
            message = (
                f"the metadata says that the method is {named}, and the pixels of level {link.upper.number} are those "
                f"of {link.method.name}; correct the metadata"
            )
            self.findings.append(Finding("metadata", message, self.image.path))

    def without_habits(self, differences: Sequence[Difference]) -> Iterator[Difference]:
        """Yield the differences that are not a habit of another program."""
        if self.image.is_ours:
            yield from differences
            return
        for number, link in self.links.items():
            own = [difference for difference in differences if difference.level == number]
            objects = {difference.index for difference in own}
            many = len(objects) > max(MAX_DAMAGED, MAX_DAMAGED_SHARE * link.upper.grid.count)
            at_edge = bool(own) and all(_is_at_edge(link, difference) for difference in own)
            if many or at_edge:
                where = "at its far edge" if at_edge else f"in {len(objects)} of {link.upper.grid.count} objects"
                self.unchecked.append(
                    f"{link.upper.node.path}: it follows from the level below by {link.method.name}, but not {where}, "
                    "which looks like a habit of the program that wrote it"
                )
            else:
                yield from own

    def level_checks(self) -> Iterator[LevelCheck]:
        """Yield the result for each level."""
        found = self.all_findings
        for level in self.image.levels:
            bad = sum(one.level == level.number and not one.suspect for one in found)
            link = self.links.get(level.number)
            path = level.node.path.removeprefix(self.image.path).lstrip("/")
            made_by = None if link is None else link.method.name
            yield LevelCheck(self.image.path, path, level.shape, level.grid.count, made_by, bad)


def _cannot_follow(lower: Level, upper: Level) -> str | None:
    """Return why a level is not held against the one below; None if it can be."""
    if lower.dtype != upper.dtype:
        return f"its dtype {upper.dtype} is not that of the level below, {lower.dtype}"
    if lower.facts.dtype.kind == "c" or len(lower.shape) > MAX_AXES:
        return "levels of complex numbers or more than five axes are not compared"
    if lower.is_empty or upper.is_empty:
        return "it has no pixels"
    return None


def _is_at_edge(link: Link, difference: Difference) -> bool:
    """Return whether all that differs is made of windows that the edge cuts."""
    return any(
        n % f and start >= n // f
        for start, n, f in zip(difference.box.start, link.lower.shape, link.factors, strict=True)
    )
