"""A file is written past the page cache where that is quicker, and the other mode is tried again by bytes."""

from __future__ import annotations

import pytest

from pyramid.writing.direct_io import AGAIN, FULL_BYTES, TRIALS, WriteModeChooser


@pytest.mark.parametrize(
    ("size", "files"), [(FULL_BYTES // 8, 8 * AGAIN), (FULL_BYTES, AGAIN), (8 * FULL_BYTES, AGAIN)]
)
def test_the_slower_mode_is_tried_again_after_as_many_bytes_or_files(size: int, files: int) -> None:
    chooser = WriteModeChooser()
    chosen = []
    for _ in range(3 * files):
        direct = chooser.choose()
        chooser.note(direct, size, 1.0 if direct else 0.01)  # a disk that is slow past the cache
        chosen.append(direct)
    first = 2 * TRIALS
    assert chosen[:first].count(True) == TRIALS
    assert 2 <= chosen[first:].count(True) <= 3
