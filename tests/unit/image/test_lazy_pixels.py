"""Indices of long, empty and strided axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyramid.decoding import ArrayReader, StoredArray
from pyramid.hierarchy.dtypes import StoredDtype
from pyramid.image.lazy_pixels import LazyPixels, block_shape
from pyramid.stores import open_objects


def lazy(shape: tuple[int, ...]) -> LazyPixels:
    objects = open_objects("memory://lazy/pixels")
    stored = StoredArray(shape, shape, None, StoredDtype("u", 1), "0/")
    return LazyPixels(ArrayReader(objects, objects, stored))


@pytest.mark.parametrize("index", [-1, slice(-3, None), slice(10**15 - 9, None, 3), [10**15 - 1, 10**15 - 4]])
def test_a_long_axis_takes_no_memory(index: Any) -> None:
    small = np.zeros(9, np.uint8)
    found = lazy((10**15,))[index,]
    shifted = [position - 10**15 for position in index] if isinstance(index, list) else index
    shifted = slice(None, None, 3) if isinstance(index, slice) and index.step else shifted
    np.testing.assert_array_equal(found, small[shifted])


@pytest.mark.parametrize("index", [-8, slice(None, None, -3), slice(1, 7, 2), slice(5, 2), [], [3, -1, 3], 7])
def test_an_index_is_that_of_numpy(index: Any) -> None:
    pixels = np.arange(8, dtype=np.uint8)
    found = lazy((8,))
    found.reader.objects.put("0/0", pixels.tobytes())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(found[index,], pixels[index if index != [] else slice(0, 0)])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3)])
def test_an_array_without_pixels_is_one_block(shape: tuple[int, ...]) -> None:
    assert block_shape(shape, (2,) * len(shape), 2) == shape
