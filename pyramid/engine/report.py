"""The report of a run or a plan, as JSON for other programs.

``pyramid/data/report.schema.json`` is its schema.
"""

from __future__ import annotations

import html
import logging
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pyramid.engine.reported_options import decided_options, given_options, source_name, target_name
from pyramid.engine.stages import StageTimes
from pyramid.errors import INTERRUPTED, PyramidError, exit_status
from pyramid.options.convert import Options
from pyramid.stores import without_secrets
from pyramid.tables import render_text

if TYPE_CHECKING:
    from pyramid.engine.build import Tally
    from pyramid.planning import Plan

logger = logging.getLogger(__name__)

# Number of the form of a report. It changes where a key is removed or gets another meaning.
REPORT_VERSION = 1
# Packages whose versions a report names: the ones that its figures depend on.
REPORTED = ("ome-pyramid", "numpy", "dask", "zarr", "tifffile", "imagecodecs", "numba", "obstore")
# Stages that follow one another, in their order.
WALL_STAGES = ("open", "plan", "create", "build", "metadata")
_WORDS = {"open": "opening the source", "create": "creating the target", "metadata": "the metadata"}


@dataclass(frozen=True, slots=True)
class PixelsLook:
    """The pixels of a pyramid, as a report shows them.

    Parameters
    ----------
    picture
        A PNG; None if none can be made.
    channels
        Name, least and greatest value, and counts of a histogram of each channel, ready for JSON.
    """

    picture: bytes | None
    channels: list[dict[str, Any]]


