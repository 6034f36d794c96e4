"""The tables of sources and of outputs: each row has tests that show it, and nothing that there is lacks a row."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TypeAlias

import pytest

from pyramid.ngff import FORMATS, WRITABLE
from pyramid.stores.schemes import SCHEMES
from tests.support.paths import ROOT

Row: TypeAlias = tuple[str, ...]


def rows_of(page: str, last: str = "tried by") -> list[Row]:
    """The rows of the table of a page whose last column has a title."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.split(rf"\| {last} \|\n(?:\|-+)+\|\n", text)[1].partition("\n\n")[0].splitlines()
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


SOURCES, OUTPUTS = rows_of("docs/sources.md"), rows_of("README.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

TRIED_ON = {
    *("files of their own writers", "files laid out by their public description", "real files", "arrays"),
    "[each kind](#which-kinds-of-tiff)",
}


def names_in(file: str) -> set[str]:
    """The names of the tests of a file, and of its classes of tests."""
    nodes = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test")
    }


@pytest.mark.parametrize("row", [*SOURCES, *OUTPUTS], ids=lambda row: row[0][:40])
def test_a_row_names_tests_that_are_there(row: Row) -> None:
    named = re.findall(r"`([^`]+)`", row[-1])
    assert named
    for each in named:
        file, _, test = each.partition("::")
        assert (ROOT / "tests" / file).is_file(), each
        assert test in names_in(file) if test else names_in(file), each


def test_every_reader_has_a_row() -> None:
    assert {row[3].strip("`") for row in SOURCES} == set(PROJECT["entry-points"]["pyramid.readers"])


def as_in_readme(cell: str) -> str:
    """A cell with its links as the README has them."""
    inner = re.sub(r"\]\((?=#)", "](docs/sources.md", cell)
    return re.sub(r"\]\((?!http|docs/)", "](docs/", inner)


def test_the_readme_has_each_row_of_the_sources() -> None:
    made = [tuple(as_in_readme(row[i]) for i in (0, 1, 4)) for row in SOURCES]
    assert rows_of("README.md", last="tried on") == made


@pytest.mark.parametrize("row", SOURCES, ids=lambda row: row[0][:40])
def test_a_row_says_what_it_is_tried_on(row: Row) -> None:
    assert set(row[4].split(", ")) <= TRIED_ON


@pytest.mark.parametrize("row", SOURCES, ids=lambda row: row[0][:40])
def test_a_row_names_an_extra_that_is_there(row: Row) -> None:
    extras = re.findall(r"ome-pyramid\[(\w+)\]", row[1])
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_every_format_and_store_that_is_written_has_a_row() -> None:
    named = " ".join(" ".join(row[:2]) for row in OUTPUTS)
    titles = {FORMATS[version].title for version in WRITABLE}
    buckets = {f"{scheme.name}://" for scheme in SCHEMES.values() if scheme.name in ("s3", "gs", "az")}
    for output in (*titles, "N5", ".ozx", "--labels", "--series all", "--pattern", *buckets):
        assert output in named, output
