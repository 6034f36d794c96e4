"""Planes at another size, against scikit-image's mean over areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize_local_mean

from pyramid.previewing import resampling
from pyramid.previewing.resampling import resample

sides = st.integers(1, 40)


@given(st.tuples(sides, sides), st.data())
def test_a_smaller_plane_is_the_mean_over_areas(shape: tuple[int, int], data: Any) -> None:
    smaller = (data.draw(st.integers(1, shape[0])), data.draw(st.integers(1, shape[1])))
    plane = np.random.default_rng(shape[0] * 41 + shape[1]).random(shape)
    expected = resize_local_mean(plane, smaller, grid_mode=True)
    np.testing.assert_allclose(resample(plane, smaller), expected, atol=1e-12)


@given(st.tuples(sides, sides), st.integers(1, 4), st.integers(1, 4))
def test_a_larger_plane_repeats_its_pixels(shape: tuple[int, int], tall: int, wide: int) -> None:
    plane = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    found = resample(plane, (shape[0] * tall, shape[1] * wide))
    assert found.dtype == plane.dtype
    np.testing.assert_array_equal(found, plane.repeat(tall, 0).repeat(wide, 1))


@given(st.tuples(sides, sides), sides, sides)
def test_without_means_each_pixel_is_one_of_the_plane(shape: tuple[int, int], tall: int, wide: int) -> None:
    plane = np.random.default_rng(6).integers(0, 2**62, shape)
    found = resample(plane, (tall, wide), nearest=True)
    assert found.shape == (tall, wide)
    assert set(found.ravel().tolist()) <= set(plane.ravel().tolist())


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    plane = np.random.default_rng(3).integers(0, 255, (101, 77), "uint8")
    whole = resample(plane, (31, 20))
    monkeypatch.setattr(resampling, "BAND_PX", 300)
    np.testing.assert_allclose(resample(plane, (31, 20)), whole, atol=1e-12)


@given(st.tuples(sides, sides), st.data())
def test_infinity_and_nan_reach_each_pixel_that_covers_them(shape: tuple[int, int], data: Any) -> None:
    smaller = (data.draw(st.integers(1, shape[0])), data.draw(st.integers(1, shape[1])))
    at = (data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1)))
    value = data.draw(st.sampled_from([np.inf, -np.inf, np.nan]))
    plane = np.random.default_rng(shape[0]).random(shape)
    plane[at] = value
    covers = [
        [i for i in range(small) if i * large < (a + 1) * small and (i + 1) * large > a * small]
        for a, large, small in zip(at, shape, smaller, strict=True)
    ]
    found = resample(plane, smaller)
    expected = np.zeros(smaller, bool)
    expected[np.ix_(*covers)] = True
    np.testing.assert_array_equal(~np.isfinite(found), expected)
    np.testing.assert_array_equal(found[expected], value)


def test_a_pixel_that_is_nan_is_in_no_pixel_that_does_not_cover_it() -> None:
    plane = np.ones((4, 4))
    plane[1, 1] = np.nan
    assert np.isnan(resample(plane, (2, 2))).tolist() == [[True, False], [False, False]]
