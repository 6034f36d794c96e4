"""Tables as text: no line is wider than a terminal, whatever the cells hold, and facts lose nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.tables import MAX_LINES, WIDTH, render_html, render_text, shorten

LETTERS = st.characters(codec="utf-8")
CELLS = st.text(st.sampled_from("ab 0/,x…細\u0301\x1b") | LETTERS, max_size=200)


def columns(line: str) -> int:
    letters = (letter for letter in line if not unicodedata.combining(letter))
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in letters)


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), min_size=2, max_size=5)))
def test_no_line_is_wider_than_a_terminal(rows: list[tuple[str, ...]]) -> None:
    heads, *rest = rows
    shown = render_text([(heads, rest)])
    assert max(map(columns, shown.splitlines()), default=0) <= WIDTH
    assert shown.isprintable() or set(shown) - {"\n"} == {letter for letter in shown if letter.isprintable()}


@given(st.lists(st.tuples(st.text(max_size=18), CELLS), min_size=1, max_size=6))
def test_no_fact_is_wider_than_a_terminal(rows: list[tuple[str, str]]) -> None:
    shown = render_text([((), rows)])
    assert max(map(columns, shown.splitlines()), default=0) <= WIDTH


@given(st.text(st.sampled_from("ab/-, "), min_size=1, max_size=40 * (MAX_LINES - 2)))
def test_facts_lose_nothing_but_blanks(value: str) -> None:
    shown = render_text([((), [("at", value)])])
    assert "".join(shown.removeprefix("at").split()) == "".join(value.split())


def test_columns_that_do_not_fit_follow_below_with_the_first() -> None:
    shown = render_text([(("level", "shape", "scale", "chunks"), [("0", "a" * 30, "b" * 30, "c" * 30)])])
    assert [line.split() for line in shown.splitlines()] == [
        ["level", "shape", "scale"],
        ["0", "a" * 30, "b" * 30],
        [],
        ["level", "chunks"],
        ["0", "c" * 30],
    ]


def test_the_wells_of_a_plate_stay_in_one_part() -> None:
    names = [str(i + 1) for i in range(24)]
    shown = render_text([(("", *names), [(row, *("o" * 24)) for row in "ABCDEFGHIJKLMNOP"])])
    assert len(shown.splitlines()) == 17


@pytest.mark.parametrize(
    ("text", "room", "cut"), [("cells", 5, "cells"), ("cells!", 5, "ce..."), ("細胞画像", 7, "細胞..."), ("", 3, "")]
)
def test_a_long_text_ends_with_three_dots(text: str, room: int, cut: str) -> None:
    assert shorten(text, room) == cut


def test_html_holds_the_same_cells() -> None:
    tables = [(("a", "b"), [("<1>", "2")]), ((), [("x" * 90, "y" * 300)])]
    assert render_html(tables).count("y" * 300) == 1
    assert "&lt;1&gt;" in render_html(tables)