class RunReport:
    """The record of one run or plan, from its start on. It is complete at any time.

    Parameters
    ----------
    command
        ``convert``, ``plan`` or ``add-levels``.
    source, target
        What the user gave.
    options
        The parsed options.

    Attributes
    ----------
    plan, tally
        What was decided, and what was done so far; None before that.
    requests_again
        Requests of this process that were repeated. Those of blocks are in the tally.
    is_part
        Whether the image is one of a collection or a plate, which keeps the OME-XML of all.
    look
        Looks at the pixels that were written, for the report.
    pixels
        The pixels, as `look` saw them; None if it did not.
    """

    def __init__(self, command: str, source: object, target: str | None, options: Options) -> None:
        self.command = command
        self.plan: Plan | None = None
        self.tally: Tally | None = None
        self.requests_again = 0
        self.is_part = False
        self.seconds = 0.0
        self.pixels: PixelsLook | None = None
        self.look: Callable[[], PixelsLook | None] = lambda: None
        self.source, self.target, self.options = source, target, options
        self._error: BaseException | None = None
        self._ended = False
        self._wall_s = dict.fromkeys(WALL_STAGES, 0.0)
        self._started = datetime.now(UTC)
        self._started_s = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the context as that of a stage."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.add_seconds(name, time.perf_counter() - began_s)

    def add_seconds(self, name: str, seconds: float) -> None:
        """Add time to a stage, and log it."""
        self._wall_s[name] += seconds
        logger.info("time: %s took %.2f s", _WORDS.get(name, name), seconds)

    def count_requests(self, again: int) -> None:
        """Note how many requests of this process were repeated."""
        self.requests_again = again

    def end(self, error: BaseException | None = None) -> None:
        """Note the end of the run, and the error that ended it if there is one."""
        self.seconds = time.perf_counter() - self._started_s
        self._error, self._ended = error, True

    @property
    def outcome(self) -> str:
        """The end of the run: ``done``, ``planned``, ``failed`` or ``interrupted``."""
        if self._error is None:
            return "planned" if self.command == "plan" else "done" if self._ended else "failed"
        return "interrupted" if exit_status(self._error) == INTERRUPTED else "failed"

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what was left out or assumed."""
        return self.plan.spec.notices if self.plan else ()

    @property
    def source_bytes(self) -> int | None:
        """Size of the source's pixels in bytes; None if it could not be opened."""
        spec = self.plan.spec if self.plan else None
        return math.prod(spec.shape) * spec.item_bytes if spec else None

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes of the source's pixels for each second; None if not all were converted."""
        converted = self.command != "plan" and self._error is None and self.source_bytes is not None
        return (self.source_bytes or 0) / max(self.seconds, 1e-9) if converted else None

    def summary(self) -> str:
        """Return the result as one line for a terminal."""
        rate, size = self.bytes_per_second or 0, self.source_bytes or 0
        return f"{size / 1e6:.1f} MB in {self.seconds:.2f} s, {rate / 1e6:.0f} MB/s"

    def without_pixels(self) -> RunReport:
        """Return the report without an array that was its source."""
        if not isinstance(self.source, str | os.PathLike):
            self.source = None
        return self

    def page(self) -> str:
        """Return the report as one page of HTML, which needs nothing else."""
        from pyramid.reporting import report_page  # noqa: PLC0415  (only for a page)

        tables = "" if self.plan is None else self.plan._repr_html_()
        return report_page(self.to_dict(), tables, None if self.pixels is None else self.pixels.picture)

    def __str__(self) -> str:
        """Return the tables as text."""
        from pyramid.reporting.tables import report_tables  # noqa: PLC0415  (only for a person)

        return render_text(report_tables(self.to_dict()))

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, whose style reaches nothing else."""
        page = html.escape(self.page())
        return f'<iframe srcdoc="{page}" sandbox title="report" width="100%" height="600" style="border:0"></iframe>'

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        tally, plan = self.tally, self.plan
        return {
            "report_version": REPORT_VERSION,
            "command": self.command,
            "outcome": self.outcome,
            "exit_status": exit_status(self._error),
            "error": None if self._error is None else error_document(self._error),
            "started": self._started.isoformat(timespec="milliseconds"),
            "source": plan.spec.location if plan else source_name(self.source),
            "target": target_name(self.target),
            "options": {
                "given": given_options(self.options, self.source, self.target),
                "decided": decided_options(plan) if plan else None,
            },
            "versions": versions(),
            "platform": platform_facts(),
            "seconds": self.seconds,
            "source_bytes": self.source_bytes,
            "bytes_per_second": self.bytes_per_second,
            "stages": {
                "wall_seconds": self._wall_s,
                "summed_seconds": _summed(tally.times) if tally else None,
            },
            "levels": _levels(plan, tally) if plan else [],
            **self._observed(),
            "retries": tally.retries if tally else 0,
            "requests_again": self.requests_again + (tally.requests_again if tally else 0),
            "notices": list(self.notices),
            "plan": plan.to_dict() if plan else None,
        }

    def _observed(self) -> dict[str, Any]:
        """Return what was seen of blocks and pixels."""
        return {
            "timeline": self.tally.timeline.to_dict() if self.tally else None,
            "channels": None if self.pixels is None else self.pixels.channels,
        }


def error_document(error: BaseException) -> dict[str, Any]:
    """Return an error for JSON: its class, its message and its notes."""
    text = str(error) if isinstance(error, PyramidError) else without_secrets(f"{type(error).__name__}: {error}")
    return {
        "class": type(error).__name__,
        "message": "interrupted" if exit_status(error) == INTERRUPTED else text,
        "notes": [str(note) for note in getattr(error, "__notes__", ())],
    }


def _levels(plan: Plan, tally: Tally | None) -> list[dict[str, Any]]:
    """Return what is known of each level: its bytes, its objects, and its rate."""
    item_bytes, levels = plan.spec.item_bytes, []
    for number, level in enumerate(plan.written, start=len(plan.levels) - len(plan.written)):
        raw_bytes = math.prod(level.shape) * item_bytes
        stored = tally.stored.get(number) if tally else None
        seconds = _pass_seconds(plan, tally, number) if tally else None
        levels.append(
            {
                "level": number,
                "shape": list(level.shape),
                "raw_bytes": raw_bytes,
                "planned_objects": level.objects,
                "stored_bytes": stored.stored_bytes if stored else None,
                "objects": stored.objects if stored else None,
                "bytes_per_second": raw_bytes / max(seconds, 1e-9) if seconds is not None else None,
            }
        )
    return levels


def _pass_seconds(plan: Plan, tally: Tally, number: int) -> float | None:
    """Return the time of the pass that made a level; None if it did not end well."""
    index = next(i for i, pass_ in enumerate(plan.passes) if pass_.first <= number <= pass_.last)
    return tally.pass_seconds[index] if index < len(tally.pass_seconds) else None


def _summed(times: StageTimes) -> dict[str, float]:
    return {name.removesuffix("_s"): seconds for name, seconds in times._asdict().items()}


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of packages, None where not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in (*REPORTED, *(("distributed",) if "distributed" in sys.modules else ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def platform_facts() -> dict[str, Any]:
    """Return what a report says of the machine of the command."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
