"""The blending of channels, against exact fractions and against matplotlib's colours."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyramid.rendering.blend import ChannelStyle, blend

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


def _expected(values: list[Any], style: ChannelStyle) -> list[list[Fraction]]:
    """Red, green and blue of each value, by fractions."""
    low, high = map(Fraction, style.window)
    shares = [min(max((Fraction(value) - low) / (high - low), Fraction(0)), Fraction(1)) for value in values]
    shares = [1 - share if style.inverted else share for share in shares]
    return [[share * int(style.color[i : i + 2], 16) for i in (0, 2, 4)] for share in shares]


@given(
    st.lists(st.lists(st.integers(0, 100), min_size=4, max_size=4), min_size=1, max_size=4),
    st.data(),
    st.sampled_from(DTYPES),
)
def test_colours_add_up_within_one_grey_level(rows: list[list[int]], data: st.DataObject, dtype: str) -> None:
    planes = [np.array([row]).astype(dtype) for row in rows]
    starts = st.integers(-20, 90)
    styles = [
        ChannelStyle(
            f"{data.draw(st.integers(0, 2**24 - 1)):06X}", (low, low + data.draw(st.integers(1, 80))), 1.0, inverted
        )
        for low, inverted in ((data.draw(starts), data.draw(st.booleans())) for _ in rows)
    ]
    parts = [
        _expected([value.item() for value in plane[0]], style) for plane, style in zip(planes, styles, strict=True)
    ]
    exact = [[min(sum((part[i][c] for part in parts), Fraction()), Fraction(255)) for c in range(3)] for i in range(4)]
    found = blend(planes, styles)
    assert found.shape == (1, 4, 3)
    assert found.dtype == np.uint8
    assert all(abs(int(found[0, i, c]) - exact[i][c]) <= Fraction(1, 2) for i in range(4) for c in range(3))


def test_a_ramp_of_grey_is_that_of_matplotlib() -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    plane = np.linspace(-10, 300, 500).reshape(20, 25)
    theirs = colormaps["gray"].resampled(2**16)(Normalize(0, 255, clip=True)(plane))[..., :3] * 255
    ours = blend([plane], [ChannelStyle("FFFFFF", (0, 255))])
    assert np.abs(ours - theirs).max() <= 1
