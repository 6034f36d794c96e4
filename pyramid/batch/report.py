"""The report of a batch: the outcome of each image, as a table and for JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.batch.lists import RESULTS, SOURCE, TARGET
from pyramid.batch.outcome import BatchOutcome, outcome_left
from pyramid.engine.report import REPORT_VERSION, platform_facts, versions
from pyramid.engine.reported_options import given_options, target_name
from pyramid.errors import INTERRUPTED, UNFORESEEN, BatchError, StoppedError, list_some
from pyramid.feedback.progress import format_bytes
from pyramid.readers.paths import local_path
from pyramid.tables import Row, Table, format_count, render_html, render_text, shorten

# Rows of images in a table: a screen; the report has them all.
MAX_ROWS = 20
# Failures that the message of an error names.
MAX_NAMED = 3
# The states of images, as a table names them.
_WORDS = {"done": "done", "whole": "finished before", "failed": "failed", "left": "left"}


class BatchReport:
    """The record of a batch, from its start on. It is complete at any time.

    Attributes
    ----------
    batch
        The images, and the options of the command.
    failures
        The path or URL of the list of images that are not done; None if there is nothing to list.
    stopped
        The sentence about what ended the batch before its last image; empty if nothing did.
    seconds
        Time that the batch took.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._outcomes: dict[str, BatchOutcome] = {}
        self._started = datetime.now(UTC)
        self._started_s = time.perf_counter()
        self._is_interrupted = False
        self.failures: str | None = None
        self.stopped = ""
        self.seconds = 0.0

    def add(self, item: BatchItem, outcome: BatchOutcome) -> None:
        """Note the outcome of an image."""
        self._outcomes[item.target] = outcome

    def end(self, error: BaseException | None = None) -> None:
        """Note the end of the batch, and the interrupt that ended it if there was one."""
        self.seconds = time.perf_counter() - self._started_s
        self._is_interrupted = isinstance(error, KeyboardInterrupt)

    @property
    def outcomes(self) -> tuple[BatchOutcome, ...]:
        """The outcome of each image, in the order in which they were given."""
        return tuple(self._outcomes.get(item.target) or outcome_left(item) for item in self.batch.items)

    @property
    def done(self) -> tuple[BatchOutcome, ...]:
        """Images that are complete, also those of an earlier run."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_good)

    @property
    def failed(self) -> tuple[BatchOutcome, ...]:
        """Images that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "failed")

    @property
    def left(self) -> tuple[BatchOutcome, ...]:
        """Images that were not begun, or were stopped with the batch."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == "left")

    @property
    def exit_status(self) -> int:
        """Exit status of the command.

        130 if it was interrupted; 70 if an error was not foreseen; 5 if something can go on with `resume`; otherwise
        that of the first image that failed, and 0 if none did.
        """
        failed, left = self.failed, self.left
        if self._is_interrupted:
            return INTERRUPTED
        if any(outcome.exit_status == UNFORESEEN for outcome in failed):
            return UNFORESEEN
        can_go_on = any(o.is_unfinished or o.exit_status == StoppedError.exit_status for o in failed)
        if left or can_go_on:
            return StoppedError.exit_status
        return failed[0].exit_status if failed else 0

    def check(self) -> None:
        """Raise BatchError unless every image is complete."""
        if self.exit_status:
            raise BatchError(f"{self.sentence()}{self.remedy()}", self, self.exit_status)

    def sentence(self) -> str:
        """Return how many images are not done, and why; empty if all are done."""
        failed, left = self.failed, self.left
        counts = [f"{len(failed)} failed"] * bool(failed) + [f"{len(left)} left"] * bool(left)
        first = list_some([f"{outcome.name}: {outcome.error}" for outcome in failed], MAX_NAMED, "; ")
        of = format_count(len(self.outcomes), "image")
        return f"{' and '.join(counts)} of {of}: {self.stopped or first}" if counts else self.stopped

    def remedy(self) -> str:
        """Return how to go on, as the end of a sentence; empty if all is done."""
        if not self.failed and not self.left:
            return ""
        listed = f"; {self.failures} lists them, for SOURCE @{self.failures}" if self.failures else ""
        return f"{listed}; the same with resume=True leaves out what is finished and goes on with the rest"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        outcomes = self.outcomes
        return {
            "report_version": REPORT_VERSION,
            "command": "convert",
            "outcome": {0: "done", INTERRUPTED: "interrupted"}.get(self.exit_status, "failed"),
            "exit_status": self.exit_status,
            "started": self._started.isoformat(timespec="milliseconds"),
            "target": target_name(self.batch.folder),
            "options": given_options(self.batch.options, None, self.batch.folder),
            "versions": versions(),
            "platform": platform_facts(),
            "seconds": self.seconds,
            "source_bytes": sum(outcome.source_bytes for outcome in outcomes),
            "stored_bytes": sum(outcome.stored_bytes for outcome in outcomes),
            "counts": _counts(outcomes),
            "stopped": self.stopped or None,
            "failures": self.failures,
            "notices": list(self.batch.notices),
            "images": [outcome.to_dict() for outcome in outcomes],
        }

    def failure_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list of what is not done, which the same command takes."""
        for item, outcome in zip(self.batch.items, self.outcomes, strict=True):
            if not outcome.is_good:
                path = local_path(item.source)
                yield {
                    SOURCE: item.source if path is None else str(path),
                    TARGET: item.name,
                    **item.own,
                    **dict(zip(RESULTS, (outcome.exit_status or "", outcome.error or "left"), strict=True)),
                }

    def tables(self) -> list[Table]:
        """Return the tables of the report: the sums, and what is not done."""
        outcomes, counts = self.outcomes, _counts(self.outcomes)
        moved = sum(outcome.source_bytes for outcome in outcomes)
        facts: list[Row] = [
            ("folder", target_name(self.batch.folder) or ""),
            ("images", ", ".join(f"{number} {_WORDS[state]}" for state, number in counts.items() if number)),
            ("pixels", f"{format_bytes(moved)} in {self.seconds:.2f} s"),
        ]
        if counts["done"]:
            facts.append(("an image", f"{self.seconds / counts['done']:.3f} s"))
        if self.failures:
            facts.append(("not done", f"listed in {self.failures}"))
        return [((), facts), failure_table([(o.name, o.exit_status, o.error) for o in self.failed])]

    def __str__(self) -> str:
        """Return the tables as text."""
        return render_text(self.tables())

    def _repr_html_(self) -> str:
        return render_html(self.tables())


def failure_table(failed: Sequence[tuple[str, int, str]]) -> Table:
    """Return a table of names, exit statuses and errors, of at most `MAX_ROWS` images."""
    rows = [(shorten(name), f"{error} (status {status})") for name, status, error in failed[:MAX_ROWS]]
    if len(failed) > MAX_ROWS:
        rows.append((f"and {len(failed) - MAX_ROWS} more", "in the list of failures, or in JSON"))
    return (), rows


def _counts(outcomes: tuple[BatchOutcome, ...]) -> dict[str, int]:
    return {state: sum(outcome.state == state for outcome in outcomes) for state in _WORDS}
