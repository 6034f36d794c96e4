"""The memory of a pass: one in each process, apart from that of every other pass."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest

from pyramid.concurrency.buffers import Buffers, end_buffers, find_buffers
from pyramid.errors import StoppedError

BYTES = np.dtype("u1")


def test_a_process_has_one_a_pass() -> None:
    buffers, other = Buffers(), Buffers()
    assert pickle.loads(pickle.dumps(buffers)) is buffers
    assert pickle.loads(pickle.dumps(other)) is other
    there = find_buffers("of another process")
    assert find_buffers("of another process") is there
    assert there not in (buffers, other)


def test_to_end_a_pass_stops_its_blocks_and_no_others() -> None:
    there, other = find_buffers("ended"), find_buffers("going on")
    end_buffers("ended")
    with pytest.raises(StoppedError):
        there.take("part", (3,), BYTES)
    assert other.take("part", (3,), BYTES).shape == (3,)


def test_a_block_that_comes_after_the_end_is_not_begun() -> None:
    end_buffers("late")
    with pytest.raises(StoppedError):
        find_buffers("late").take("part", (3,), BYTES)


def test_a_block_under_way_is_waited_for() -> None:
    buffers, begun, go_on = Buffers(), threading.Event(), threading.Event()

    def block() -> None:
        with buffers.under_way():
            begun.set()
            go_on.wait(30)

    thread = threading.Thread(target=block)
    thread.start()
    assert begun.wait(30)
    assert not buffers.wait_until_idle(0.01)
    go_on.set()
    assert buffers.wait_until_idle(30)
    thread.join()
