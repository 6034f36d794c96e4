"""What only a look from inside tells, each in a process of its own: work without imports, the plan, the engine.

    python -m benchmarks.probe work SOURCE TARGET --warm SOURCE --workers 2 [--processes] [--options JSON]
    python -m benchmarks.probe plan --blocks 1000000
    python -m benchmarks.probe engine --blocks 2000

Each prints its figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
from numpy.typing import NDArray

import pyramid
from benchmarks import computed, measure
from pyramid.concurrency.buffers import Buffers
from pyramid.engine import build
from pyramid.engine.local import LocalRunner
from pyramid.engine.receipt import Receipt
from pyramid.engine.wave import Wave
from pyramid.errors import PyramidError
from pyramid.model import Box, SourceSpec
from pyramid.options.convert import Options
from pyramid.planning import Pass, Plan, Resources, make_plan
from pyramid.reduce.kernels.loading import find_kernel
from pyramid.writing.target import Target

MEMORY = "4GiB"  # given, so that threads and processes plan alike
FRAME = (2, 64, 2048, 2048)  # czyx of one time point of the image that is planned
ROOM = Resources(2, 4 << 30)


def work(source: Path, target: Path, warm: Path, options: dict[str, Any], *, processes: bool) -> dict[str, float]:
    """Convert `warm`, then `source`; tell seconds, this process's user and system seconds, and tasks of the second."""
    with _workers(options["workers"], processes=processes):
        dtype = _convert(warm, target, options)["plan"]["spec"]["dtype"]
        find_kernel("pyramid.reduce.kernels.mean:mean", dtype, 2).load()  # imports do not count as work
        before = os.times()
        told = _convert(source, target, options)
        after = os.times()
    tasks = sum(int(np.prod([-(-n // b) for n, b in _cut(one)])) for one in told["plan"]["passes"])
    user_s, system_s = after.user - before.user, after.system - before.system
    wall_s = told["stages"]["wall_seconds"]
    seconds = wall_s["create"] + wall_s["build"] + wall_s["metadata"]
    return {"seconds": seconds, "user_s": user_s, "system_s": system_s, "tasks": tasks}


def _cut(one: dict[str, Any]) -> Iterator[tuple[int, int]]:
    return zip(one["shape"], one["block"], strict=True)


def _convert(source: Path, target: Path, options: dict[str, Any]) -> Any:  # noqa: ANN401  (JSON)
    report = target.with_name(f"{target.name}-report.json")
    image: object = source
    if source.suffix == ".json":
        found = computed.read(source)
        image, options = found.as_dask(), {**options, "axes": found.axes}
    pyramid.convert(image, target, **options, report=str(report))
    told = json.loads(report.read_text(encoding="utf-8"))
    report.unlink()
    measure.give_back(target)
    return told


@contextmanager
def _workers(count: int, *, processes: bool) -> Iterator[None]:
    """Threads of this process, which need nothing; or a cluster of processes of one thread, as the active client."""
    if not processes:
        yield
        return
    from distributed import Client, LocalCluster  # noqa: PLC0415  (its import would change what threads cost)

    options = {"n_workers": count, "threads_per_worker": 1, "processes": True}
    with LocalCluster(**options, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster, Client(cluster):
        yield


class _Blank:
    """A source that is never read."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Not called: no block is done."""
        raise NotImplementedError


class _EnoughError(PyramidError):
    """The first wave was there."""


class _FirstWave:
    """A runner that makes the graph of the first wave as a scheduler would get it, and stops there."""

    place = ""

    def run(self, wave: Wave, on_receipt: Callable[[Receipt], None]) -> None:
        """Make the graph."""
        wave.graph()
        raise _EnoughError("the first wave is made")

    def end(self, buffers: Buffers) -> None:
        """Nothing is kept."""


class _Nothing:
    """A block's task that does nothing."""

    def __init__(self, plan: Plan, pass_: Pass, _target: object, _source: object, buffers: Buffers) -> None:
        self.plan, self.pass_, self.buffers = plan, pass_, buffers

    def __call__(self, index: int, pixels: object = None) -> Receipt:
        return Receipt(index, 0)


def spec_of(blocks: int) -> SourceSpec:
    """Return an image that is cut into at least so many blocks, by as many time points as that takes."""

    def spec(times: int) -> SourceSpec:
        return SourceSpec("tczyx", (times, *FRAME), "uint16", (1,) * 5, (1.0, None, 0.5, 0.1, 0.1), _UNITS)

    return spec(-(-blocks // _plan(spec(64)).tasks) * 64)


_UNITS = ("second", None, "micrometer", "micrometer", "micrometer")


def _plan(spec: SourceSpec) -> Plan:
    return make_plan(spec, Options(), centred=True, resources=ROOM)


def plan(blocks: int) -> dict[str, float]:
    """Plan so many blocks, print the plan, and make the graph of the engine's first wave."""
    spec = spec_of(blocks)
    process = psutil.Process()
    before_bytes, started_s = process.memory_info().rss, time.perf_counter()
    decided = _plan(spec)
    text = str(decided)
    try:
        build.build(decided, _Blank(spec), Target("nowhere", None, ()), _FirstWave(), None)
    except _EnoughError:
        seconds = time.perf_counter() - started_s
    return {"seconds": seconds, "bytes": peak_bytes() - before_bytes, "blocks": decided.tasks, "printed": len(text)}


def peak_bytes() -> int:
    """Return the most resident memory that this process has had."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def idle_engine(blocks: int, workers: int = 2) -> dict[str, float]:
    """Run so many blocks whose task does nothing on threads, twice; tell the second time's seconds."""
    spec = spec_of(blocks)
    decided = _plan(spec)
    with mock.patch.object(build, "BlockTask", _Nothing):
        for _ in range(2):
            started_s, started_cpu_s = time.perf_counter(), time.process_time()
            build.build(decided, _Blank(spec), Target("nowhere", None, ()), LocalRunner(workers), None)
            seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    return {"seconds": seconds, "cpu_s": cpu_s, "blocks": decided.tasks}


def main(arguments: list[str] | None = None) -> None:
    """Do one probe and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    probes = parser.add_subparsers(dest="probe", required=True)
    at_work = probes.add_parser("work")
    at_work.add_argument("source", type=Path)
    at_work.add_argument("target", type=Path)
    at_work.add_argument("--warm", type=Path, required=True, help="is converted first, and not counted")
    at_work.add_argument("--workers", type=int, default=2)
    at_work.add_argument("--options", type=json.loads, default={"memory": MEMORY}, help="of the conversion, as JSON")
    at_work.add_argument("--processes", action="store_true", help="workers are processes of a local cluster")
    probes.add_parser("plan").add_argument("--blocks", type=int, default=1_000_000)
    probes.add_parser("engine").add_argument("--blocks", type=int, default=2000)
    given = parser.parse_args(arguments)
    if given.probe == "work":
        options = {"workers": given.workers, **given.options}
        figures = work(given.source, given.target, given.warm, options, processes=given.processes)
    else:
        figures = {"plan": plan, "engine": idle_engine}[given.probe](given.blocks)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
