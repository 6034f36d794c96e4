"""Which worker is given which block, by a clock that the test sets."""

from __future__ import annotations

import pytest

from pyramid.engine.cluster.ledger import FIRST_TIMEOUT_S, LEAST_TIMEOUT_S, MAX_AHEAD, TIMEOUT_FACTOR, Ledger
from pyramid.engine.cluster.seat import Seat
from pyramid.errors import StoppedError


def ledger_of(blocks: int, *slots: int, timeout_s: float | None = None) -> Ledger:
    ledger = Ledger(range(blocks), timeout_s)
    for number, count in enumerate(slots):
        ledger.seats[f"w{number}"] = Seat(f"w{number}", count)
    return ledger


def test_each_worker_has_one_block_more_than_places_while_times_are_unknown() -> None:
    sent = ledger_of(20, 1, 2).share(0.0).sent
    assert {address: len(blocks) for address, blocks in sent.items()} == {"w0": 2, "w1": 4}


def test_short_blocks_wait_in_greater_number_and_in_turns() -> None:
    ledger = ledger_of(1000, 1, 1)
    ledger.share(0.0)
    ledger.end(0, "w0", 0.001)
    sent = ledger.share(0.001).sent
    assert len(ledger.seats["w0"].blocks) == len(ledger.seats["w1"].blocks) == 1 + MAX_AHEAD
    assert abs(len(sent["w0"]) - len(sent["w1"])) <= 1


def test_few_blocks_are_shared_evenly() -> None:
    assert {k: len(v) for k, v in ledger_of(4, 1, 1, 1, 1).share(0.0).sent.items()} == {f"w{n}": 1 for n in range(4)}


def test_the_default_limit_grows_with_the_time_of_blocks() -> None:
    ledger = ledger_of(9, 1)
    assert ledger.limit_s == FIRST_TIMEOUT_S
    ledger.share(0.0)
    ledger.end(0, "w0", 1.0)
    assert ledger.limit_s == LEAST_TIMEOUT_S
    ledger.end(1, "w0", 51.0)
    assert ledger.limit_s == TIMEOUT_FACTOR * 50.0


def test_a_late_block_goes_to_another_worker_with_those_behind_it() -> None:
    ledger = ledger_of(2, 1, timeout_s=5)
    ledger.share(0.0)
    moves = ledger.give_up_late(6.0)
    assert moves.withdrawn == [("w0", 1)]
    assert not ledger.has_place
    ledger.seats["w1"] = Seat("w1", 1)
    assert ledger.share(6.0).sent == {"w1": [0, 1]}
    assert ledger.end(0, "w1", 7.0)
    assert not ledger.end(0, "w0", 8.0)
    assert ledger.seats["w0"].places == 1
    assert ledger.end(1, "w1", 9.0)
    assert ledger.is_done


def test_a_worker_whose_other_places_answer_is_given_more() -> None:
    ledger = ledger_of(9, 2, timeout_s=5)
    ledger.share(0.0)
    ledger.end(1, "w0", 4.0)
    ledger.give_up_late(6.0)
    assert ledger.seats["w0"].places == 0
    ledger.end(2, "w0", 6.5)
    assert ledger.seats["w0"].places == 1


def test_the_blocks_of_a_lost_worker_wait_first() -> None:
    ledger = ledger_of(9, 1)
    ledger.share(0.0)
    ledger.lose("w0")
    ledger.seats["w1"] = Seat("w1", 1)
    assert ledger.share(1.0).sent == {"w1": [0, 1]}


def test_a_block_that_ends_three_workers_ends_the_run() -> None:
    ledger = ledger_of(1)
    for number in range(2):
        ledger.seats[f"w{number}"] = Seat(f"w{number}", 1)
        ledger.share(0.0)
        ledger.lose(f"w{number}")
    ledger.seats["w2"] = Seat("w2", 1)
    ledger.share(0.0)
    with pytest.raises(StoppedError, match=r"block 0 ended each worker .*memory \(w0, w1, w2\); give the workers more"):
        ledger.lose("w2")


def test_a_block_that_only_waited_is_not_blamed_for_lost_workers() -> None:
    ledger = ledger_of(2)
    for number in range(2):
        ledger.seats[f"w{number}"] = Seat(f"w{number}", 1)
        assert ledger.share(0.0).sent == {f"w{number}": [0, 1]}
        ledger.lose(f"w{number}")
    ledger.seats["w2"] = Seat("w2", 1)
    ledger.share(0.0)
    ledger.end(0, "w2", 0.5)
    ledger.lose("w2")  # for block 1 the first time
    assert not ledger.is_done


def test_an_idle_worker_takes_what_another_has_not_begun() -> None:
    ledger = ledger_of(3, 1)
    ledger.share(0.0)
    ledger.seats["w1"] = Seat("w1", 1)
    ledger.end(0, "w0", 1.0)
    assert ledger.share(1.0).sent == {"w1": [2]}
    ledger.end(2, "w1", 2.0)
    assert ledger.share(2.0).sent == {}


def test_an_idle_worker_helps_one_that_takes_long() -> None:
    ledger = ledger_of(2, 1, 1)
    ledger.share(0.0)
    ledger.end(1, "w1", 1.0)
    assert ledger.share(2.0).sent == {}
    assert ledger.share(4.0).sent == {"w1": [0]}
    assert ledger.end(0, "w1", 5.0)
    assert ledger.is_done
