"""What a task tells of its pixels."""

from __future__ import annotations

import math
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyramid.engine.receipt import Receipt
from pyramid.model import Box
from pyramid.testing.pixels import DTYPES
from pyramid.testing.pixels import make_pixels as pixels
from pyramid.writing.extremes import Extremes, measure
from tests.support.strategies import generators, kinds

NOTHING = Extremes(None, None)
extremes = st.just(NOTHING) | st.tuples(st.integers(), st.integers()).map(lambda pair: Extremes(*sorted(pair)))


@given(generators(), kinds, st.sampled_from(DTYPES), st.integers(1, 3), st.integers(0, 5))
def test_each_channel_is_measured(rng: np.random.Generator, kind: str, dtype: str, channels: int, first: int) -> None:
    block = pixels(rng, kind, (2, channels, 3, 4), dtype)
    told = measure(block, Box((0, first, 0, 0), block.shape), "tcyx")
    assert [channel for channel, _ in told] == list(range(first, first + channels))
    for index, (_, seen) in enumerate(told):
        values = block[:, index].ravel().tolist()
        assert seen == Extremes(min(values), max(values))


def test_one_channel_where_there_is_no_axis_of_them() -> None:
    assert measure(np.array([[3, 1], [2, 9]]), Box((5, 6), (2, 2)), "yx") == ((0, Extremes(1, 9)),)


def test_nan_is_passed_over() -> None:
    block = np.array([[[np.nan, 2.0], [1.0, np.nan]], [[np.nan, np.nan], [np.nan, np.nan]]], "f2")
    assert measure(block, Box((0, 0, 0), block.shape), "cyx") == ((0, Extremes(1.0, 2.0)), (1, NOTHING))


def test_values_are_exact_and_plain() -> None:
    block = np.array([[2**63 - 1, -(2**63)]], "i8")
    ((_, seen),) = measure(block, Box((0, 0), (1, 2)), "yx")
    assert seen == Extremes(-(2**63), 2**63 - 1)
    assert type(seen.least) is int


def test_infinity_counts() -> None:
    ((_, seen),) = measure(np.array([[math.inf, 0.0]]), Box((0, 0), (1, 2)), "yx")
    assert seen == Extremes(0.0, math.inf)


@given(extremes, extremes, extremes)
def test_joining_knows_no_order(a: Extremes, b: Extremes, c: Extremes) -> None:
    assert a.joined(b) == b.joined(a)
    assert a.joined(b).joined(c) == a.joined(b.joined(c))
    assert a.joined(NOTHING) == a == a.joined(a)


def test_a_receipt_travels_small() -> None:
    receipt = Receipt(7, 2**25, ((0, Extremes(0, 65535)),))
    carried = pickle.dumps(receipt)
    assert pickle.loads(carried) == receipt
    assert len(carried) < 300
