"""The functions that run on workers: hold a task, do a block, end a pass."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import TYPE_CHECKING, Any

from pyramid.concurrency.buffers import end_buffers
from pyramid.concurrency.memory_gate import process_gate
from pyramid.engine.cluster.workers import limit_of
from pyramid.engine.receipt import Receipt
from pyramid.engine.task import BlockTask, do_block
from pyramid.planning.resources import LIMIT_SHARE

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Seconds that a worker waits for its blocks, which end at their next chunk; less than the run waits, so that it can
# answer.
STOP_S = 0.8
# Seconds between two looks whether they have ended.
LOOK_S = 0.02


def hold_task(pickled: bytes) -> BlockTask:
    """Return the task of a pass, which the worker then has for all its blocks."""
    task: BlockTask = pickle.loads(pickled)
    return task


def do_here(index: int, task: BlockTask, pixels: NDArray[Any] | None = None) -> Receipt:
    """Do a block on a worker, once the worker has memory for it."""
    from distributed import get_worker  # noqa: PLC0415  (a worker has imported it)

    limit = limit_of(get_worker().memory_manager.memory_limit)
    bound = int(limit * LIMIT_SHARE) if limit else None
    with process_gate.holding(task.plan.peak_bytes, bound, task.buffers.is_stopped):
        return do_block(index, task, pixels)


async def end_pass(key: str) -> None:
    """Stop the blocks of a pass in a worker, and wait up to `STOP_S` for their end."""
    buffers, until_s = end_buffers(key), time.monotonic() + STOP_S
    while buffers is not None and not buffers.wait_until_idle(0) and time.monotonic() < until_s:
        await asyncio.sleep(LOOK_S)
