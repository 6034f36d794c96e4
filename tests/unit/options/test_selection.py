"""What users write for a selection: text and Python say the same, and what is not there is named."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.errors import OptionError
from pyramid.options.convert import make_options
from pyramid.options.selected import resolve
from pyramid.options.selection import Selection, Span, parse_selection

NAMES = ("DAPI", "GFP", "Alexa 488", "488", None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("t=0:10", {"t": slice(0, 10)}),
        ("t=0:10, c=DAPI|1, z=::2", {"t": slice(0, 10), "c": ["DAPI", 1], "z": slice(None, None, 2)}),
        ("z=2::3", {"z": range(2, 10**18 - 1, 3)}),
        ("T=-1", {"t": -1}),
        ("c=GFP", {"c": "GFP"}),
        ("c=Alexa 488|DAPI", {"c": ("Alexa 488", "DAPI")}),
        ('c="488"', {"c": ["488"]}),
        ('c="a,b"|"x=y"', {"c": ["a,b", "x=y"]}),
        ("t=0|5|9", {"t": np.array([0, 5, 9])}),
        ("y=:", {"y": slice(None)}),
    ],
)
def test_text_and_python_are_one_selection(text: str, value: Any) -> None:
    parsed = parse_selection(text)
    if not isinstance(value.get("z"), range):
        assert parsed == parse_selection(value)
    assert parse_selection(str(parsed)) == parsed == parse_selection(parsed)
    assert hash(parsed) == hash(parse_selection(text))


texts = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1)


@given(
    st.lists(st.one_of(st.integers(-(10**6), 10**6), texts), min_size=1),
    st.tuples(st.none() | st.integers(), st.none() | st.integers(), st.integers(1)).map(
        lambda parts: tuple(None if part is None else max(-(10**17), min(part, 10**17)) for part in parts)
    ),
)
def test_a_selection_is_read_back_from_its_text(items: list[int | str], ends: tuple[Any, Any, int]) -> None:
    selection = Selection((("c", tuple(items)), ("z", Span(*ends))))
    assert parse_selection(str(selection)) == selection


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "it is empty"),
        ({}, "it is empty"),
        ("3", "names no axis"),
        (7, "names no axes"),
        ("c=DAPI,GFP", "'GFP' names no axis"),
        ("z=", "takes nothing"),
        ("c=a,c=b", "named twice"),
        ("depth=3", "did you mean 'z'?"),
        ("q=3", "axes are letters of tczyx"),
        ("z=::-1", "a step of -1 is not above 0"),
        ("z=::0", "a step of 0 is not above 0"),
        ({"z": slice(9, 0, -1)}, "a step of -1"),
        ("z=1:2:3:4", "is not a slice"),
        ("z=top", "neither an index nor a slice"),
        ("y=3|5", "of y one slice is taken"),
        ('c="a', "a quote that is not closed"),
        ({"z": True}, "not a whole number"),
        ({"z": 1.5}, "not a whole number"),
        ({"z": []}, "takes nothing"),
    ],
)
def test_what_does_not_parse_is_said(value: Any, words: str) -> None:
    with pytest.raises(OptionError, match=f"^select: .*{re.escape(words)}"):
        make_options({"select": value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z=0", "the image has no axis 'z'; its axes are tcyx"),
        ("t=7", "t=7 is not there, as t has 6 (0 to 5)"),
        ("t=-7", "t=-7 is not there"),
        ("t=3:3", "t=3:3 takes nothing of t, which has 6 (0 to 5)"),
        ("y=9:", "takes nothing of y"),
        ("c=DAPPI", "no channel is named 'DAPPI'; did you mean 'DAPI'?"),
        ("c=Cy5", "there are DAPI, GFP, Alexa 488, 488"),
        ("c=488", "the channel of that name is c='\"488\"'"),
        ("c=GFP|1", "takes one of them twice"),
        ("t=3|1", "changes the order of t"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(text: str, words: str) -> None:
    with pytest.raises(OptionError, match=re.escape(words)):
        resolve(parse_selection(text), "tcyx", (6, 5, 8, 8), NAMES)


def test_names_are_needed_for_names_and_twins_need_an_index() -> None:
    with pytest.raises(OptionError, match="no channel has a name"):
        resolve(parse_selection("c=GFP"), "cyx", (2, 8, 8), ())
    with pytest.raises(OptionError, match="2 channels are named 'GFP'; give indices, as c=0"):
        resolve(parse_selection("c=GFP"), "cyx", (2, 8, 8), ("GFP", "GFP"))


def test_a_name_is_found_in_any_case_and_the_exact_one_first() -> None:
    assert resolve(parse_selection("c=dapi"), "cyx", (2, 8, 8), ("GFP", "DAPI")).positions[0] == range(1, 2)
    assert resolve(parse_selection("c=gfp"), "cyx", (2, 8, 8), ("GFP", "gfp")).positions[0] == range(1, 2)


def test_a_slice_past_the_end_is_cut_as_pythons_and_said() -> None:
    found = resolve(parse_selection("y=4:4096"), "yx", (8, 8), ())
    assert found.positions[0] == range(4, 8)
    assert found.notices == ("select: y=4:4096 goes past the end, as y has 8 (0 to 7)",)
