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
    for line in TEXT.partition("| tried by |\n|---|---|---|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
]
READERS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["pyramid.readers"]
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
README_HEAD = "| SOURCE | needs | tried on |\n|---|---|---|\n"
TRIED_ON = {
    *("files of their own writers", "files laid out by their public description", "real files", "arrays"),
    "[each kind](#which-kinds-of-tiff)",
}
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def names_in(file: str) -> set[str]:
    """The names of the tests of a file, and of its classes of tests."""
    nodes = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test")
    }


def as_in_readme(cell: str) -> str:
    """A cell with its links as the README has them."""
    inner = re.sub(r"\]\((?=#)", "](docs/sources.md", cell)
    return re.sub(r"\]\((?!http|docs/)", "](docs/", inner)


def test_the_readme_has_each_row() -> None:
    made = [" | ".join(as_in_readme(row[i]) for i in (0, 1, 4)) for row in ROWS]
    lines = README.partition(README_HEAD)[2].partition("\n\n")[0].splitlines()
    assert [" | ".join(cell.strip() for cell in line.strip("|").split("|")) for line in lines] == made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_says_what_it_is_tried_on(row: tuple[str, ...]) -> None:
    assert set(row[4].split(", ")) <= TRIED_ON


def test_every_reader_has_a_row() -> None:
    assert {row[3].strip("`") for row in ROWS} == READERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_tests_that_are_there(row: tuple[str, ...]) -> None:
    named = re.findall(r"`([^`]+)`", row[5])
    assert named
    for each in named:
        file, _, test = each.partition("::")
        assert (ROOT / "tests" / file).is_file(), each
        assert test in names_in(file) if test else names_in(file), each


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_an_extra_that_is_there(row: tuple[str, ...]) -> None:
    extras = re.findall(r"ome-pyramid\[(\w+)\]", row[1])
    assert set(extras) <= set(EXTRAS)
