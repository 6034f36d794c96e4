"""Tests of a downsampling method.

Inherit `MethodContract` and give it `method`.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.errors import OptionError
from pyramid.model import Box, reduced_shape
from pyramid.planning import widened
from pyramid.reduce import Method, NeighbourhoodMethod, load_method, margins_of
from pyramid.testing.pixels import make_pixels


def apply(method: Method, array: NDArray[Any], factors: tuple[int, ...]) -> NDArray[Any]:
    """Return `array` reduced by `factors`."""
    out = np.empty(reduced_shape(array.shape, factors), array.dtype)
    method(array, array.shape, factors, out)
    return out


def apply_to_part(method: Method, array: NDArray[Any], box: Box, factors: tuple[int, ...]) -> NDArray[Any]:
    """Return the windows of a box, made from only the pixels that count."""
    margins = margins_of(method, factors)
    if margins is None:
        return apply(method, np.ascontiguousarray(array[box.slices]), factors)
    assert isinstance(method, NeighbourhoodMethod)
    around = widened(box, margins, array.shape)
    part = np.ascontiguousarray(array[around.slices])
    out = np.empty(reduced_shape(box.shape, factors), array.dtype)
    first = tuple(a - b for a, b in zip(box.start, around.start, strict=True))
    method.reduce_part(part, part.shape, first, factors, out)
    return out


class MethodContract:
    """Tests of one method; `dtypes` are those that they are run for."""

    dtypes: tuple[str, ...] = ("bool", "uint16", "float16", "float32")

    @pytest.fixture
    def method(self) -> Method:
        raise NotImplementedError("a subclass gives the method that it tests")

    @pytest.fixture
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(7)

    def test_it_is_found_by_its_name(self, method: Method) -> None:
        assert isinstance(method, Method)
        assert load_method(method.name) == method

    def test_it_travels_to_other_processes(self, method: Method) -> None:
        assert pickle.loads(pickle.dumps(method)) == method

    def test_a_flat_image_stays_flat(self, method: Method) -> None:
        for dtype in self.dtypes:
            array = np.full((3, 5, 7), 1, dtype)
            np.testing.assert_array_equal(apply(method, array, (2, 2, 2)), np.full((2, 3, 4), 1, dtype))

    def test_factors_of_one_change_nothing(self, method: Method, rng: np.random.Generator) -> None:
        array = make_pixels(rng, "any", (3, 4, 5), "uint16")
        np.testing.assert_array_equal(apply(method, array, (1, 1, 1)), array)

    def test_padding_is_neither_read_nor_written(self, method: Method, rng: np.random.Generator) -> None:
        for dtype in self.dtypes:
            array = make_pixels(rng, "any", (3, 5, 7), dtype)
            padded = make_pixels(rng, "extreme", (4, 8, 8), dtype)
            padded[:3, :5, :7] = array
            out = make_pixels(rng, "any", (3, 4, 6), dtype)
            expected = out.copy()
            expected[:2, :3, :4] = apply(method, array, (2, 2, 2))
            method(padded, (3, 5, 7), (2, 2, 2), out)
            np.testing.assert_array_equal(out, expected)

    def test_an_image_reduced_in_parts_is_the_same(self, method: Method, rng: np.random.Generator) -> None:
        for dtype in self.dtypes:
            array = make_pixels(rng, "any", (5, 9, 11), dtype)
            whole = apply(method, array, (2, 2, 2))
            for z, y in np.ndindex(3, 3):
                box = Box((2 * z, 4 * y, 0), (min(2, 5 - 2 * z), min(4, 9 - 4 * y), 11))
                found = apply_to_part(method, array, box, (2, 2, 2))
                np.testing.assert_array_equal(found, whole[z : z + 1, 2 * y : 2 * y + 2])

    def test_threads_do_not_disturb_each_other(self, method: Method, rng: np.random.Generator) -> None:
        arrays = [make_pixels(rng, "any", (4, 64, 64), "uint16") for _ in range(8)]
        expected = [apply(method, array, (2, 2, 2)) for array in arrays]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda array: apply(method, array, (2, 2, 2)), arrays))
        np.testing.assert_array_equal(found, expected)

    def test_the_input_is_left_alone(self, method: Method, rng: np.random.Generator) -> None:
        array = make_pixels(rng, "any", (4, 6, 8), "uint16")
        before = array.copy()
        apply(method, array, (2, 2, 2))
        np.testing.assert_array_equal(array, before)

    def test_an_empty_image_gives_an_empty_one(self, method: Method) -> None:
        assert apply(method, np.empty((0, 6, 8), "uint16"), (2, 2, 2)).shape == (0, 3, 4)

    @pytest.mark.parametrize(
        ("shape", "factors", "out_shape", "words"),
        [
            ((4, 4), (2, 0), (2, 2), "at least 1"),
            ((4, 4), (2, 2, 2), (2, 2), "for each axis"),
            ((4, 4), (2, 2), (2, 1), "smaller than the extent"),
            ((1, 1, 1, 1, 1, 4), (1, 1, 1, 1, 1, 2), (1, 1, 1, 1, 1, 2), "1 to 5 axes"),
        ],
    )
    def test_arguments_that_do_not_fit_are_refused(
        self, method: Method, shape: tuple[int, ...], factors: tuple[int, ...], out_shape: tuple[int, ...], words: str
    ) -> None:
        with pytest.raises(OptionError, match=words):
            method(np.zeros(shape, "uint8"), shape, factors, np.zeros(out_shape, "uint8"))
