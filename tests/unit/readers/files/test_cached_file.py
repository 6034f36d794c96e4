from __future__ import annotations

import random

import pytest

from pyramid.readers.files import cached_file
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.cached_file import SeekableFile

DATA = random.Random(0).randbytes(8 << 20)


def test_small_pieces_are_kept_when_blocks_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_file, "KEPT_BYTES", 64 * cached_file.BLOCK_BYTES)
    asked: list[Span] = []

    def fetch(span: Span) -> bytes:
        asked.append(span)
        return DATA[span.start : span.stop]

    file = SeekableFile(fetch, len(DATA), "https://host/a.tif")
    places = range(100, len(DATA) - 1000, 70_000)
    counts = []
    for _ in range(3):
        for place in places:
            for start, count in ((place, 300), (place, 2), (place + 2, 298), (place + 100, 50)):
                file.seek(start)
                assert file.read(count) == DATA[start : start + count]
        counts.append(len(asked))
    assert counts == counts[:1] * 3


@pytest.mark.parametrize("seed", range(5))
def test_any_reads_give_the_bytes_of_the_file(seed: int) -> None:
    chance = random.Random(seed)
    file = SeekableFile(lambda span: DATA[span.start : span.stop], len(DATA), "https://host/a.tif")
    for _ in range(2000):
        start, count = chance.randrange(len(DATA) + 100), chance.choice((0, 2, 63, 64, 200, 1024, 1025, 5000))
        file.seek(start)
        assert file.read(count) == DATA[start : start + count]
