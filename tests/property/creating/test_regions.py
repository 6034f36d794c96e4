"""The laws: a key and an array mean what they mean to NumPy, and parts of an object are what a mask says."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyramid.creating.coverage import Coverage
from pyramid.creating.regions import fit_array, parse_region
from pyramid.model import Box


@st.composite
def spans(draw: st.DrawFn, length: int) -> Any:
    """An index or a slice of an axis."""
    if draw(st.booleans()):
        return draw(st.sampled_from((int, np.int16)))(draw(st.integers(-length, length - 1)))
    start, stop = draw(st.integers(0, length)), draw(st.integers(0, length))
    return slice(draw(st.sampled_from((start, None, start - length))), draw(st.sampled_from((stop, None))))


@given(st.data())
def test_an_assignment_is_that_of_numpy(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=4)))
    parts = [data.draw(spans(length)) for length in shape]
    dots = data.draw(st.integers(0, len(parts)))
    key = tuple(parts[:dots]) if data.draw(st.booleans()) else (*parts[:dots], ..., *parts[dots + 1 :])
    wanted = np.zeros(shape, "int32")
    taken = wanted[key].shape
    less = data.draw(st.integers(0, len(taken)))
    given_shape = tuple(data.draw(st.sampled_from((n, 1))) for n in taken[less:])
    value = np.arange(1, 1 + int(np.prod(given_shape)), dtype="int16").reshape(given_shape)
    wanted[key] = value
    region = parse_region(key, "tczyx"[: len(shape)], shape)
    made = np.zeros(shape, "int32")
    made[region.box.slices] = fit_array(value, region, made.dtype)
    assert np.array_equal(made, wanted)


@st.composite
def boxes(draw: st.DrawFn, whole: Box) -> Box:
    """A box within another."""
    ends = [sorted(draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))) for n in whole.shape]
    start = tuple(a + low for a, (low, _) in zip(whole.start, ends, strict=True))
    return Box(start, tuple(high - low + 1 for low, high in ends))


@given(st.data())
def test_a_coverage_is_that_of_a_mask(data: st.DataObject) -> None:
    whole = Box((4, 2, 0), data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))))
    coverage, mask = Coverage(whole), np.zeros([a + n for a, n in zip(whole.start, whole.shape, strict=True)], bool)
    for _ in range(data.draw(st.integers(1, 8))):
        box = data.draw(boxes(whole))
        missing = np.zeros(mask.shape, int)
        for part in coverage.missing(box):
            missing[part.slices] += 1
        assert np.array_equal(missing[box.slices] == 1, ~mask[box.slices])
        assert missing.sum() == (~mask[box.slices]).sum()
        for part in coverage.covered(box):
            assert mask[part.slices].all()
        coverage.add(box)
        mask[box.slices] = True
        assert sum(part.size_px for part in coverage.boxes) == mask.sum()
        assert coverage.is_whole == mask[whole.slices].all()
