"""Progress on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyramid.downloading import DownloadProgress
    from pyramid.engine.build import Progress

# Time between two lines of a log: often enough to see that a run goes on, and short logs of long runs.
LINE_EVERY_S = 30.0


@contextmanager
def progress_callback(*, shown: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Yield a callback that shows how far a run is.

    Yields None where nothing is to be shown.
    """
    if not shown:
        yield None
    elif sys.stderr.isatty():
        with _bar() as callback:
            yield callback
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console  # noqa: PLC0415  (only on a terminal)
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        row = bar.add_task("convert", total=None)
        yield lambda state: bar.update(row, completed=state.done_bytes, total=state.total_bytes)


def _lines() -> Callable[[Progress], None]:
    last_s = time.monotonic()

    def print_line(state: Progress) -> None:
        nonlocal last_s
        if time.monotonic() - last_s < LINE_EVERY_S:
            return
        last_s = time.monotonic()
        rate = state.done_bytes / max(state.seconds, 1e-9)
        left_s = (state.total_bytes - state.done_bytes) / max(rate, 1)
        percent = 100 * state.done_bytes / state.total_bytes
        print(  # noqa: T201  (a line of a log)
            f"{percent:.0f} %, {state.done_bytes / 1e9:.2f} GB at {rate / 1e6:.0f} MB/s, {left_s:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    return print_line


@contextmanager
def download_progress_callback(*, shown: bool) -> Iterator[Callable[[DownloadProgress], None] | None]:
    """Yield a callback that shows how far a download is.

    Yields None where nothing is to be shown.
    """
    if not shown:
        yield None
    elif sys.stderr.isatty():
        with _download_bar() as callback:
            yield callback
    else:
        yield _download_lines()


@contextmanager
def _download_bar() -> Iterator[Callable[[DownloadProgress], None]]:
    from rich.console import Console  # noqa: PLC0415  (only on a terminal)
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("objects, {task.fields[amount]}"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        row = bar.add_task("download", total=None, amount="")
        yield lambda state: bar.update(
            row, completed=state.done_objects, total=state.total_objects, amount=_amount(state)
        )


def _download_lines() -> Callable[[DownloadProgress], None]:
    last_s = time.monotonic()

    def print_line(state: DownloadProgress) -> None:
        nonlocal last_s
        if time.monotonic() - last_s < LINE_EVERY_S:
            return
        last_s = time.monotonic()
        line = f"{state.done_objects} of {state.total_objects} objects, {_amount(state)}"
        print(line, file=sys.stderr, flush=True)  # noqa: T201  (a line of a log)

    return print_line


def _amount(state: DownloadProgress) -> str:
    rate = state.done_bytes / max(state.seconds, 1e-9)
    return f"{state.done_bytes / 1e9:.2f} GB at {rate / 1e6:.0f} MB/s"
