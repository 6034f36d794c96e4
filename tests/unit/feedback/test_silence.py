"""A command that waits says so: once, and only before the first answer."""

from __future__ import annotations

import time

import pytest

from pyramid.feedback import silence
from pyramid.feedback.silence import naming_silence, waiting_for


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(silence, "SILENCE_S", 0.02)
    return []


def wait_long(what: str) -> None:
    with waiting_for(what):
        time.sleep(0.2)


def test_a_long_wait_is_named_once(said: list[str]) -> None:
    with naming_silence(said.append):
        wait_long("GET a")
        wait_long("GET b")
    assert said == ["GET a: no answer yet, still trying; Ctrl-C stops"]


def test_nothing_is_said_after_the_first_answer(said: list[str]) -> None:
    with naming_silence(said.append):
        with waiting_for("GET a"):
            pass
        wait_long("GET b")
    assert said == []


def test_a_failure_is_no_answer(said: list[str]) -> None:
    with naming_silence(said.append):
        with pytest.raises(ConnectionError), waiting_for("GET a"):
            raise ConnectionError
        wait_long("GET b")
    assert len(said) == 1


def test_a_program_is_told_nothing(said: list[str]) -> None:
    wait_long("GET a")
    assert said == []
