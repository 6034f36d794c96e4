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


@pytest.mark.parametrize(("times_slower", "goes_past"), [(3, True), (5, False)])
def test_a_disk_may_take_longer_past_the_cache_as_no_core_copies_then(times_slower: int, *, goes_past: bool) -> None:
    chooser = WriteModeChooser()
    _write(chooser, 2 * TRIALS, 8 * FULL_BYTES, times_slower)
    assert chooser.choose() is goes_past


@pytest.mark.parametrize("files_before", [0, 2 * TRIALS + 10])
def test_a_small_file_that_had_to_wait_does_not_turn_the_mode(files_before: int) -> None:
    chooser = WriteModeChooser()
    _write(chooser, files_before, 8 * FULL_BYTES, 2)
    chooser.note(direct=True, size=FULL_BYTES, seconds=10 * FULL_BYTES)
    _write(chooser, 2 * TRIALS, 8 * FULL_BYTES, 2)
    assert chooser.choose()


def _write(chooser: WriteModeChooser, files: int, size: int, times_slower: float) -> None:
    """Choose a mode for files, and note a second a byte, or more past the cache."""
    for _ in range(files):
        direct = chooser.choose()
        chooser.note(direct, size, size * (times_slower if direct else 1))
