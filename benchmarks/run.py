"""Run ome-pyramid, the floor and its peers in turn on one input, and write the table.

    python -m benchmarks.run stack                                   # ours and the floor
    python -m benchmarks.run stack --tools all --modes defaults equal --rounds 3 --readme
    python -m benchmarks.run slide-deflate --tools ome-pyramid libvips ngff-zarr

Modes: ``defaults`` leaves every tool its own; ``equal`` gives all the same codec (Blosc lz4, level 5, byte shuffle),
chunks and levels; ``sharded`` the same shards as well; ``zstd1`` gives ours zstd at level 1, as
libvips has it. Results go to ``benchmarks/results/`` as Markdown and JSON.
A first round warms what tools compile and cache, and is not counted. A target gives its room back before the next run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import data, envs, measure, table
from benchmarks.commands import MODES, Setting, command_of, our_options, output_of

HERE = Path(__file__).parent
LOG = "log.txt"
WARM_SHARE = 0.5  # of the input's extent


def work_seconds(tool: str, setting: Setting, folder: Path) -> float | None:
    """Return the seconds of work without imports; None for peers.

    Ours is measured in a process that has done such work before; the floor prints its own.
    """
    if tool == table.OURS:
        options = {flag.removeprefix("--").replace("-", "_"): value for flag, value in our_options(setting).items()}
        command = [str(setting.ours), "-m", "benchmarks.probe", "work", str(setting.source), str(folder / "again.zarr")]
        command += ["--warm", str(setting.warm), "--options", json.dumps({**options, "workers": setting.workers})]
        return float(json.loads(output_of(command))["seconds"])
    return float(json.loads((folder / LOG).read_text())["work_s"]) if tool == table.FLOOR else None


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
            folder = Path(tempfile.mkdtemp(dir=scratch))
            measure.set_cache(setting.source, cold=cold)
            cost = measure.run_once(command_of(tool, setting, folder / "out.zarr"), folder / LOG)
            measure.give_back(folder / "out.zarr")
            cost = replace(cost, work_s=work_seconds(tool, setting, folder))
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
    parser.add_argument("--scratch", type=Path, help="where targets go; their files stay, emptied")
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
    scratch = Path(tempfile.mkdtemp(dir=given.scratch or source.parent))
    try:
        for mode in given.modes:
            levels, workers, ours = given.levels, given.workers, given.ours
            setting = Setting(dataset, source, mode, levels, workers, warm, ours, given.envs.absolute())
            rows += compare(given.tools, setting, rounds, cold=given.cold, scratch=scratch)
    finally:
        if given.scratch is None:
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
