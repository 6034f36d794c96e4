"""Snapshots in words, lines of a log by a clock of the test, and who is shown progress."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pyramid.downloading.tally import DownloadProgress
from pyramid.engine.build import Progress
from pyramid.errors import OptionError
from pyramid.feedback.notebook import NotebookBar
from pyramid.feedback.progress import DisplayCallback, Snapshot
from pyramid.feedback.showing import showing_progress
from pyramid.feedback.stderr import LINE_EVERY_S, LogLines

TOTAL = 1000


def at(done: int, seconds: float = 1.0) -> Snapshot:
    return Progress(done * 10**6, TOTAL * 10**6, done, TOTAL, seconds).snapshot()


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(steps: list[tuple[float, int]], capsys: pytest.CaptureFixture[str], *, failed: bool = False) -> list[str]:
    """Return the lines for states that come after so many seconds."""
    clock = Clock()
    lines = LogLines("convert", clock)
    for seconds, done in steps:
        clock.now = 100 + seconds
        lines.show(at(done, seconds))
    lines.end(failed=failed)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_slow_run_writes_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of([(float(second), second) for second in range(1, 35)], capsys, failed=True)
    assert [line.split(",")[0] for line in lines] == ["convert: 1 %", "convert: 2 %", "convert: 3 %"]
    assert lines[0] == "convert: 1 %, 0.0 of 1.0 GB, 1.0 MB/s, 17 min left"


def test_a_slow_block_is_seen_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LogLines("convert", clock)
    lines.show(at(0, 0.0))
    for second in range(1, 41):
        clock.now = 100.0 + second
        lines.tick()
        if second == 25:
            lines.show(at(100, 25.0))
    lines.end(failed=True)
    assert capsys.readouterr().err.splitlines() == [
        "convert: 0 %, 0.0 of 1.0 GB",
        "convert: 0 %, 0.0 of 1.0 GB",
        "convert: 10 %, 0.1 of 1.0 GB, 4.0 MB/s, 4 min left",
        "convert: 10 %, 0.1 of 1.0 GB, 2.9 MB/s, 6 min left",
    ]


def test_nothing_is_written_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LogLines("convert", clock)
    lines.show(at(TOTAL))
    clock.now += 100
    lines.tick()
    lines.end(failed=False)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "pyramid-ticker"]


def test_a_log_that_is_closed_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    lines = LogLines("convert", Clock())
    lines.show(at(TOTAL))
    lines.end(failed=False)


def test_a_run_of_a_minute_writes_a_line_every_tenth_and_the_last_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = lines_of([(second / 2, second * 10) for second in range(101)], capsys)
    assert [line.split(",")[0] for line in lines] == [f"convert: {percent} %" for percent in range(10, 101, 10)]
    assert lines[-1] == "convert: 100 %, 1.0 of 1.0 GB, 20.0 MB/s"


def test_a_quick_run_writes_one_line_though_its_end_is_reported_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of([(0.0, 0), (0.1, 500), (0.2, 1000), (0.3, 1000)], capsys) == [
        "convert: 100 %, 1.0 of 1.0 GB, 5.0 GB/s"
    ]


def test_a_run_that_ends_early_writes_its_last_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of([(0.5, 10)], capsys) == ["convert: 1 %, 0.0 of 1.0 GB, 20.0 MB/s, 50 s left"]
    assert lines_of([(0.5, 10)], capsys, failed=True) == []


def test_every_state_has_a_total_and_none_is_unknown() -> None:
    for done in range(0, TOTAL + 1, 7):
        assert "?" not in str(at(done))
        assert " of 1.0 GB" in str(at(done))


def test_an_estimated_total_is_shown_as_one_and_never_as_reached(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = LogLines("download", clock)
    for done, known in ((5, 10), (10, 10), (12, 40)):
        clock.now += LINE_EVERY_S
        lines.show(DownloadProgress(done, known, 0, 0, 0, 1.0, is_total_final=False).snapshot())
    lines.show(DownloadProgress(40, 40, 0, 0, 0, 1.0).snapshot())
    assert capsys.readouterr().err.splitlines() == [
        "download: 50 %, 5 of about 10 objects, 1 s left",
        "download: 99 %, 10 of about 10 objects, 1 s left",
        "download: 30 %, 12 of about 40 objects, 3 s left",
        "download: 100 %, 40 of 40 objects",
    ]


@pytest.mark.parametrize("total", [0, 1, 3, 10**15])
def test_a_share_is_between_nothing_and_all(total: int) -> None:
    for done in (0, total // 2, total, total + 1):
        share = Snapshot(done, total, "", 0, 0.0).share
        assert 0 <= share <= 1
    assert Snapshot(total, total, "", 0, 0.0).share == 1
    assert Snapshot(total, total, "", 0, 0.0, is_total_final=False).share < 1


class Handle:
    """As IPython's handle of an output."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def update(self, shown: object) -> None:
        self.shown.append(shown)


@pytest.mark.parametrize(("failed", "last"), [(False, "convert: 100 %"), (True, "convert: stopped at 100 %")])
def test_a_bar_in_a_notebook_shows_the_first_state_few_between_and_the_last(failed: bool, last: str) -> None:
    handle = Handle()
    bar = NotebookBar("convert", handle)
    for done in range(TOTAL + 1):
        bar.show(at(done))
    bar.end(failed=failed)
    assert repr(handle.shown[0]).startswith("convert: 0 %")
    assert repr(handle.shown[-1]).startswith(last)
    assert 'value="1.0000"' in handle.shown[-1]._repr_html_()
    assert len(handle.shown) < TOTAL / 10


def shown(wanted: bool | None) -> AbstractContextManager[Callable[[Progress], object] | None]:
    return showing_progress(wanted, "convert")


def test_a_function_is_called_itself_and_nothing_is_shown_unasked() -> None:
    seen: list[Progress] = []
    with showing_progress(seen.append, "convert") as callback:
        assert callback == seen.append
    for silent in (None, False):
        with shown(silent) as nothing:
            assert nothing is None


def test_true_shows_it_here(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(True) as callback:
        assert isinstance(callback, DisplayCallback)
        callback(Progress(9, 9, 1, 1, 0.0))
    assert capsys.readouterr().err == "convert: 100 %, 9 of 9 bytes\n"


@pytest.mark.parametrize("odd", [1, 0, "yes", [], 0.5])
def test_anything_else_is_refused(odd: Any) -> None:
    with pytest.raises(OptionError, match="give True, False or a function"), showing_progress(odd, "convert"):
        pass
