"""Laws of the metadata: what is written is valid and comes back, what is broken is told."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pyramid.errors import SourceError
from pyramid.model import AXES, Channel
from pyramid.ngff import WRITABLE, Dataset, Multiscale, attributes, omero_channels, parse
from pyramid.ngff.channels import make_window
from tests.support.validators import validate_attributes

DTYPES = ("bool", "uint8", "uint16", "int32", "uint64", "float16", "float32", "float64")
UNITS = {"t": ("second", None), "c": (None,)}

sizes = st.floats(1e-9, 1e9)
offsets = st.floats(-1e9, 1e9)
anything = st.floats(width=64)
versions = st.sampled_from(WRITABLE)
# Versions in which the transformations of the whole image move its levels.
listed = st.sampled_from(["0.4", "0.5"])
names = st.text(max_size=8)
# Exact in floating point, and so are their products and sums.
dyadic = st.integers(1, 64).map(lambda n: n / 8)


@st.composite
def axes_letters(draw: st.DrawFn) -> str:
    return "".join(axis for axis in AXES if axis in "yx" or draw(st.booleans()))


@st.composite
def images(draw: st.DrawFn) -> Multiscale:
    axes = draw(axes_letters())
    levels = draw(st.integers(1, 4))
    translated = draw(st.booleans())
    datasets = tuple(
        Dataset(
            str(i),
            tuple(draw(sizes) for _ in axes),
            tuple(draw(offsets) for _ in axes) if translated else None,
        )
        for i in range(levels)
    )
    count = draw(st.integers(1, 8)) if "c" in axes else 1
    known = draw(st.booleans())
    channels = tuple(Channel(draw(st.none() | names), None) for _ in range(count)) if known else ()
    measured = [tuple(draw(anything) for _ in range(4)) for _ in range(count)]
    return Multiscale(
        axes=axes,
        units=tuple(draw(st.sampled_from(UNITS.get(axis, ("micrometer", "nanometer", None)))) for axis in axes),
        datasets=datasets,
        name=draw(names),
        method=draw(st.none() | st.sampled_from(("mean", "mode"))),
        channels=draw(
            st.just(omero_channels(channels, draw(st.sampled_from(DTYPES)), measured))  # type: ignore[arg-type]  # of 4
            | st.just(())
        ),
        provenance=draw(st.just({}) | st.just({"name": "ome-pyramid", "version": "1"})),
        default_z=draw(st.integers(0, 9)),
        default_t=draw(st.integers(0, 9)),
    )


def plain(image: Multiscale) -> Multiscale:
    """The image with translations of zeros, without coordinate systems, and without what ``omero`` would hold."""
    zeros = (0.0,) * len(image.axes)
    datasets = tuple(dataclasses.replace(one, translation=one.translation or zeros) for one in image.datasets)
    shown = {} if image.channels else {"default_z": 0, "default_t": 0}
    return dataclasses.replace(image, datasets=datasets, systems=(), **shown)  # type: ignore[arg-type]  # two whole numbers


@given(images(), versions)
def test_what_is_written_comes_back(image: Multiscale, version: str) -> None:
    told = json.loads(json.dumps(attributes(image, version), allow_nan=False))
    assert plain(parse(told)) == plain(image)


@given(images(), versions)
def test_what_is_written_is_valid(image: Multiscale, version: str) -> None:
    named = dataclasses.replace(image, name=image.name or "image")
    validate_attributes(attributes(named, version), version)


@given(st.tuples(anything, anything, anything, anything), st.sampled_from(DTYPES))
def test_windows_are_finite_ordered_and_never_empty(measured: tuple[float, float, float, float], dtype: str) -> None:
    window = make_window(measured, dtype)
    assert all(math.isfinite(value) for value in dataclasses.astuple(window))
    assert window.min <= window.start < window.end <= window.max


@given(st.lists(st.floats(-1e300, 1e300), min_size=4, max_size=4, unique=True), st.sampled_from(DTYPES))
def test_what_was_measured_is_kept(values: list[float], dtype: str) -> None:
    low, start, end, high = sorted(values)
    assert dataclasses.astuple(make_window((low, high, start, end), dtype)) == (low, high, start, end)


@given(st.data(), listed)
def test_the_transformation_of_the_whole_image_follows_that_of_the_level(data: st.DataObject, version: str) -> None:
    scale, moved, outer_scale, outer_moved, point = (
        data.draw(st.lists(dyadic, min_size=2, max_size=2)) for _ in range(5)
    )
    told = attributes(Multiscale("yx", (None, None), (Dataset("0", tuple(scale), tuple(moved)),)), version)
    told.get("ome", told)["multiscales"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": outer_scale},
        {"type": "translation", "translation": outer_moved},
    ]
    dataset = parse(told).datasets[0]
    assert dataset.scale is not None
    assert dataset.translation is not None
    for axis in range(2):
        pixel, *steps = (Fraction(values[axis]) for values in (point, scale, moved, outer_scale, outer_moved))
        expected = (pixel * steps[0] + steps[1]) * steps[2] + steps[3]
        assert pixel * Fraction(dataset.scale[axis]) + Fraction(dataset.translation[axis]) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | anything | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def replace_somewhere(value: Any, replacement: Any, choose: Any) -> Any:
    """`value` with one of the values within it replaced."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or choose(st.integers(0, 3)) == 0:
        return replacement
    key = choose(st.sampled_from(keys))
    changed = value.copy()
    changed[key] = replace_somewhere(value[key], replacement, choose)
    return changed


@given(images(), versions, json_values, st.data())
def test_broken_metadata_is_told_or_read_but_never_worse(
    image: Multiscale, version: str, replacement: Any, data: st.DataObject
) -> None:
    root = replace_somewhere(attributes(image, version), replacement, data.draw)
    try:
        found = parse(root if isinstance(root, dict) else {"root": root})
    except SourceError as error:
        told = str(error)
    else:
        told = "read"
        assert all(len(dataset.scale or found.axes) == len(found.axes) for dataset in found.datasets)
    assert 0 < len(told) < 300
