"""The percentiles of a histogram are numpy's percentiles of the values, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pyramid.writing.metadata import SHOWN_PERCENT, _percentiles_by_counts


@given(st.sampled_from(["uint8", "uint16"]).flatmap(lambda dtype: arrays(dtype, st.integers(1, 3000))))
def test_percentiles_by_counts_are_those_of_numpy(values: Any) -> None:
    expected = np.percentile(values.astype("float64"), SHOWN_PERCENT)
    assert _percentiles_by_counts(values) == tuple(map(float, expected))


@given(st.integers(0, 2**32 - 1), st.integers(1, 200_000), st.integers(1, 2**16))
def test_percentiles_of_many_values(seed: int, size: int, most: int) -> None:
    values = np.random.default_rng(seed).integers(0, most, size).astype("uint16")
    expected = np.percentile(values.astype("float64"), SHOWN_PERCENT)
    assert _percentiles_by_counts(values) == tuple(map(float, expected))
