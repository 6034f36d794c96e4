"""Whatever workers do, each block of a wave is done, and each receipt counts once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pyramid.engine.cluster.ledger import Ledger
from pyramid.engine.cluster.seat import Seat
from pyramid.errors import StoppedError

LIMIT_S = 10.0


class Workers:
    """A model of workers: each has a queue, does blocks in order, and may stop, be killed, or be started."""

    def __init__(self, ledger: Ledger, slots: list[int]) -> None:
        self.ledger, self.number = ledger, 0
        self.queues: dict[str, list[int]] = {}
        self.stopped: set[str] = set()
        self.counted: list[int] = []
        for count in slots:
            self.start(count)

    def start(self, slots: int) -> None:
        address, self.number = f"worker-{self.number}", self.number + 1
        self.ledger.seats[address] = Seat(address, slots)
        self.queues[address] = []

    def kill(self, address: str) -> None:
        del self.queues[address]
        self.ledger.lose(address)

    def step(self, now_s: float) -> None:
        for moves in (self.ledger.give_up_late(now_s), self.ledger.share(now_s)):
            for address, block in moves.withdrawn:
                self.queues[address].remove(block)
            for address, blocks in moves.sent.items():
                self.queues[address] += blocks
        for address, seat in self.ledger.seats.items():
            assert len(seat.blocks) <= len(set(self.queues[address]))

    def finish(self, address: str, now_s: float) -> None:
        if address in self.stopped or not self.queues[address]:
            return
        block = self.queues[address].pop(0)
        if self.ledger.end(block, address, now_s):
            self.counted.append(block)
            for other in self.ledger.withdraw(block):
                self.queues[other].remove(block)


@given(st.data(), st.integers(1, 40), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_every_block_is_done_and_counted_once(data: Any, blocks: int, slots: list[int]) -> None:
    ledger = Ledger(range(blocks), LIMIT_S)
    workers, now_s = Workers(ledger, slots), 0.0
    try:
        for _ in range(data.draw(st.integers(0, 40))):
            now_s += data.draw(st.sampled_from([0.1, 1.0, LIMIT_S * 1.5]))
            workers.step(now_s)
            do = data.draw(st.sampled_from(["finish", "finish", "finish", "kill", "stop", "go on", "start"]))
            names = sorted(workers.queues)
            if do == "start" or not names:
                workers.start(data.draw(st.integers(1, 3)))
                continue
            name = data.draw(st.sampled_from(names))
            if do == "finish":
                workers.finish(name, now_s)
            elif do == "kill":
                workers.kill(name)
            elif do == "stop":
                workers.stopped.add(name)
            else:
                workers.stopped.discard(name)
        workers.start(2)  # one that never fails ends the wave
        for _ in range(blocks * 3 + 10):
            now_s += 1.0
            workers.step(now_s)
            for name in sorted(workers.queues):
                workers.finish(name, now_s)
    except StoppedError:  # a block failed at too many workers
        return
    assert ledger.is_done
    assert sorted(workers.counted) == list(range(blocks))


def test_a_block_is_not_taken_from_the_worker_that_it_was_just_sent_to() -> None:
    ledger = Ledger(range(3), LIMIT_S)
    workers = Workers(ledger, [2])
    workers.step(0.1)
    workers.finish("worker-0", 0.1)
    workers.step(15.1)  # the two others are given up
    workers.finish("worker-0", 15.1)
    workers.start(2)
    workers.step(16.1)
    assert workers.queues["worker-1"] == [2]
    workers.finish("worker-1", 17.1)
    assert ledger.is_done


def test_a_block_that_failed_at_all_workers_is_given_again() -> None:
    ledger = Ledger(range(1), LIMIT_S)
    workers = Workers(ledger, [1, 1])
    for now_s in (0.0, 20.0, 40.0):
        workers.step(now_s)
    for seat in ledger.seats.values():
        seat.given_up.clear()
        seat.is_suspect = False
    assert ledger.share(50.0).sent.popitem()[1] == [0]
