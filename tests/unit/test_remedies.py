"""Errors end with what to do: those about options in their own words, and all others at least by their kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyramid.errors import (
    OptionError,
    PyramidError,
    SourceError,
    StoppedError,
    StorageError,
    TargetError,
    ending_with_remedy,
)
from tests.support.paths import ROOT


def option_errors(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each OptionError of a module that is written there; what is formatted in stands as …"""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OptionError" and node.args:
            parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts)  # type: ignore[misc]


def test_each_error_about_an_option_says_what_to_do() -> None:
    """An error that ends with another, or with what a function returns, has its remedy from there."""
    without = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "pyramid").rglob("*.py"))
        for line, text in option_errors(path)
        if ";" not in text and not text.endswith("…")
    ]
    assert without == []


@pytest.mark.parametrize("kind", [OptionError, SourceError, TargetError, StoppedError, StorageError, PyramidError])
def test_an_error_without_a_remedy_gets_that_of_its_kind(kind: type[PyramidError]) -> None:
    with pytest.raises(kind) as caught, ending_with_remedy():
        raise kind("it is bad")
    assert str(caught.value) == f"it is bad; {kind.remedy}"
    with pytest.raises(kind) as caught, ending_with_remedy(), ending_with_remedy():
        raise kind("it is bad; turn it off and on")
    assert str(caught.value) == "it is bad; turn it off and on"


def test_questions_and_errors_of_the_system_stay_as_they_are() -> None:
    with pytest.raises(OptionError) as caught, ending_with_remedy():
        raise OptionError("unknown; did you mean 'max'?")
    assert str(caught.value).endswith("'max'?")
    with pytest.raises(TargetError) as of_system, ending_with_remedy():
        raise TargetError(28, "No space left on device")
    assert of_system.value.errno == 28
