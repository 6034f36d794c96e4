"""The bars that ome-pyramid is held to beside its peers: memory, CPU, plan, engine, processes, start-up.

    python -m benchmarks.bars                   # all of them
    python -m benchmarks.bars start plan        # some
    python -m benchmarks.bars --data DIR --results DIR

Each is a function here that returns what it measured and the most that it may be. A figure over its bar is told and
written like any other: the program measures, it does not judge. Results go to ``bars.json`` and ``bars.md``.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tifffile

from benchmarks import data, envs, measure

HERE = Path(__file__).parent
SPARSE_GIB = (1, 4, 16)
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where and with what is measured.

    Parameters
    ----------
    data
        Folder of the inputs.
    scratch
        Folder for targets.
    ours
        Interpreter that runs ome-pyramid, with no more than it needs.
    scale
        Of the inputs, see `benchmarks.data`; blocks of plan and engine are fewer in proportion.
    rounds
        How often what is quick or wavers is measured; the median counts.
    """

    data: Path
    scratch: Path
    ours: Path
    scale: float
    rounds: int

    def source(self, name: str) -> Path:
        """Return an input, made if it is not there."""
        return data.make(name, self.data, self.scale)


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure beside the most that it may be.

    Parameters
    ----------
    what
        A line of the table.
    value, most
        In `unit`.
    unit
        Empty for a ratio.
    measured
        What it was made from.
    """

    what: str
    value: float
    most: float
    unit: str
    measured: Mapping[str, float]


def _figures(python: Path, program: str, *arguments: str) -> Any:  # noqa: ANN401  (JSON)
    """Return what another program here prints, run by an interpreter."""
    command = [str(python), "-m", f"benchmarks.{program}", *arguments]
    told = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(told.splitlines()[-1])


def _work(place: Place, source: Path, *options: str, python: Path | None = None, warm: Path | None = None) -> Any:  # noqa: ANN401  (JSON)
    target = str(place.scratch / "work.zarr")
    return _figures(python or place.ours, "probe", "work", str(source), target, "--warm", str(warm or source), *options)


def _sparse(place: Place, gib: int) -> Path:
    """Return a planar stack of so many GiB that takes no room on disk: all zeros."""
    shape = data.DATASETS["stack"].scaled(place.scale).shape
    path = place.data / f"sparse-{gib}g@{place.scale:g}.ome.tif"
    if not path.exists():
        sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}
        whole = (shape[0] * gib, *shape[1:])
        metadata = {"axes": "CZYX", **sizes}
        tifffile.imwrite(path, shape=whole, dtype="uint16", bigtiff=True, metadata=metadata, photometric="minisblack")
    return path


def _peak_bytes(place: Place, source: Path) -> int:
    target = place.scratch / "memory.zarr"
    command = [str(place.ours), "-m", "pyramid", "convert", str(source), str(target), "--quiet"]
    cost = measure.run_once([*command, "--workers", str(WORKERS)], place.scratch / "log.txt")
    measure.give_back(target)
    return cost.peak_bytes


def memory(place: Place) -> list[Bar]:
    """Peak resident memory over what a run of hardly a pixel takes, at 1, 4 and 16 GiB; the largest is zeros."""
    tiny = place.data / "tiny.ome.tif"
    tifffile.imwrite(tiny, data.noise((64, 64), "uint16"))
    imports = _peak_bytes(place, tiny)
    stacks = {f"{name} MB": _peak_bytes(place, place.source(name)) - imports for name in ("stack", "stack-4g")}
    zeros = {f"zeros {gib} GiB MB": _peak_bytes(place, _sparse(place, gib)) - imports for gib in SPARSE_GIB}
    told = {name: round(size / 1e6, 1) for name, size in {"imports MB": imports, **stacks, **zeros}.items()}
    spread = max(max(of.values()) / min(of.values()) for of in (stacks, zeros))
    return [
        Bar("peak memory over the imports'", max(*stacks.values(), *zeros.values()) / 1e6, 512, "MB", told),
        Bar("peak memory, largest over smallest input", spread, 1.1, "", told),
    ]


def cpu(place: Place) -> list[Bar]:
    """CPU seconds of work alone, 4 GiB over 1 GiB; beside them the floor's, which tell what the machine adds."""
    small, large = place.source("stack"), place.source("stack-4g")
    told: dict[str, float] = {}
    for name, source in (("1 GiB", small), ("4 GiB", large)):
        rounds = [_work(place, source, warm=small) for _ in range(place.rounds)]
        for part in ("user", "system"):
            told[f"{name} {part} s"] = statistics.median(one[f"{part}_s"] for one in rounds)
        told[f"{name} floor s"] = _median(place, functools.partial(_floor_cpu_s, place, source))
    ratio = (told["4 GiB user s"] + told["4 GiB system s"]) / (told["1 GiB user s"] + told["1 GiB system s"])
    return [
        Bar("CPU seconds, 4 GiB over 1 GiB", ratio, 4.2, "", told),
        Bar("user seconds, 4 GiB over 1 GiB", told["4 GiB user s"] / told["1 GiB user s"], 4.2, "", told),
        Bar("the floor's CPU seconds, 4 GiB over 1 GiB", told["4 GiB floor s"] / told["1 GiB floor s"], 4.2, "", told),
    ]


