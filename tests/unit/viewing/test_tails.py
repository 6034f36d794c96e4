"""The ends of shards that are kept for a while."""

from __future__ import annotations

import pytest

from pyramid.viewing import tails
from pyramid.viewing.tails import KeptTails


class _Parts:
    """Objects that count what is asked of them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return key.encode()[start:stop]

    def get_tail(self, key: str, size: int) -> bytes | None:
        self.asked.append(key)
        return None if key == "missing" else bytes(size)


def test_an_index_is_asked_for_once_also_where_it_is_missing() -> None:
    parts = _Parts()
    kept = KeptTails(parts)
    for _ in range(3):
        assert kept.get_tail("a", 4) == bytes(4)
        assert kept.get_tail("missing", 4) is None
    assert parts.asked == ["a", "missing"]
    assert kept.get_range("abc", 1, 3) == b"bc"


def test_an_index_is_read_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = _Parts()
    kept = KeptTails(parts)
    monkeypatch.setattr(tails, "LASTS_S", 0.0)
    kept.get_tail("a", 4)
    kept.get_tail("a", 4)
    assert parts.asked == ["a", "a"]


def test_their_number_and_their_size_are_bounded() -> None:
    parts = _Parts()
    kept = KeptTails(parts)
    for i in range(tails.MAX_KEPT + 1):
        kept.get_tail(str(i), 4)
    kept.get_tail("0", 4)
    kept.get_tail("large", tails.MAX_TAIL_BYTES + 1)
    kept.get_tail("large", tails.MAX_TAIL_BYTES + 1)
    assert parts.asked[-3:] == ["0", "large", "large"]
