"""Colours of label values."""

from __future__ import annotations

import numpy as np
import pytest

import pyramid.viewing.palette as palettes
from pyramid.viewing.palette import Palette, parse_palette


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
    assert parse_palette({"colors": odd}).colors == {}
    wrongs: list[object] = [None, [], {"colors": {}}, {"colors": None}]
    for wrong in wrongs:
        assert parse_palette(wrong).colors == {}
    monkeypatch.setattr(palettes, "MAX_COLORS", 9)
    many = [{"label-value": i, "rgba": [1, 1, 1, 1]} for i in range(20)]
    assert len(parse_palette({"colors": many}).colors) == 9
