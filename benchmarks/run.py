"""Run ome-pyramid, the floor and its peers in turn on one input, and write the table.

    python -m benchmarks.run stack                                   # ours and the floor
    python -m benchmarks.run stack --tools all --modes defaults equal --rounds 3 --readme
    python -m benchmarks.run slide-deflate --tools ome-pyramid libvips ngff-zarr

Modes: ``defaults`` leaves every tool its own; ``equal`` gives all the same codec (Blosc lz4, level 5, byte shuffle),
chunks and levels; ``sharded`` the same shards as well; ``zstd1`` gives ours Blosc zstd at level 1, which is next to
what libvips is given. Results go to ``benchmarks/results/`` as Markdown and JSON.
A first round warms what tools compile and cache, and is not counted. A target is deleted before the next run.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import data, envs, measure, table

HERE = Path(__file__).parent
LOG = "log.txt"
MODES = ("defaults", "equal", "sharded", "zstd1")
CHUNKS = {"z": 32, "y": 128, "x": 128}  # 1 MiB of uint16
CHUNKS_FLAT = {"y": 512, "x": 512}
SHARDS = {"z": 64, "y": 512, "x": 512}
SHARDS_FLAT = {"y": 2048, "x": 2048}
WARM_SHARE = 0.25  # of the input's extent


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tools of one comparison are given.

    Parameters
    ----------
    dataset
        The input, at the scale asked for.
    source
        Its path.
    mode
        Of MODES.
    levels
        How many levels `equal` and `sharded` ask for.
    workers
        Threads.
    warm
        A smaller input of the same kind: what ours converts before its work is measured.
    ours
        The interpreter that runs ome-pyramid.
    envs
        Where the peers' environments are.
    """

    dataset: data.Dataset
    source: Path
    mode: str
    levels: int
    workers: int
    warm: Path
    ours: Path = Path(sys.executable)
    envs: Path = envs.DEFAULT_FOLDER

    @property
    def halve(self) -> str:
        """Axes that every level halves: z too where its pixel is as fine as y's and x's."""
        return "zyx" if self.dataset.name == "volume" else "yx"

    def extents(self, volume: dict[str, int], flat: dict[str, int]) -> dict[str, int]:
        """Extents by axis, channels first, none larger than the image."""
        size = dict(zip(self.dataset.axes, self.dataset.shape, strict=True))
        wanted = volume if "z" in size else flat
        return {axis: min(wanted.get(axis, 1), size[axis]) for axis in sorted(size, key="tczyx".index)}

    @property
    def chunks(self) -> dict[str, int]:
        """The chunk that `equal` gives all tools."""
        return self.extents(CHUNKS, CHUNKS_FLAT)

    @property
    def shards(self) -> dict[str, int]:
        """The shard that `sharded` gives all tools, whole chunks of it."""
        wanted = self.extents(SHARDS, SHARDS_FLAT)
        return {axis: max(1, wanted[axis] // chunk) * chunk for axis, chunk in self.chunks.items()}


def our_options(setting: Setting) -> dict[str, str]:
    """The options that ome-pyramid is given, by flag; none at defaults."""
    options = {"--workers": str(setting.workers)}
    if setting.mode == "zstd1":
        return {**options, "--codec": "blosc:zstd", "--codec-level": "1"}
    if setting.mode == "defaults":
        return options
    factors = {axis: 2 if axis in setting.halve else 1 for axis in setting.chunks}
    return {
        **options,
        "--chunks": _by_axis(setting.chunks),
        "--shards": _by_axis(setting.shards) if setting.mode == "sharded" else "none",
        "--levels": str(setting.levels),
        "--scale-factors": _by_axis(factors),
        "--shuffle": "byte",
    }


def our_command(setting: Setting, target: Path) -> list[str]:
    """How ome-pyramid is run."""
    flags = itertools.chain.from_iterable(our_options(setting).items())
    if setting.dataset.kind == "dask":
        return [str(setting.ours), "-m", "benchmarks.computed", str(setting.source), str(target), *flags]
    return [str(setting.ours), "-m", "pyramid", "convert", str(setting.source), str(target), "--quiet", *flags]


@functools.cache
def our_plan(setting: Setting) -> Any:  # noqa: ANN401  (JSON)
    """What ``pyramid plan`` decides. A process of its own: what this one holds would count as its children's peak."""
    flags = itertools.chain.from_iterable(our_options(setting).items())
    if setting.dataset.kind == "dask":
        command = [str(setting.ours), "-m", "benchmarks.computed", str(setting.source), "--plan", *flags]
    else:
        command = [str(setting.ours), "-m", "pyramid", "plan", str(setting.source), "--json", *flags]
    return json.loads(_output_of(command))


def floor_command(setting: Setting, target: Path) -> list[str]:
    """How the floor is run: as many pixels a chunk, a shard and in all as ome-pyramid writes, by the same codec."""
    levels = our_plan(setting)["levels"]
    pixels = [math.prod(level["shape"]) for level in levels]
    options = our_options(setting)
    command = [sys.executable, "-m", "benchmarks.floor", str(setting.source), str(target)]
    command += ["--workers", str(setting.workers), "--above", str(sum(pixels[1:]) / pixels[0])]
    command += ["--chunk", ",".join(map(str, levels[0]["chunks"]))]
    if levels[0]["shards"]:
        command += ["--shard", ",".join(map(str, levels[0]["shards"]))]
    given = [(flag, options[flag]) for flag in ("--codec", "--codec-level", "--shuffle") if flag in options]
    return [*command, *itertools.chain.from_iterable(given)]


def peer_command(peer: envs.Peer, setting: Setting, target: Path) -> list[str]:
    """How a peer is run, in its own environment."""
    python = envs.python_of(peer, setting.envs)
    command = [str(python), str(HERE / "adapters" / peer.adapter), str(setting.source), str(target)]
    command += ["--axes", setting.dataset.axes, "--workers", str(setting.workers)]
    if setting.mode not in ("equal", "sharded"):
        return command
    command += ["--chunks", _by_comma(setting.chunks), "--levels", str(setting.levels), "--halve", setting.halve]
    return [*command, "--shards", _by_comma(setting.shards)] if setting.mode == "sharded" else command


def _by_axis(extents: dict[str, int]) -> str:
    return ",".join(f"{axis}={n}" for axis, n in extents.items())


def _by_comma(extents: dict[str, int]) -> str:
    return ",".join(map(str, extents.values()))


def work_seconds(tool: str, setting: Setting, folder: Path) -> float | None:
    """The work without imports: ours in a process that has done such before, the floor's as it prints; not peers'."""
    if tool == table.OURS:
        options = {flag.removeprefix("--").replace("-", "_"): value for flag, value in our_options(setting).items()}
        command = [str(setting.ours), "-m", "benchmarks.probe", "work", str(setting.source), str(folder / "again.zarr")]
        command += ["--warm", str(setting.warm), "--options", json.dumps({**options, "workers": setting.workers})]
        return float(json.loads(_output_of(command))["seconds"])
    return float(json.loads((folder / LOG).read_text())["work_s"]) if tool == table.FLOOR else None


def _output_of(command: list[str]) -> bytes:
    return subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE).stdout


def command_of(tool: str, setting: Setting, target: Path) -> list[str]:
    """How `tool` is run: ours, the floor, or a peer by name."""
    if tool == table.OURS:
        return our_command(setting, target)
    if tool == table.FLOOR:
        return floor_command(setting, target)
    return peer_command(envs.PEERS[tool], setting, target)


def version_of(tool: str) -> str:
    """As tables show it."""
    if tool == table.OURS:
        return version("ome-pyramid")
    if tool in envs.PEERS and envs.PEERS[tool].requirements:
        return envs.PEERS[tool].requirements[0].split("==")[1]
    if tool in envs.PEERS:
        told = subprocess.run([envs.PEERS[tool].command, "--version"], check=True, stdout=subprocess.PIPE, text=True)
        return told.stdout.split()[0].removeprefix(f"{envs.PEERS[tool].command}-")
    return "-"


def compare(tools: list[str], setting: Setting, rounds: range, *, cold: bool, scratch: Path) -> list[dict[str, Any]]:
    """Run `tools` in turn, once for each of `rounds`, of which those under 1 are not counted; return a row a tool."""
    costs: dict[str, list[measure.Cost]] = {tool: [] for tool in tools}
    for turn in rounds:
        for tool in tools:
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                measure.set_cache(setting.source, cold=cold)
                command = command_of(tool, setting, Path(folder) / "out.zarr")
                cost = measure.run_once(command, Path(folder) / LOG)
                shutil.rmtree(Path(folder) / "out.zarr", ignore_errors=True)
                cost = replace(cost, work_s=work_seconds(tool, setting, Path(folder)))
            work = f"  {cost.work_s:7.2f} s of work" if cost.work_s else ""
            print(f"{setting.mode:9} {tool:17} {cost.wall_s:7.2f} s  {cost.cpu_s:7.2f} CPU s{work}", flush=True)
            if turn > 0:
                costs[tool].append(cost)
    return [
        {"tool": tool, "version": version_of(tool), "mode": setting.mode, **measure.as_json(found)}
        for tool, found in costs.items()
    ]


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=data.DATASETS)
    parser.add_argument("--tools", nargs="+", default=[table.OURS, table.FLOOR], help="all, or names")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=["defaults"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=1, help="rounds before, which are not counted")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the input, see benchmarks.data")
    parser.add_argument("--cold", action="store_true", help="drop the source from the page cache before each run")
    parser.add_argument("--data", type=Path, default=data.DEFAULT_FOLDER)
    parser.add_argument("--envs", type=Path, default=envs.DEFAULT_FOLDER)
    parser.add_argument("--ours", type=Path, help="interpreter that has ome-pyramid; by default of its own environment")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    given = parser.parse_args(arguments)
    kind = data.DATASETS[given.dataset].kind
    able = [table.OURS, table.FLOOR, *(name for name, peer in envs.PEERS.items() if kind in peer.kinds)]
    given.tools = able if given.tools == ["all"] else given.tools
    for tool in given.tools:
        if tool not in able:
            parser.error(f"{tool!r} cannot run on {given.dataset}; these can: {', '.join(able)}")
    return given


