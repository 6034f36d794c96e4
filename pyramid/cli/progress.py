"""Progress on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pyramid.downloading import DownloadProgress
    from pyramid.engine.build import Progress

State = TypeVar("State")

# Time between two lines of a log: often enough to see that a run goes on, and short logs of long runs.
LINE_EVERY_S = 30.0


def progress_callback(*, shown: bool) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """Provide a callback that shows how far a run is, or None."""
    return _callback(_bar, _line) if shown else nullcontext()


def download_progress_callback(*, shown: bool) -> AbstractContextManager[Callable[[DownloadProgress], None] | None]:
    """Provide a callback that shows how far a download is, or None."""
    return _callback(_download_bar, _download_line) if shown else nullcontext()


@contextmanager
def _callback(
    bar: Callable[[], AbstractContextManager[Callable[[State], None]]], line: Callable[[State], str]
) -> Iterator[Callable[[State], None]]:
    """Provide a callback that moves a bar on a terminal, and else prints lines."""
    if sys.stderr.isatty():
        with bar() as callback:
            yield callback
        return
    last_s = time.monotonic()

    def print_line(state: State) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= LINE_EVERY_S:
            last_s = time.monotonic()
            print(line(state), file=sys.stderr, flush=True)  # noqa: T201  (a line of a log)

    yield print_line


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console  # noqa: PLC0415  (only on a terminal)
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        row = bar.add_task("convert", total=None)
        yield lambda state: bar.update(row, completed=state.done_bytes, total=state.total_bytes)


def _line(state: Progress) -> str:
    rate = state.done_bytes / max(state.seconds, 1e-9)
    left_s = (state.total_bytes - state.done_bytes) / max(rate, 1)
    percent = 100 * state.done_bytes / state.total_bytes
    return f"{percent:.0f} %, {_amount(state)}, {left_s:.0f} s left"


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


def _download_line(state: DownloadProgress) -> str:
    return f"{state.done_objects} of {state.total_objects} objects, {_amount(state)}"


def _amount(state: Progress | DownloadProgress) -> str:
    rate = state.done_bytes / max(state.seconds, 1e-9)
    return f"{state.done_bytes / 1e9:.2f} GB at {rate / 1e6:.0f} MB/s"