def _floor_cpu_s(place: Place, source: Path) -> float:
    target = place.scratch / "floor"
    told = _figures(Path(sys.executable), "floor", str(source), str(target), "--workers", str(WORKERS))
    measure.give_back(target)
    return float(told["cpu_s"])


def plan(place: Place) -> list[Bar]:
    """Return the plan of a million blocks, printed, and the engine's graph of the first wave."""
    rounds = [
        _figures(place.ours, "probe", "plan", "--blocks", str(_blocks(place, 1_000_000))) for _ in range(place.rounds)
    ]
    told = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return [
        Bar(f"plan for {told['blocks']:,.0f} blocks", told["seconds"], 2, "s", told),
        Bar(f"plan for {told['blocks']:,.0f} blocks, memory", told["bytes"] / 1e6, 200, "MB", told),
    ]


def overhead(place: Place) -> list[Bar]:
    """Return what the engine adds a block on threads, over what a block of the stack takes one thread."""
    idle = _figures(place.ours, "probe", "engine", "--blocks", str(_blocks(place, 2000)))
    busy = _work(place, place.source("stack"), "--workers", "1")
    told = {
        "engine ms a block": 1e3 * idle["seconds"] / idle["blocks"],
        "block ms": 1e3 * busy["seconds"] / busy["tasks"],
    }
    share = 100 * told["engine ms a block"] / told["block ms"]
    return [Bar("engine over a block's own time", share, 5, "%", told)]


def processes(place: Place) -> list[Bar]:
    """Work of two processes of a local cluster over that of two threads; both are warm."""
    source, python = place.source("stack"), Path(sys.executable)  # ours alone has no cluster
    told = {
        "threads s": _median(place, lambda: _work(place, source, python=python)["seconds"]),
        "processes s": _median(place, lambda: _work(place, source, "--processes", python=python)["seconds"]),
    }
    return [Bar("two processes over two threads", told["processes s"] / told["threads s"], 1.15, "", told)]


def start(place: Place) -> list[Bar]:
    """``pyramid --version`` and ``pyramid --help``."""
    command = str(place.ours.parent / "pyramid")
    bars = []
    for flag in ("--version", "--help"):
        runs = [measure.run_once([command, flag], place.scratch / "log.txt").wall_s for _ in range(4 * place.rounds)]
        told = {"least s": min(runs), "most s": max(runs)}
        bars.append(Bar(f"pyramid {flag}", statistics.median(runs), 0.25, "s", told))
    return bars


BARS: Mapping[str, Callable[[Place], list[Bar]]] = {
    function.__name__: function for function in (start, plan, overhead, processes, cpu, memory)
}


def _median(place: Place, measured: Callable[[], float]) -> float:
    return statistics.median(measured() for _ in range(place.rounds))


def _blocks(place: Place, full: int) -> int:
    return max(100, int(full * min(1.0, place.scale)))


def markdown(bars: list[Bar], machine: Mapping[str, object]) -> str:
    """Return the bars as a table, and what they were measured on."""
    lines = [f"{machine['cores']} cores of {machine['processor']}.", ""]
    lines += ["| | measured | at most | met | from |", "|---|--:|--:|---|---|"]
    for bar in bars:
        told = ", ".join(f"{name} {value:.4g}" for name, value in bar.measured.items())
        met = "yes" if bar.value <= bar.most else "no"
        cells = [bar.what, f"{bar.value:.3g} {bar.unit}".strip(), f"{bar.most:g} {bar.unit}".strip(), met, told]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Measure the bars that are named, or all, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BARS)}; all by default")
    parser.add_argument("--data", type=Path, default=data.DEFAULT_FOLDER)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--ours", type=Path, help="interpreter that has ome-pyramid; by default of its own environment")
    parser.add_argument("--scale", type=float, default=1.0, help="of the inputs, see benchmarks.data")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in BARS:
            parser.error(f"there is no bar {name!r}; they are {', '.join(BARS)}")
    if given.ours is None:
        envs.install(envs.OURS)
        given.ours = envs.python_of(envs.OURS)
    folder = given.data.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        place = Place(folder, Path(scratch), given.ours.absolute(), given.scale, given.rounds)
        for name in given.names or BARS:
            bars += BARS[name](place)
            print(f"{bars[-1].what}: {bars[-1].value:.3g} {bars[-1].unit} of at most {bars[-1].most:g}", flush=True)
    machine = measure.machine()
    given.results.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "scale": given.scale, "rounds": given.rounds, "bars": [asdict(bar) for bar in bars]}
    (given.results / "bars.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    (given.results / "bars.md").write_text(markdown(bars, machine), encoding="utf-8")
    print(markdown(bars, machine))


if __name__ == "__main__":
    main()
