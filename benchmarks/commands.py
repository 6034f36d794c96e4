"""How ome-pyramid, the floor and the peers are run on one input so that they can be compared."""

from __future__ import annotations

import functools
import itertools
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import data, envs, table

HERE = Path(__file__).parent
MODES = ("defaults", "equal", "sharded", "zstd1")
CHUNKS = {"z": 32, "y": 128, "x": 128}  # 1 MiB of uint16
CHUNKS_FLAT = {"y": 512, "x": 512}
SHARDS = {"z": 64, "y": 512, "x": 512}
SHARDS_FLAT = {"y": 2048, "x": 2048}


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
    """Return the options that ome-pyramid is given, by flag; none at defaults."""
    options = {"--workers": str(setting.workers)}
    if setting.mode == "zstd1":
        return {**options, "--codec": "zstd", "--codec-level": "1"}
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
    """Return what ``pyramid plan`` decides, in a process of its own.

    The memory of this one would count as its children's peak.
    """
    flags = itertools.chain.from_iterable(our_options(setting).items())
    if setting.dataset.kind == "dask":
        command = [str(setting.ours), "-m", "benchmarks.computed", str(setting.source), "--plan", *flags]
    else:
        command = [str(setting.ours), "-m", "pyramid", "plan", str(setting.source), "--json", *flags]
    return json.loads(output_of(command))


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


def output_of(command: list[str]) -> bytes:
    """Return what a program prints."""
    return subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE).stdout


def command_of(tool: str, setting: Setting, target: Path) -> list[str]:
    """How `tool` is run: ours, the floor, or a peer by name."""
    if tool == table.OURS:
        return our_command(setting, target)
    if tool == table.FLOOR:
        return floor_command(setting, target)
    return peer_command(envs.PEERS[tool], setting, target)
