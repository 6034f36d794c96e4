"""The table of sources in the documentation: each row has a reader that exists, and tests that show it."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from tests.support.paths import ROOT

TEXT = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in TEXT.partition("| tried by |\n|---|---|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
]
READERS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["pyramid.readers"]
)
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def names_in(file: str) -> set[str]:
    """The names of the tests of a file, and of its classes of tests."""
    nodes = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test")
    }


def test_every_reader_has_a_row() -> None:
    assert {row[3].strip("`") for row in ROWS} == READERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_tests_that_are_there(row: tuple[str, ...]) -> None:
    named = re.findall(r"`([^`]+)`", row[4])
    assert named
    for each in named:
        file, _, test = each.partition("::")
        assert (ROOT / "tests" / file).is_file(), each
        assert test in names_in(file) if test else names_in(file), each


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_an_extra_that_is_there(row: tuple[str, ...]) -> None:
    extras = re.findall(r"ome-pyramid\[(\w+)\]", row[1])
    assert set(extras) <= set(EXTRAS)
