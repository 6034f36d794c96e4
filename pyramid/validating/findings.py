"""The findings of a validation, and their list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyramid.tables import Table, format_count, render_html, render_text
from pyramid.validating.rules import Level

# The most findings that are printed; JSON has all.
MAX_SHOWN = 50
_LEVELS: tuple[Level, ...] = ("error", "warning", "advice")


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A place where a rule is broken.

    Parameters
    ----------
    rule
        The name of the rule.
    level
        ``"error"`` for a MUST of the specification, ``"warning"`` for a SHOULD, ``"advice"`` for what viewers and
        stores suffer from.
    path
        Path of the group below the URL; empty for the URL itself.
    place
        The place in its attributes, as ``multiscales[0].axes[1].unit``; empty for all of them.
    message
        What is wrong, in one sentence.
    remedy
        What repairs it.
    version
        The version of OME-Zarr whose rule it is.
    link
        URL of the paragraph.
    """

    rule: str
    level: Level
    path: str
    place: str
    message: str
    remedy: str
    version: str
    link: str


@dataclass(frozen=True, repr=False)
class Validation(Sequence[RuleFinding]):
    """The result of `validate`: the list of findings. Printing it gives a table.

    Parameters
    ----------
    url
        The URL, free of secrets.
    findings
        The findings, errors first.
    groups
        The number of groups that were looked at.
    strict
        Whether warnings count as errors.
    """

    url: str
    findings: tuple[RuleFinding, ...]
    groups: int
    strict: bool = False

    @property
    def valid(self) -> bool:
        """True if no error was found, and if `strict` no warning either."""
        bad = ("error", "warning") if self.strict else ("error",)
        return all(finding.level not in bad for finding in self.findings)

    @property
    def message(self) -> str:
        """The result in a few words."""
        nouns = {"error": "error", "warning": "warning", "advice": "piece of advice"}
        counts = {level: sum(one.level == level for one in self.findings) for level in _LEVELS}
        words = [
            f"{count} pieces of advice" if level == "advice" and count > 1 else format_count(count, nouns[level])
            for level, count in counts.items()
            if count
        ]
        return ", ".join([f"{'valid' if self.valid else 'not valid'} OME-Zarr", *words])

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401  (an index or a slice, as a tuple takes)
        return self.findings[number]

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON; ``valid`` and ``message`` come first."""
        return {"valid": self.valid, "message": self._sentence(), **asdict(self)}

    def _sentence(self) -> str:
        """Return the message, with the first finding that makes it invalid."""
        if self.valid or not self.findings:
            return self.message
        first = self.findings[0]
        place = "/".join(part for part in (first.path, first.place) if part)
        return f"{self.message}; {place}: {first.message}" if place else f"{self.message}; {first.message}"

    def __str__(self) -> str:
        lines = [line for finding in self.findings[:MAX_SHOWN] for line in _lines(finding)]
        hidden = len(self.findings) - MAX_SHOWN
        lines += [f"{format_count(hidden, 'further finding')}; JSON has all"] if hidden > 0 else []
        return "\n\n".join(part for part in (render_text(self._tables()), "\n".join(lines)) if part)

    def __repr__(self) -> str:
        return f"<Validation of {self.url!r}: {self.message}>"

    def _repr_html_(self) -> str:
        shown = [
            (one.level, one.path, one.place, one.message, one.remedy, one.link) for one in self.findings[:MAX_SHOWN]
        ]
        return render_html([*self._tables(), (("level", "group", "place", "finding", "remedy", "rule"), shown)])

    def _tables(self) -> Iterator[Table]:
        strict = ", where warnings count" if self.strict else ""
        yield (), [("URL", self.url), ("result", self.message + strict), ("groups", str(self.groups))]


def _lines(finding: RuleFinding) -> Iterator[str]:
    """Yield the lines of a finding: its place, what is wrong, and the rule."""
    place = ": ".join(part for part in (finding.path, finding.place) if part) or "the root"
    yield f"{finding.level}  {place}"
    yield f"    {finding.message}; {finding.remedy}"
    yield f"    {finding.rule} ({finding.version}): {finding.link}"


def sort_findings(findings: Sequence[RuleFinding]) -> tuple[RuleFinding, ...]:
    """Return findings in the order of their levels, then of their groups."""
    return tuple(sorted(findings, key=lambda one: (_LEVELS.index(one.level), one.path)))
