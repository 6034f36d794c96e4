"""The run of a batch: small images side by side, large ones in turn."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pyramid.batch.definition import Batch
from pyramid.batch.items import BatchItem
from pyramid.batch.outcome import BatchOutcome, ends_the_batch, outcome_done, outcome_failed, outcome_left
from pyramid.batch.progress import BatchProgress
from pyramid.batch.report import BatchReport
from pyramid.concurrency.pool import Pool
from pyramid.engine.report import RunReport
from pyramid.engine.resuming import SourceChangedError
from pyramid.errors import ENDINGS, TargetError
from pyramid.feedback.notices import give_notices, without_warnings
from pyramid.feedback.progress import DisplayCallback
from pyramid.options.convert import Options
from pyramid.stores import locate
from pyramid.tables import format_count

if TYPE_CHECKING:
    from pyramid.engine.build import Progress, ProgressCallback
    from pyramid.engine.workers import Workers

logger = logging.getLogger(__name__)

BatchCallback: TypeAlias = Callable[[BatchProgress], object]


class RunImage(Protocol):
    """The conversion of one image, with the workers of the batch."""

    def __call__(self, record: RunReport, progress: ProgressCallback | None, workers: Workers | None) -> RunReport:
        """Convert the image of a new report, or raise a PyramidError."""
        ...


# Images that are opened and converted side by side at most. Each is in Python for half of its time, so that more do not
# go faster; behind a network, more would wait for each other.
MAX_AT_ONCE = 8
# Failures that are said when they happen: a screen. The report has all.
MAX_SAID = 20
# Seconds between two looks at the images under way.
LOOK_S = 0.2
CHANGED = "its source has changed since its conversion was stopped, so it began again"


@dataclass
class BatchRun:
    """The run of one batch.

    Parameters
    ----------
    batch
        The images.
    workers
        The workers that they share.
    run
        Converts one image.
    callback
        Receives the progress in the thread of the caller; None for none.
    report
        Receives the outcomes.
    """

    batch: Batch
    workers: Workers
    run: RunImage
    callback: BatchCallback | None
    report: BatchReport
    _under_way: dict[str, Progress | None] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)
    _is_stopped: bool = False
    _counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    _done_bytes: int = 0
    _started_s: float = field(default_factory=time.perf_counter)

    def __call__(self) -> None:
        """Convert all images, until one fails for a reason that holds for all.

        The outcome of each is in the report, also after an exception.
        """
        flying: dict[Future[BatchOutcome], BatchItem] = {}
        try:
            with Pool(min(self.workers.runs_at_once, MAX_AT_ONCE, len(self.batch.items))) as pool:
                self._convert(pool, flying)
        finally:
            self._is_stopped = True
            for future, item in flying.items():
                if future.done():
                    self.report.add(item, future.result())
            self._give_counts()

    def _convert(self, pool: Pool, flying: dict[Future[BatchOutcome], BatchItem]) -> None:
        waiting = iter(self.batch.items)
        self._show(force=True)
        while not self._is_stopped:
            while len(flying) < 2 * pool.workers and (item := next(waiting, None)) is not None:
                flying[pool.submit(self._do, item)] = item
            if not flying:
                return
            ended, _ = wait(flying, LOOK_S, FIRST_COMPLETED)
            for future in ended:
                self._take(flying.pop(future), future.result())
            self._show(force=bool(ended))

    def _do(self, item: BatchItem) -> BatchOutcome:
        """Convert one image, and return its outcome whatever happens."""
        if self._is_stopped:
            return outcome_left(item)
        notices: list[str] = []
        began_s = time.perf_counter()
        self._under_way[item.name] = None
        try:
            with without_warnings(notices.append):
                return outcome_done(item, self._run(item, notices), tuple(notices))
        except BaseException as error:
            if isinstance(error, ENDINGS):
                raise
            logger.info("%s failed", item.source, exc_info=error)
            was_stopped = self._is_stopped
            if not was_stopped and ends_the_batch(error, item, on_cluster=self.workers.client is not None):
                self.report.stopped = str(error)
                self._is_stopped = True
            seconds = time.perf_counter() - began_s
            return outcome_failed(item, error, seconds, tuple(notices), is_stopped=was_stopped)
        finally:
            del self._under_way[item.name]

    def _run(self, item: BatchItem, notices: list[str]) -> RunReport:
        """Convert an image, from its beginning if its source has changed."""
        make_folder_around(item.target)
        progress = self._progress_of(item)
        try:
            return self._run_with(item, item.options, progress)
        except SourceChangedError:
            notices.append(CHANGED)
            return self._run_with(item, replace(item.options, resume=False, overwrite=True), progress)

    def _run_with(self, item: BatchItem, options: Options, progress: ProgressCallback) -> RunReport:
        record = RunReport("convert", item.source, item.target, options)
        record.is_part = self.batch.frame is not None
        return self.run(record, progress, self.workers)

    def _progress_of(self, item: BatchItem) -> Callable[[Progress], None]:
        def note(progress: Progress) -> None:
            self._under_way[item.name] = progress

        return note

    def _take(self, item: BatchItem, outcome: BatchOutcome) -> None:
        """Note an outcome, and give its notices."""
        self.report.add(item, outcome)
        self._counts[outcome.is_good] += 1
        self._done_bytes += outcome.source_bytes
        if outcome.state == "failed" and self._counts[False] <= MAX_SAID:
            give_notices((f"{outcome.name} failed: {outcome.error}",))
        for notice in outcome.notices:
            self._given[notice] = self._given.get(notice, 0) + 1
            if self._given[notice] == 1:
                give_notices((f"{outcome.name}: {notice}",))

    def _give_counts(self) -> None:
        """Say how many further images each notice was about."""
        for notice, count in self._given.items():
            if count > 1:
                give_notices((f"{format_count(count - 1, 'more image')}: {notice}",))

    def _show(self, *, force: bool) -> None:
        """Call the callback, and a display also while nothing has ended."""
        if self.callback is not None and (force or isinstance(self.callback, DisplayCallback)):
            self.callback(self._state())

    def _state(self) -> BatchProgress:
        under_way = list(self._under_way.items())
        states = [progress for _, progress in under_way if progress is not None]
        return BatchProgress(
            self._counts[True],
            self._counts[False],
            len(self.batch.items),
            under_way[0][0] if under_way else "",
            sum(state.done_bytes / max(state.total_bytes, 1) for state in states),
            self._done_bytes + sum(state.done_bytes for state in states),
            time.perf_counter() - self._started_s,
        )


def make_folder_around(target: str) -> None:
    """Make the folder around a local target.

    Raises TargetError if it cannot be made.
    """
    location = locate(target)
    if not location.is_folder:
        return
    folder = os.path.dirname(location.path)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder} cannot be made: {error.strerror}; give another folder") from error
