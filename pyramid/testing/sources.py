"""Tests of a reader's source against the array that it holds.

Inherit `SourceContract`.
"""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pyramid.model import AXES, Box, Source
from pyramid.options.units import unit as unit_name


def random_boxes(shape: tuple[int, ...], count: int, seed: int = 0) -> list[Box]:
    """Return boxes within `shape`: the whole, both corners, and `count` others."""
    chance = random.Random(seed)
    boxes = [
        Box((0,) * len(shape), shape),
        Box((0,) * len(shape), (1,) * len(shape)),
        Box(tuple(n - 1 for n in shape), (1,) * len(shape)),
    ]
    for _ in range(count):
        start = tuple(chance.randrange(n) for n in shape)
        boxes.append(Box(start, tuple(chance.randint(1, n - a) for n, a in zip(shape, start, strict=True))))
    return boxes


def read(source: Source, box: Box | None = None) -> NDArray[Any]:
    """Return the pixels of `box`, or all."""
    box = box or Box((0,) * len(source.spec.shape), source.spec.shape)
    out = np.empty(box.shape, source.spec.dtype)
    source.read(box, out)
    return out


class SourceContract:
    """Tests of a source against the array that it holds.

    A subclass defines the fixtures `source` and `expected`, the array in canonical order of axes.
    """

    @pytest.fixture
    def source(self) -> Source:
        raise NotImplementedError

    @pytest.fixture
    def expected(self) -> NDArray[Any]:
        raise NotImplementedError

    def test_it_is_a_source(self, source: Source) -> None:
        assert isinstance(source, Source)

    def test_the_spec_agrees_with_the_pixels(self, source: Source, expected: NDArray[Any]) -> None:
        spec = source.spec
        assert spec.shape == expected.shape
        assert spec.dtype == expected.dtype.name
        assert all(type(n) is int for n in (*spec.shape, *spec.chunks))

    def test_the_spec_keeps_the_rules_of_its_fields(self, source: Source) -> None:
        spec = source.spec
        assert spec.axes == "".join(axis for axis in AXES if axis in spec.axes)
        assert {"y", "x"} <= set(spec.axes)
        assert {len(spec.shape), len(spec.chunks), len(spec.scale), len(spec.units)} == {len(spec.axes)}
        assert all(1 <= chunk <= n for chunk, n in zip(spec.chunks, spec.shape, strict=True))
        assert all(size is None or size > 0 for size in spec.scale)
        assert all(u is None or unit_name(axis, u) == u for axis, u in zip(spec.axes, spec.units, strict=True))
        assert spec.name
        if spec.channels:
            assert len(spec.channels) == (spec.shape[spec.axes.index("c")] if "c" in spec.axes else 1)

    def test_any_region_reads_as_the_array_does(self, source: Source, expected: NDArray[Any]) -> None:
        for box in random_boxes(expected.shape, 12):
            np.testing.assert_array_equal(read(source, box), expected[box.slices])

    def test_a_strided_target_is_filled_and_nothing_else(self, source: Source, expected: NDArray[Any]) -> None:
        for box in random_boxes(expected.shape, 6, seed=1):
            around = np.ones([2 * n + 1 for n in box.shape], source.spec.dtype)
            within = tuple(slice(1, 1 + 2 * n, 2) for n in box.shape)
            source.read(box, around[within])
            np.testing.assert_array_equal(around[within], expected[box.slices])
            around[within] = 1
            assert (around == 1).all()

    def test_a_target_in_fortran_order_is_filled(self, source: Source, expected: NDArray[Any]) -> None:
        out = np.empty(expected.shape, source.spec.dtype, order="F")
        source.read(Box((0,) * out.ndim, out.shape), out)
        np.testing.assert_array_equal(out, expected)

    def test_threads_read_at_once(self, source: Source, expected: NDArray[Any]) -> None:
        boxes = random_boxes(expected.shape, 30, seed=2)
        with ThreadPoolExecutor(4) as pool:
            for box, pixels in zip(boxes, pool.map(lambda box: read(source, box), boxes), strict=True):
                np.testing.assert_array_equal(pixels, expected[box.slices])

    def test_it_reads_the_same_after_pickling(self, source: Source, expected: NDArray[Any]) -> None:
        again = pickle.loads(pickle.dumps(source))
        assert again.spec == source.spec
        np.testing.assert_array_equal(read(again), expected)
