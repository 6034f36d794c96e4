"""Laws of the names of many files: what a pattern makes, it reads back to the same places."""

from __future__ import annotations

import itertools
import pickle
import re
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from pyramid.readers.patterns.guessing import guess_template
from pyramid.readers.patterns.listing import Entry, Listing
from pyramid.readers.patterns.mapping import Mapping, map_files
from pyramid.readers.patterns.names import Names, index_of, make_names, place_of
from pyramid.readers.patterns.template import Field, Template, parse_template

# Letters of literal text: those that mean something in patterns and expressions, and others.
LITERALS = st.text("ab_-. ()[]{}+^$é界", min_size=1, max_size=4).filter(lambda text: text[0] != "." and text.strip())
CHANNELS = st.text("ABcd é界[{", min_size=1, max_size=4)


@st.composite
def axis_values(draw: st.DrawFn, axis: str) -> tuple[Field, list[str]]:
    """A field, and the texts of its values in order."""
    count = draw(st.integers(1, 4))
    if axis == "c" and draw(st.booleans()):
        texts = draw(st.lists(CHANNELS, min_size=count, max_size=count, unique_by=str.casefold))
        return Field(axis), sorted(texts, key=lambda text: (text.casefold(), text))
    first, step = draw(st.integers(0, 12)), draw(st.integers(1, 10))
    width = draw(st.integers(0, 4))
    return Field(axis, is_number=True), [f"{first + i * step:0{width}d}" for i in range(count)]


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Template, dict[str, list[str]]]:
    """A pattern, and the texts of each of its fields in order."""
    axes = draw(st.lists(st.sampled_from("tcz"), min_size=1, max_size=3, unique=True))
    values = {axis: draw(axis_values(axis)) for axis in axes}
    parts: list[str | Field] = []
    for axis in axes:
        parts += [draw(LITERALS) + draw(st.sampled_from(["", "/"])), values[axis][0]]
    used = "".join(part for part in parts if isinstance(part, str))
    texts = {axis: texts for axis, (_, texts) in values.items()}
    ending = draw(st.sampled_from([".tif", "_x.TIFF"]))
    # a channel whose name holds what follows it could be cut at either place
    assume(not any(set(text) & set(used + ending) for axis in axes for text in texts[axis] if not text.isdigit()))
    assume(all(part and not part.startswith((".", " ")) for part in used.split("/") if part != ""))
    return Template((*parts, ending)), texts


def listing(names: list[str]) -> Listing:
    return Listing("/data", tuple(map(Entry, names)), "the folder /data")


def names_of(template: Template, texts: dict[str, list[str]]) -> dict[tuple[int, ...], str]:
    """The name of each place, with axes in the order of tcz; made by plain joining."""
    axes = [axis for axis in "tcz" if axis in texts]
    found = {}
    for index in itertools.product(*(range(len(texts[axis])) for axis in axes)):
        at = dict(zip(axes, index, strict=True))
        found[index] = "".join(
            part if isinstance(part, str) else texts[part.name][at[part.name]] for part in template.parts
        )
    return found


@given(patterns(), st.randoms())
def test_names_that_a_pattern_makes_are_read_back_to_their_places(
    drawn: tuple[Template, dict[str, list[str]]], random: Any
) -> None:
    template, texts = drawn
    made = names_of(template, texts)
    shuffled = list(made.values())
    random.shuffle(shuffled)
    parsed = parse_template(str(template))
    assert str(parsed) == str(template)
    mapping = map_files(parsed, listing(shuffled))
    assert mapping.axes == "".join(axis for axis in "tcz" if axis in texts)
    assert mapping.missing == 0
    assert {index: mapping.names.at(index) for index in made} == made


@given(patterns(), st.data())
def test_what_is_missing_is_named(drawn: tuple[Template, dict[str, list[str]]], data: st.DataObject) -> None:
    template, texts = drawn
    made = names_of(template, texts)
    lost = data.draw(st.sampled_from(list(made)))
    left = {index: name for index, name in made.items() if index != lost}
    # each value is still in some name, and numbers keep their distances
    assume(all(len({index[i] for index in left}) == n for i, n in enumerate(map(len, _texts(texts)))))
    mapping = map_files(template, listing(list(left.values())))
    assert mapping.missing == 1
    assert mapping.examples == (made[lost],)
    assert mapping.names.at(lost) is None
    assert {index: mapping.names.at(index) for index in left} == left


def _texts(texts: dict[str, list[str]]) -> list[list[str]]:
    return [texts[axis] for axis in "tcz" if axis in texts]


@given(st.permutations(["t", "c", "z"]), st.lists(st.integers(2, 4), min_size=3, max_size=3), st.integers(1, 4))
def test_numbers_after_letters_are_found_without_a_pattern(axes: list[str], counts: list[int], width: int) -> None:
    words = {"t": "T", "c": "ch", "z": "slice"}
    names = {
        index: "run7_" + "_".join(f"{words[a]}{i:0{width}d}" for a, i in zip(axes, index, strict=True)) + ".ome.tif"
        for index in np.ndindex(*counts)
    }
    guess = guess_template(list(names.values()))
    assert guess is not None
    mapping = map_files(guess.template, listing(list(names.values())))
    for index, name in names.items():
        place = tuple(index[axes.index(axis)] for axis in "tcz")
        assert mapping.names.at(place) == name


@given(st.lists(st.integers(1, 5), min_size=0, max_size=4), st.data())
def test_the_number_of_a_place_is_numpys(shape: list[int], data: st.DataObject) -> None:
    index = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    place = place_of(index, tuple(shape))
    assert place == (int(np.ravel_multi_index(index, shape)) if shape else 0)
    assert index_of(place, tuple(shape)) == index


@given(st.dictionaries(st.integers(0, 11), st.text(min_size=1, max_size=5)))
def test_names_that_no_pattern_makes_are_kept(files: dict[int, str]) -> None:
    names = make_names(("z", 0, "c", 1), (("0", "1", "2"), tuple("abcd")), files)
    again: Names = pickle.loads(pickle.dumps(names))
    assert {place: name for place in range(12) if (name := again.at(index_of(place, (3, 4))))} == files


def test_a_pickle_holds_values_and_not_names() -> None:
    template = parse_template("a_long_name_of_an_experiment_t{t:d}_z{z:d}.tif")
    names = [f"a_long_name_of_an_experiment_t{t:04d}_z{z:03d}.tif" for t in range(200) for z in range(100)]
    mapping: Mapping = map_files(template, listing(names))
    assert len(pickle.dumps(mapping.names)) < 4 * (200 + 100) * len("0000") + 1000
    assert not re.search(b"experiment_t0001", pickle.dumps(mapping.names))
