"""Damage on the way, as the tags of a service show it: of one whose tags are sums, and of those whose are not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pyramid.errors import StorageError
from pyramid.stores import cache as whole_module
from pyramid.stores import open_objects
from pyramid.stores.cache import WholeObjects
from pyramid.stores.checksums import Sums, WrongSumError, md5

BODY, OTHER = b"what was sent", b"what wos sent"
TAG, ODD = f'"{md5([BODY])}"', f'"{"0" * 32}"'


def never() -> str:
    raise AssertionError("what is there is not asked for")


def received(sums: Sums, body: bytes, tag: str | None) -> bytes:
    return b"".join(sums.checked("key", [body[:3], body[3:]], tag))


def test_a_body_that_came_whole_is_let_pass() -> None:
    sums = Sums(wanted=True)
    sums.check_sent(BODY, TAG, never)
    sums.check_sent(memoryview(BODY), TAG.strip('"').upper(), never)
    assert received(sums, BODY, TAG) == BODY


@pytest.mark.parametrize("known", [False, True])
def test_a_body_that_was_damaged_is_not(known: bool) -> None:
    sums = Sums(wanted=True)
    if known:
        sums.check_sent(BODY, TAG, never)
    with pytest.raises(WrongSumError, match="MD5"):
        sums.check_sent(OTHER, TAG, lambda: md5([BODY]))
    with pytest.raises(WrongSumError):
        received(sums, OTHER, TAG)
    assert received(sums, BODY, TAG) == BODY


def test_where_tags_are_sums_damage_that_comes_twice_alike_is_damage() -> None:
    sums = Sums(wanted=True)
    sums.check_sent(BODY, TAG, never)
    for _ in range(3):
        with pytest.raises(WrongSumError):
            received(sums, OTHER, TAG)


@pytest.mark.parametrize("tag", [None, "", '"0x8DC"', f"W/{TAG}", f'{TAG[:-1]}-2"'])
def test_a_tag_that_can_be_no_sum_tells_nothing(tag: str | None) -> None:
    sums = Sums(wanted=True)
    sums.check_sent(OTHER, tag, never)
    assert received(sums, OTHER, tag) == OTHER


def test_a_service_whose_tags_only_look_like_sums_is_known_by_what_it_keeps() -> None:
    sums = Sums(wanted=True)
    sums.check_sent(BODY, ODD, lambda: md5([BODY]))
    sums.check_sent(BODY, ODD, never)
    assert received(sums, BODY, ODD) == BODY


def test_a_service_whose_tags_only_look_like_sums_is_known_by_what_it_gives_twice() -> None:
    sums = Sums(wanted=True)
    with pytest.raises(WrongSumError):
        received(sums, BODY, ODD)
    assert received(sums, BODY, ODD) == BODY
    sums.check_sent(BODY, ODD, never)


def test_under_tls_nothing_is_summed() -> None:
    sums = Sums(wanted=False)
    sums.check_sent(OTHER, TAG, never)
    assert received(sums, OTHER, TAG) == OTHER


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[WholeObjects, list[str]]:
    """Parts of objects ``0`` to ``9``, each of ten bytes, and the keys that were asked for."""
    objects, asked = open_objects("memory://damage/image"), list[str]()
    for number in range(10):
        objects.put(str(number), bytes(range(10)))
    get: Callable[[str], bytes | None] = objects.get

    def counting(key: str) -> bytes | None:
        asked.append(key)
        return get(key)

    monkeypatch.setattr(objects, "get", counting)
    return WholeObjects(objects), asked


def test_parts_are_cut_from_the_whole_that_is_fetched_once(counted: tuple[WholeObjects, list[str]]) -> None:
    parts, asked = counted
    assert parts.get_range("0", 2, 4) == bytes([2, 3])
    assert parts.get_tail("0", 3) == bytes([7, 8, 9])
    assert parts.get_tail("0", 30) == bytes(range(10))
    assert asked == ["0"]
    assert parts.get_tail("none", 3) is None
    with pytest.raises(StorageError, match="none does not exist") as caught:
        parts.get_range("none", 0, 1)
    assert caught.value.status == 404


def test_what_was_asked_for_last_is_kept(
    counted: tuple[WholeObjects, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, asked = counted
    monkeypatch.setattr(whole_module, "KEPT_BYTES", 25)
    for key in "010212":
        parts.get_range(key, 0, 1)
    assert asked == ["0", "1", "2", "1"]


def test_threads_share_what_is_on_its_way(
    counted: tuple[WholeObjects, list[str]],
) -> None:
    parts, asked = counted
    together = threading.Barrier(8)

    def read(at: int) -> bytes:
        together.wait()
        return parts.get_range("5", at, at + 1)

    with ThreadPoolExecutor(8) as threads:
        assert b"".join(threads.map(read, range(8))) == bytes(range(8))
    assert asked == ["5"]


def test_a_failure_is_not_kept(counted: tuple[WholeObjects, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    parts, _ = counted
    with monkeypatch.context() as patched:
        patched.setattr(parts._objects, "get", lambda key: (_ for _ in ()).throw(StorageError(key)))
        with pytest.raises(StorageError):
            parts.get_tail("0", 1)
    assert parts.get_tail("0", 1) == bytes([9])
