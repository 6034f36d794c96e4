"""The law: positions are NumPy's, each chunk that holds one is read once, and no other is read."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyramid.decoding import strided
from pyramid.decoding.pieces import aligned_pieces
from pyramid.decoding.strided import read_positions
from pyramid.model import Box
from pyramid.options.selected import Positions, evenly


@st.composite
def taken(draw: st.DrawFn, extent: int) -> Positions:
    if draw(st.booleans()):
        start = draw(st.integers(0, extent - 1))
        return evenly(range(start, draw(st.integers(start + 1, extent)), draw(st.integers(1, 5))))
    return evenly(draw(st.lists(st.integers(0, extent - 1), min_size=1, max_size=6, unique=True)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Positions, ...]]:
    shape = tuple(draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)))
    chunks = tuple(draw(st.integers(1, 5)) for _ in shape)
    return shape, chunks, tuple(draw(taken(extent)) for extent in shape)


@given(cases(), st.sampled_from([2, 20, 200, 2**20]), st.sampled_from([0, 4, 2**16]))
def test_positions_are_numpys_and_chunks_are_read_once(case: Any, buffer_bytes: int, gap_bytes: int) -> None:
    shape, chunks, positions = case
    image = np.arange(np.prod(shape), dtype="u2").reshape(shape)
    seen: Counter[tuple[int, ...]] = Counter()
    largest = 0

    def read(box: Box, out: NDArray[Any]) -> None:
        nonlocal largest
        assert max(b - n for b, n in zip(box.stop, shape, strict=True)) <= 0
        seen.update(box.grid_positions(chunks))
        largest = max(largest, box.size_px * image.itemsize if out.base is None else 0)
        out[...] = image[box.slices]

    out = np.full([len(each) for each in positions], 9999, "u2")
    with mock.patch.multiple(strided, MAX_BUFFER_BYTES=buffer_bytes, MAX_GAP_BYTES=gap_bytes):
        read_positions(read, positions, chunks, shape[-1], out)
    np.testing.assert_array_equal(out, image[np.ix_(*map(list, positions))])
    assert largest <= max(buffer_bytes, np.prod(chunks) * image.itemsize) or not seen
    if max(chunks) > 1:
        needed = itertools.product(
            *({at // chunk for at in each} for each, chunk in zip(positions, chunks, strict=True))
        )
        if min(chunks) > 1:
            assert seen == Counter(dict.fromkeys(needed, 1))
        else:
            assert set(seen) == set(needed)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30), st.integers(1, 7)), min_size=1, max_size=3),
    st.integers(1, 500),
)
def test_pieces_cover_a_box_once_and_cut_no_chunk(axes: list[tuple[int, int, int]], most_px: int) -> None:
    start, shape, chunks = map(tuple, zip(*axes, strict=True))
    box = Box(start, shape)
    seen: Counter[tuple[int, ...]] = Counter()
    filled = np.zeros(box.stop, int)
    for piece in aligned_pieces(box, chunks, most_px):
        seen.update(piece.grid_positions(chunks))
        filled[piece.slices] += 1
        assert piece.size_px <= max(most_px, np.prod(chunks))
    assert (filled[box.slices] == 1).all()
    assert filled.sum() == box.size_px
    assert set(seen.values()) == {1}
