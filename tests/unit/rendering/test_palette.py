"""Colours of label values."""

from __future__ import annotations

import numpy as np
import pytest

from pyramid.ngff import label_colors
from pyramid.ngff.label_colors import read_label_colors
from pyramid.rendering.palette import Palette


def test_labels_of_every_integer_have_a_colour() -> None:
    limits = np.array([[0, 2**64 - 1, 2**63]], np.uint64)
    assert Palette({}).paint(limits)[0, :, 3].tolist() == [0, 255, 255]
    assert Palette({}).paint(np.array([[-1, 0, 1]], np.int8))[0, :, 3].tolist() == [255, 0, 255]


def test_given_colours_are_those_of_their_values_also_below_zero() -> None:
    palette = Palette({-1: (1, 2, 3, 4), 0: (9, 9, 9, 9), 2**64 - 1: (1, 2, 3, 4), 300: (5, 6, 7, 8)})
    assert palette.paint(np.array([[-1, 0]], np.int16))[0].tolist() == [[1, 2, 3, 4], [9, 9, 9, 9]]
    assert palette.paint(np.array([[300, 2**64 - 1]], np.uint64))[0].tolist() == [[5, 6, 7, 8], [1, 2, 3, 4]]


def test_what_is_odd_in_metadata_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [None, 3, {}, {"label-value": True, "rgba": [1] * 4}, {"label-value": 2**70, "rgba": [1] * 4}]
    odd += [{"label-value": 1, "rgba": value} for value in (None, [1, 2, 3], [1, 2, 3, 256], [1, 2, 3, "4"], "abcd")]
    assert read_label_colors({"colors": odd}) == {}
    wrongs: list[object] = [None, [], {"colors": {}}, {"colors": None}]
    for wrong in wrongs:
        assert read_label_colors(wrong) == {}
    monkeypatch.setattr(label_colors, "MAX_COLORS", 9)
    many = [{"label-value": i, "rgba": [1, 1, 1, 1]} for i in range(20)]
    assert len(read_label_colors({"colors": many})) == 9


def test_colours_on_black_are_as_opaque_as_they_are_given() -> None:
    palette = Palette({1: (200, 100, 0, 255), 2: (200, 100, 0, 51)})
    assert palette.paint_opaque(np.array([[0, 1, 2]]))[0].tolist() == [[0, 0, 0], [200, 100, 0], [40, 20, 0]]
