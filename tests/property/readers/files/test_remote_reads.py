"""Laws of reading by ranges: what was foretold is what is read, and whatever comes in parts is what lies there."""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyramid.model import Box
from pyramid.readers.files import byte_ranges, cached_file, prefetch, raw_array
from pyramid.readers.files.byte_ranges import Span, requests
from pyramid.readers.files.cached_file import SeekableFile
from pyramid.readers.files.prefetch import PrefetchedFile

DATA = np.random.default_rng(5).integers(0, 256, 3000, np.uint8).tobytes()
SPANS = st.lists(st.tuples(st.integers(0, 2900), st.integers(0, 400)).map(lambda s: Span(s[0], s[0] + s[1])))
SMALL = patch.multiple(byte_ranges, REQUEST_BYTES=128, GAP_BYTES=20)
FEW = patch.multiple(prefetch, FLIGHT_BYTES=300, FLIGHT_REQUESTS=3)
BLOCKS = patch.multiple(cached_file, BLOCK_BYTES=16, SEQUENCE_BYTES=64, KEPT_BYTES=256)


def fetch(span: Span) -> bytes:
    assert 0 <= span.start < span.stop <= len(DATA), "a server is never asked for what is not there"
    return DATA[span.start : span.stop]


@given(SPANS)
def test_requests_hold_all_that_is_needed_in_its_order_and_little_else(spans: list[Span]) -> None:
    with SMALL:
        asked = list(requests(spans))
    assert all(0 < stop - start <= 128 for start, stop in asked)
    at = 0
    for span in spans:
        position = span.start
        while position < span.stop:
            while not asked[at].start <= position < asked[at].stop:
                at += 1  # never back: a request whose bytes were read is forgotten
            position = min(asked[at].stop, span.stop)
    needed = {byte for span in spans for byte in range(*span)}
    for start, stop in asked:
        idle = [byte not in needed for byte in range(start, stop)]
        assert not idle[0]
        assert not any(all(idle[i : i + 21]) for i in range(len(idle) - 20))


@given(SPANS, st.data())
def test_what_is_fetched_ahead_is_what_lies_there(spans: list[Span], data: st.DataObject) -> None:
    order = data.draw(st.sampled_from([spans, spans[::2], spans[::-1]]))  # as foretold, or not
    with SMALL, FEW, PrefetchedFile(fetch, len(DATA), spans) as file:
        assert file.seek(0, os.SEEK_END) == len(DATA)
        for start, stop in order:
            file.seek(start)
            read = bytearray()
            while len(read) < stop - start:
                buffer = bytearray(stop - start - len(read))
                count = file.readinto(buffer)
                if not count:
                    break
                read += buffer[:count]
            assert bytes(read) == DATA[start:stop]


@given(st.lists(st.tuples(st.integers(0, 3100), st.integers(0, 300))), st.integers(0, 3000))
def test_a_file_that_is_kept_in_blocks_reads_as_it_lies(reads: list[tuple[int, int]], head: int) -> None:
    with BLOCKS:
        file = SeekableFile(fetch, len(DATA), "a", DATA[:head])
        for start, count in reads:
            assert file.seek(start) == start
            assert file.read(count) == DATA[start : start + count]
        assert file.seek(-10, os.SEEK_END) == len(DATA) - 10
        assert file.read() == DATA[-10:]


class Noted:
    """Zeros, of which each read is noted."""

    def __init__(self) -> None:
        self.position, self.bytes = 0, list[int]()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        assert whence == os.SEEK_SET
        self.position = offset
        return offset

    def readinto(self, buffer: memoryview, /) -> int:
        self.bytes += range(self.position, self.position + len(buffer))
        self.position += len(buffer)
        return len(buffer)


@given(st.data())
def test_a_flat_region_reads_what_was_foretold_in_that_order(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=5, max_side=7))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    box = Box(start, tuple(data.draw(st.integers(1, n - a)) for n, a in zip(shape, start, strict=True)))
    array = raw_array.FlatArray(
        data.draw(st.integers(0, 9)), shape, np.dtype(data.draw(st.sampled_from(["<u2", ">u2"])))
    )
    around: Any = np.zeros(tuple(n + 1 for n in box.shape), "u2")
    out = data.draw(st.sampled_from([np.zeros(box.shape, "u2"), around[tuple(slice(n) for n in box.shape)]]))
    file = Noted()
    with patch.multiple(raw_array, SLAB_BYTES=64, SHORT_BYTES=16):
        foretold = [byte for span in raw_array.flat_spans(array, start, out) for byte in range(*span)]
        raw_array.read_flat(file, array, start, out)
    assert file.bytes == foretold
