"""Dask's performance report of a run, and the logs of its workers."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pyramid.engine.cluster.waiting import try_within, within
from pyramid.errors import OptionError
from pyramid.feedback.notices import give_notices

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

# Seconds for the scheduler to draw its report, and for the workers to send their logs.
DRAW_S, LOGS_S = 60, 5
# Lines of each worker's log that are shown: the last ones, as a worker may have run for days.
LOG_LINES = 50


@contextmanager
def reporting_performance(client: Client, file: str | None) -> Iterator[None]:
    """Write Dask's performance report of the context to a file, also if the run fails.

    Raises
    ------
    OptionError
        If the file cannot be written, or the scheduler cannot draw.
    """
    if file is None:
        yield
        return
    path = Path(file).expanduser()
    if not path.parent.is_dir():
        raise OptionError(f"performance_report: {path.parent} is not a folder; make it, or give another file")
    if not client.run_on_scheduler(_can_draw):
        raise OptionError(
            "performance_report: bokeh, with which Dask draws it, is not installed where the scheduler runs; "
            "pip install bokeh there, or leave performance_report=... out"
        )
    began_s = time.time()
    last = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.monitor.count)
    client.get_task_stream(start=0, stop=0)  # the scheduler records tasks from the first such question on
    try:
        yield
    finally:
        _write_report(client, path, began_s, last)


def _write_report(client: Client, path: Path, began_s: float, last: int) -> None:
    """Write the report; a failure does not replace that of the run."""

    def draw() -> str:
        return str(client.sync(client.scheduler.performance_report, start=began_s, last_count=last, code=""))

    try:
        path.write_text(within(DRAW_S, draw), encoding="utf-8")
    except Exception as error:
        cause = " ".join(f"{error}".split()) or type(error).__name__
        give_notices([f"Dask's performance report cannot be written to {path}: {cause}"])


def _can_draw() -> bool:
    return importlib.util.find_spec("bokeh") is not None


@contextmanager
def logging_workers(client: Client) -> Iterator[None]:
    """Add the logs of the workers to this process's log at the end, if it is shown."""
    try:
        yield
    finally:
        if logger.isEnabledFor(logging.INFO) and client.status == "running":
            try_within(LOGS_S, lambda: _log(client))


def _log(client: Client) -> None:
    for address, lines in client.get_worker_logs(n=LOG_LINES).items():
        for _, line in reversed(lines):
            logger.info("worker %s: %s", address, line)
