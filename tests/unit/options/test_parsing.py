"""What users write becomes values, or one sentence with the remedy."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.errors import OptionError
from pyramid.options import parsing
from pyramid.options.factors import parse_factors
from pyramid.options.nearest import unknown
from pyramid.options.one_of import one_of

GOOD: list[tuple[Callable[[Any], Any], object, object]] = [
    (parsing.text, "cells", "cells"),
    (parsing.text, Path("a/b"), "a/b"),
    (one_of("0.4", "0.5"), 0.5, "0.5"),  # YAML reads 0.5 as a number
    (parsing.switch, True, True),
    (parsing.count, "7", 7),
    (parsing.count, np.int64(7), 7),
    (parsing.count_from_zero, 0, 0),
    (parsing.byte_count, "2GiB", 2**31),
    (parsing.byte_count, "500 MB", 500_000_000),
    (parsing.byte_count, "1.5k", 1500),
    (parsing.byte_count, 10, 10),
    (parsing.axes, "czyx", "czyx"),
    (parsing.axes, "ZYX", "zyx"),
    (parsing.axes, "Z, Y, X", "zyx"),
    (parsing.axes, ["y", "x"], "yx"),
    (parsing.scale, "z=0.5, y=1e-1,x=.1", {"z": 0.5, "y": 0.1, "x": 0.1}),
    (parsing.scale, {"Y": 1, "x": 2.5}, {"y": 1.0, "x": 2.5}),
    (parsing.units, "z=um,y=µm,x=\u03bcm", {"z": "micrometer", "y": "micrometer", "x": "micrometer"}),
    (parsing.units, {"x": "Microns", "y": "MICROMETRES", "t": "Seconds"}, None),
    (parsing.units, "x=Å,y=nm,z=mm,t=ms", {"x": "angstrom", "y": "nanometer", "z": "millimeter", "t": "millisecond"}),
    (parsing.units, " nm ", "nanometer"),
    (parsing.names, "DAPI, GFP", ("DAPI", "GFP")),
    (parsing.names, ["a,b", "c"], ("a,b", "c")),
    (parsing.colors, "#00ff00,0000FF", ("00FF00", "0000FF")),
    (parse_factors, "auto", "auto"),
    (parse_factors, ("auto",), "auto"),
    (parse_factors, "yx", "yx"),
    (parse_factors, ("zyx",), "zyx"),
    (parse_factors, " XYZ ", "zyx"),
    (parse_factors, "y=2,x=2", ({"y": 2, "x": 2},)),
    (parse_factors, ["y=2", {"y": 3, "x": 1}], ({"y": 2}, {"y": 3, "x": 1})),
    (parsing.chunks, "auto", "auto"),
    (parsing.chunks, {"y": 64}, {"y": 64}),
    (parsing.shards, "none", "none"),
    (parsing.shards, "y=64", {"y": 64}),
    (parsing.mapping, '{"anon": true}', {"anon": True}),
    (parsing.mapping, {"key": "x"}, {"key": "x"}),
]


@pytest.mark.parametrize(("parse", "value", "expected"), [row for row in GOOD if row[2] is not None])
def test_values(parse: Callable[[Any], Any], value: object, expected: object) -> None:
    found = parse(value)
    assert (type(found), found) == (type(expected), expected)


def test_long_units_are_known_in_any_case_and_number() -> None:
    told = parsing.units({"x": "Microns", "y": "MICROMETRES", "t": "Seconds"})
    assert told == {"x": "micrometer", "y": "micrometer", "t": "second"}


BAD: list[tuple[Callable[[Any], Any], object, str]] = [
    (parsing.text, "", "empty"),
    (parsing.text, 3, "3 is not text"),
    (parsing.method, statistics.median, "is a function; give the name of a method, as 'median'"),
    (one_of("a", "b"), "c", "'c' is not one of: a, b"),
    (parsing.switch, "true", "'true' is not true or false"),
    (parsing.switch, 1, "1 is not true or false"),
    (parsing.count, 0, "0 is below 1"),
    (parsing.count, True, "True is not a whole number"),
    (parsing.count, "2.5", "'2.5' is not a whole number"),
    (parsing.count_from_zero, -1, "-1 is below 0"),
    (parsing.byte_count, "lots", "as 2GiB or 500MB"),
    (parsing.byte_count, "-1GiB", "as 2GiB or 500MB"),
    (parsing.byte_count, "0", "below one byte"),
    (parsing.byte_count, True, "not a number of bytes"),
    (parsing.axes, "qyx", "unknown axis 'q' in 'qyx'; axes are letters of tczyx"),
    (parsing.axes, "yyx", "axis 'y' is named twice in 'yyx'"),
    (parsing.axes, "cz", "'cz' lacks y or x"),
    (parsing.axes, "", "lacks y or x"),
    (parsing.axes, 3, "3 is not a list"),
    (parsing.scale, "0.5,0.1", "'0.5' names no axis; write y=0.5,x=0.1"),
    (parsing.scale, "z=0,5", "'5' in 'z=0,5' names no axis; write a decimal with a point"),
    (parsing.scale, "z=0", "z: 0 is not a size; a pixel is above 0 and finite"),
    (parsing.scale, "z=-1", "not a size"),
    (parsing.scale, "z=nan", "not a size"),
    (parsing.scale, "z=inf", "not a size"),
    (parsing.scale, "z=wide", "z: 'wide' is not a number"),
    (parsing.scale, "z=1,Z=2", "axis 'z' is named twice"),
    (parsing.scale, "zy=1", "unknown axis 'zy'"),
    (parsing.scale, (0.5, 0.1), "(0.5, 0.1) names no axes; give y=0.5,x=0.1, or a mapping"),
    (parsing.units, "um,nm", "'um' names no axis; write micrometer, or z=micrometer"),
    (parsing.units, "s", "'s' is a unit of time, and a unit without an axis is one of length; write t=second"),
    (parsing.units, "micormeter", "unknown unit 'micormeter'; did you mean 'micrometer'"),
    (parsing.scale, "0.5", "0.5 names no axis, and voxels are often deeper than wide; write y=0.5,x=0.5, and z="),
    (parsing.scale, 0.5, "write y=0.5,x=0.5, and z="),
    (one_of("byte", "bit"), "wide", "'wide' is not one of: byte, bit; give one of these"),
    (parsing.units, "z=micrometre2", "did you mean 'micrometer'"),
    (parsing.units, "z=MM", "unknown unit 'MM'"),  # neither a megameter nor a millimeter
    (parsing.units, "c=meter", "channels have no unit"),
    (parsing.units, "t=meter", "t: unknown unit 'meter'"),
    (parsing.colors, "red", "'red' is not a colour; it has six hexadecimal digits"),
    (parsing.names, "a,,b", "empty"),
    (parsing.names, {"a": 1}, "is not a list"),
    (parse_factors, "y=0", "y: 0 is below 1"),
    (parse_factors, "2", "'2' names no axis; write y=2,x=2"),
    (parse_factors, [], "the list is empty"),
    (parse_factors, ["auto", "y=2"], "'auto' stands for all levels, but 2 values are given; give it as the only one"),
    (parse_factors, ["yx", "zyx"], "'yx' stands for all levels"),
    (parse_factors, "tyx", "'tyx' are not axes that are halved together; give auto, yx or zyx"),
    (parse_factors, "cyx", "'cyx' are not axes that are halved together"),
    (parse_factors, "yyx", "'yyx' are not axes"),
    (parse_factors, "z", "'z' are not axes that are halved together"),
    (parse_factors, "half", "'half' names no axis; give auto, yx or zyx, or factors by axis, as z=1,y=2,x=2"),
    (parsing.chunks, "y=0", "y: 0 is below 1"),
    (parsing.chunks, "1,64,32", "'1' names no axis; write z=1,y=64,x=32"),
    (parsing.scale, "0,5", "'0' names no axis; write z=0.5,y=0.1,x=0.1"),
    (parsing.chunks, 64, "64 names no axes; give y=64,x=64, or a mapping"),
    (parsing.shards, "y=x", "y: 'x' is not a whole number"),
    (parsing.mapping, "{x", "not JSON"),
    (parsing.mapping, "[1]", "not a mapping"),
    (parsing.mapping, {1: 2}, "not a mapping"),
]


@pytest.mark.parametrize(("parse", "value", "told"), BAD)
def test_mistakes(parse: Callable[[Any], Any], value: object, told: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(value)
    assert told in str(caught.value)


@given(st.text())
def test_whatever_is_written_is_a_value_or_a_sentence(text: str) -> None:
    for parse in (parsing.axes, parsing.scale, parsing.units, parsing.chunks, parsing.shards, parsing.byte_count):
        with contextlib.suppress(OptionError):
            assert parse(text)


@given(st.dictionaries(st.sampled_from("tczyx"), st.integers(1, 2**40), min_size=1))
def test_counts_by_axis_are_read_as_they_are_written(extents: dict[str, int]) -> None:
    assert parsing.chunks(",".join(f"{axis}={n}" for axis, n in extents.items())) == extents


def test_what_is_unknown_is_answered_with_the_nearest() -> None:
    assert unknown("method", "maen", ["mean", "mode"]) == "unknown method 'maen'; did you mean 'mean'?"
    assert unknown("method", "zzz", ["b", "a"]) == "unknown method 'zzz'; choose one of: a, b"
