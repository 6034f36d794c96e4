"""The ends of windows, gamma, and values that are no numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.rendering.blend import ChannelStyle, blend, brightness


@pytest.mark.parametrize("inverted", [False, True])
def test_not_a_number_is_black_and_infinity_is_an_end(inverted: bool) -> None:
    plane = np.array([[np.nan, -np.inf, np.inf]])
    ends = [255, 0] if inverted else [0, 255]
    assert blend([plane], [ChannelStyle("FF0000", (0, 1), inverted=inverted)])[0, :, 0].tolist() == [0, *ends]


def test_the_widest_window_of_floats_does_not_overflow() -> None:
    most = np.finfo(np.float64).max
    plane: NDArray[np.float64] = np.array([[-most, 0, most]])
    assert brightness(plane, ChannelStyle("FFFFFF", (-most, most)))[0].tolist() == [0, 0.5, 1]


def test_gamma_is_an_exponent_of_the_brightness() -> None:
    plane = np.array([[0, 1, 2, 3, 4]])
    found = blend([plane], [ChannelStyle("FFFFFF", (0, 4), gamma=2)])[0, :, 0]
    assert found.tolist() == [round(255 * (value / 4) ** 2) for value in range(5)]


def test_a_window_without_a_span_divides_by_nothing() -> None:
    assert blend([np.array([[3, 5]])], [ChannelStyle("FFFFFF", (4, 4))]).tolist() == [[[0] * 3, [0] * 3]]


def test_a_style_for_each_plane_is_asked_for() -> None:
    for height in (0, 1):
        with pytest.raises(ValueError, match="1 planes need as many styles, not 0"):
            blend([np.zeros((height, 1))], [])
