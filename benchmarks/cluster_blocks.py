"""The cost of a block on a cluster, and whether it grows: ``python -m benchmarks.cluster_blocks [BLOCKS]``.

A run of many blocks without pixels goes through a cluster of two worker processes. Client memory and the time
of each wave are printed as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from distributed import Client, LocalCluster
from numpy.typing import NDArray

from pyramid.concurrency.buffers import Buffers
from pyramid.engine import wave as waves
from pyramid.engine.cluster import prepare_cluster
from pyramid.engine.receipt import Receipt
from pyramid.engine.wave import Wave
from pyramid.model import Box, SourceSpec
from pyramid.options.convert import Options
from pyramid.planning import Plan, Resources, make_plan
from pyramid.writing.target import Target

BLOCKS, WORKERS = 100_000, 2
NOTHING = (None, None, None)


@dataclass(frozen=True)
class _Source:
    """An image of so many planes, of which nobody reads a pixel."""

    spec: SourceSpec

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Read nothing."""


@dataclass(frozen=True)
class _EmptyTask:
    """A block's task that does nothing, so that only the cost of sending it is left."""

    plan: Plan
    target: Target
    buffers: Buffers

    def __call__(self, index: int, pixels: object = None) -> Receipt:
        """Return the receipt of a block that was not done."""
        del pixels
        return Receipt(index, 0)


def run(blocks: int = BLOCKS, wave_blocks: int = waves.MAX_WAVE_TASKS) -> dict[str, Any]:
    """Send so many empty blocks through a cluster of two workers, and return what it cost."""
    spec = SourceSpec("zyx", (8, 64, 64), "uint8", (1, 64, 64), NOTHING, NOTHING)
    plan = make_plan(spec, Options(), centred=True, resources=Resources(WORKERS, 2**30))
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
        prepare_cluster(client, _Source(spec), Options()) as (runner, _),
    ):
        task: Any = _EmptyTask(plan, Target(str(Path(folder) / "nowhere"), None, ()), Buffers())
        seconds, spent_s, memory, counted = [], [], [], 0

        def count(_receipt: Receipt) -> None:
            nonlocal counted
            counted += 1

        runner.run(Wave(task, range(100)), count)  # the workers import what they need
        counted, process = 0, psutil.Process()
        memory.append(process.memory_info().rss)
        for start in range(0, blocks, wave_blocks):
            began_s, before_s = time.perf_counter(), _processor_s(process)
            runner.run(Wave(task, range(start, min(start + wave_blocks, blocks))), count)
            seconds.append(time.perf_counter() - began_s)
            spent_s.append(_processor_s(process) - before_s)
            memory.append(process.memory_info().rss)
    sizes = [min(wave_blocks, blocks - start) for start in range(0, blocks, wave_blocks)]
    each_ms, each_cpu_ms = (
        [1000 * taken / size for taken, size in zip(of_waves, sizes, strict=True)] for of_waves in (seconds, spent_s)
    )
    return {
        "blocks": counted,
        "ms_a_block": [round(one, 3) for one in each_ms],
        "cpu_ms_a_block": [round(one, 3) for one in each_cpu_ms],
        "mean_ms_a_block": round(1000 * sum(seconds) / blocks, 3),
        "last_over_first": round(each_ms[-1] / each_ms[0], 3),
        "last_over_first_cpu": round(each_cpu_ms[-1] / each_cpu_ms[0], 3),
        "client_grows_mb": round((max(memory) - memory[0]) / 1e6, 1),
    }


def _processor_s(process: psutil.Process) -> float:
    """Return the processor's seconds of the client, the scheduler in it, and the workers.

    They tell the cost of a block also where others use the machine.
    """
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    print(json.dumps(run(*(int(argument) for argument in sys.argv[1:])), indent=2))
