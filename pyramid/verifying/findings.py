"""Findings of a verification, and its report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pyramid.feedback.progress import format_bytes, format_part
from pyramid.model import Shape
from pyramid.tables import Row, Table, format_count, format_shape, render_html, render_text

# Findings that a table shows: more would hide the summary. JSON has all of them.
MAX_SHOWN = 50

Problem = Literal[
    "missing",
    "empty",
    "damaged",
    "differs",
    "disagrees",
    "extra",
    "metadata",
    "unreadable",
    "unfinished",
    "hole",
    "manifest",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or suspect.

    Parameters
    ----------
    problem
        Its kind: ``missing``, ``empty`` or ``damaged`` for an object or a chunk of a shard. ``differs`` for pixels that
        are not those of the level below or of the source. ``disagrees`` where one of two levels is wrong, and nothing
        shows which. ``extra`` for a key that belongs to no level. ``metadata``, ``unreadable``, ``unfinished``,
        ``hole`` for a region of fill value with signal around it, and ``manifest`` for an object that is not as listed.
    message
        A sentence.
    image, key
        Path of the image below the URL, and key of the object below the URL.
    level
        Number of the level.
    start, stop
        First pixel, and first pixel past the region, on each axis of the level.
    suspect
        Whether it may be right: such a finding is only pointed out.
    """

    problem: Problem
    message: str
    image: str = ""
    key: str | None = None
    level: int | None = None
    start: Shape | None = None
    stop: Shape | None = None
    suspect: bool = False

    @property
    def place(self) -> str:
        """Its level and region, as ``level 1, 0:64 x 128:256``."""
        if self.level is None:
            return self.image or "the root"
        at = "" if self.start is None or self.stop is None else _region(self.start, self.stop)
        return f"level {self.level}{at}"


@dataclass(frozen=True, slots=True)
class LevelCheck:
    """The check of one level.

    Parameters
    ----------
    image, path
        Paths of the image below the URL, and of the level below the image.
    shape, objects
        Pixels on each axis, and the number of objects.
    made_by
        The method that makes it from the level below; None for level 0 and where it cannot be determined.
    bad
        The number of findings about it, suspects not counted.
    """

    image: str
    path: str
    shape: Shape
    objects: int
    made_by: str | None
    bad: int


@dataclass(frozen=True, repr=False)
class Verification:
    """The result of `verify`. Printing it gives a table.

    Parameters
    ----------
    url
        The URL, free of secrets.
    levels
        Every level that was checked.
    findings
        What is wrong, and what is suspect.
    unchecked
        A sentence for each part that could not be checked.
    checked_bytes, total_bytes
        Bytes before compression that were read, and of all levels.
    sample
        The share of blocks that was looked at; None for all of them.
    repaired
        Keys that were written anew.
    seconds
        Duration.
    """

    url: str
    levels: tuple[LevelCheck, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    checked_bytes: int
    total_bytes: int
    sample: float | None
    repaired: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """True if nothing is wrong; suspects do not count."""
        return all(finding.suspect for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        return "\n\n".join(part for part in (render_text(self._tables()), "\n".join(self._sentences())) if part)

    def __repr__(self) -> str:
        return f"<Verification of {self.url!r}: {self.summary}>"

    def _repr_html_(self) -> str:
        return render_html([*self._tables(), (("",), [(text,) for text in self._sentences()])])

    @property
    def summary(self) -> str:
        """The result in a few words."""
        suspect = sum(finding.suspect for finding in self.findings)
        bad = len(self.findings) - suspect
        words = [format_count(bad, "problem") if bad else "no problem"]
        if suspect:
            words.append(f"{suspect} suspect")
        if self.repaired:
            words.append(f"{format_count(len(self.repaired), 'object')} repaired")
        return ", ".join(words)

    def _tables(self) -> Iterator[Table]:
        rate = f" in {self.seconds:.1f} s"
        looked = format_part(self.checked_bytes, self.total_bytes) if self.total_bytes else format_bytes(0)
        sample = "" if self.sample is None else f", a sample of {self.sample:.3%} of the blocks".replace(".000%", " %")
        yield (), [("verified", self.url), ("result", self.summary), ("pixels", looked + sample + rate)]
        many = len({level.image for level in self.levels}) > 1
        rows = [_level_row(level, many=many) for level in self.levels if not many or level.bad]
        yield ("level", "shape", "objects", "made by", "bad"), rows
        found = sorted(self.findings, key=lambda finding: finding.suspect)[:MAX_SHOWN]
        yield (
            ("problem", "place", "key"),
            [(_problem(finding), finding.place, finding.key or finding.image or "") for finding in found],
        )

        rebuilt = [(key,) for key in self.repaired[:MAX_SHOWN]]
        yield ("repaired",), rebuilt

    def _sentences(self) -> list[str]:
        """Return each distinct message, and what could not be checked."""
        kinds: dict[str, int] = {}
        for finding in self.findings:
            kinds[finding.message] = kinds.get(finding.message, 0) + 1
        lines = [f"{message}{f' ({count} times)' if count > 1 else ''}" for message, count in kinds.items()]
        more = [f"and {len(lines) - MAX_SHOWN} further kinds of findings"] if len(lines) > MAX_SHOWN else []
        hidden = len(self.findings) - MAX_SHOWN
        more += [f"{hidden} further findings are not shown; JSON has all"] if hidden > 0 else []
        more += [f"not checked: {text}" for text in self.unchecked[:MAX_SHOWN]]
        return [*lines[:MAX_SHOWN], *more]


def _level_row(level: LevelCheck, *, many: bool) -> Row:
    name = f"{level.image}/{level.path}" if many and level.image else level.path or "the array"
    return name, format_shape(level.shape), str(level.objects), level.made_by or "", str(level.bad or "")


def _problem(finding: Finding) -> str:
    return f"{finding.problem}?" if finding.suspect else finding.problem


def _region(start: Shape, stop: Shape) -> str:
    return ", " + " x ".join(f"{a}:{b}" for a, b in zip(start, stop, strict=True))
