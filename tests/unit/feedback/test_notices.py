"""Notices: each once, at the user's own line, and never twice on stderr."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest

from pyramid.errors import PyramidWarning
from pyramid.feedback.log import log_on_stderr
from pyramid.feedback.notices import give_notices, without_warnings

LOG = logging.getLogger("pyramid")


@pytest.fixture
def log_file() -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    LOG.addHandler(handler)
    yield text
    LOG.removeHandler(handler)


def test_each_is_one_warning_at_the_line_that_called_the_package() -> None:
    with pytest.warns(PyramidWarning) as caught:
        give_notices(["a", "b", "a"])
    assert [str(each.message) for each in caught] == ["a", "b"]
    assert {each.filename for each in caught} == {__file__}


def test_a_log_has_each_once_at_the_level_of_a_warning(log_file: io.StringIO) -> None:
    with pytest.warns(PyramidWarning):
        give_notices(["100 % of it", "b"])
    assert log_file.getvalue() == "notice: 100 % of it\nnotice: b\n"


def test_a_log_on_stderr_does_not_repeat_what_the_warning_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    LOG.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda message, *_: sys.stderr.write(f"{message}\n"))
        give_notices(["only once"])
    LOG.removeHandler(handler)
    assert capsys.readouterr().err == "only once\n"


def test_without_a_log_nothing_but_the_warning_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in LOG.handlers)
    LOG.warning("of the log")
    assert capsys.readouterr().err == ""


def test_a_filter_makes_an_error_of_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PyramidWarning)
        with pytest.raises(PyramidWarning, match=r"^a$"):
            give_notices(["a"])


def test_a_command_gets_no_warnings_and_prints_what_is_in_no_result(log_file: io.StringIO) -> None:
    printed: list[str] = []
    with warnings.catch_warnings(), without_warnings(printed.append):
        warnings.simplefilter("error")
        give_notices(["in the result"])
        give_notices(["the cluster has no worker yet"])
    assert (printed, log_file.getvalue()) == (["in the result", "the cluster has no worker yet"], "")


def test_a_notice_of_the_moment_is_a_warning_in_python() -> None:
    with pytest.warns(PyramidWarning, match="no worker"):
        give_notices(["the cluster has no worker yet"])


def test_the_log_of_a_command_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    before = (list(LOG.handlers), LOG.level, LOG.propagate)
    with log_on_stderr():
        logging.getLogger("pyramid.api").info("plan: %s", "3 levels")
        logging.getLogger("another").info("not ours")
    assert capsys.readouterr().err.endswith(" plan: 3 levels\n")
    assert (list(LOG.handlers), LOG.level, LOG.propagate) == before