def _input(given: argparse.Namespace, scale: float) -> Path:
    """Make an input in a process of its own: what this one has held counts as the peak of the programs it starts."""
    command = [sys.executable, "-m", "benchmarks.data", given.dataset]
    command += ["--folder", str(given.data.resolve()), "--scale", str(scale)]
    subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL)
    return data.make(given.dataset, given.data.resolve(), scale)


def main(arguments: list[str] | None = None) -> None:
    """Make the input, install the peers, measure and write the results."""
    given = _parse(arguments)
    source, warm = (_input(given, given.scale * share) for share in (1, WARM_SHARE))
    dataset = data.DATASETS[given.dataset].scaled(given.scale)
    for tool in given.tools:
        if tool in envs.PEERS:
            envs.install(envs.PEERS[tool], given.envs)
    if given.ours is None:
        envs.install(envs.OURS, given.envs)
        given.ours = envs.python_of(envs.OURS, given.envs).absolute()
    rows: list[dict[str, Any]] = []
    rounds = range(1 - given.warm_up, given.rounds + 1)
    scratch = Path(tempfile.mkdtemp(dir=source.parent))
    try:
        for mode in given.modes:
            levels, workers, ours = given.levels, given.workers, given.ours
            setting = Setting(dataset, source, mode, levels, workers, warm, ours, given.envs.absolute())
            rows += compare(given.tools, setting, rounds, cold=given.cold, scratch=scratch)
    finally:
        shutil.rmtree(scratch)
    record = {
        "dataset": dataset.name,
        "axes": dataset.axes,
        "shape": dataset.shape,
        "dtype": dataset.dtype,
        "seed": data.SEED,
        "workers": given.workers,
        "rounds": given.rounds,
        "cache": "cold" if given.cold else "warm",
        "machine": measure.machine(),
        "results": rows,
    }
    text = table.markdown(record)
    given.results.mkdir(parents=True, exist_ok=True)
    label = source.name.removesuffix(dataset.suffix)
    (given.results / f"{label}.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    (given.results / f"{label}.md").write_text(text, encoding="utf-8")
    if given.readme:
        table.fill(HERE.parent / "README.md", text)
    print(text)


if __name__ == "__main__":
    main()
