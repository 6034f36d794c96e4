"""How quickly a pyramid reaches object storage, beside obstore alone and zarr-python through s3fs, on a real server.

    python -m benchmarks.object_store                          # Ceph's radosgw where it is installed, else moto
    python -m benchmarks.object_store --server moto --scale 0.5 --rounds 2 --tools ome-pyramid obstore

obstore alone puts the same objects (the same keys and bytes, made by a run to local disk and held in memory) from as
many threads, and so does nothing but put. What ours does beside it (reading, halving, encoding) is what the run to
local disk takes, in the same round. The ways to the server:

``direct``
    None between: client and server share this machine's cores, so that neither can go on beside the other for nothing.
``limited``
    Through a proxy that passes so many MB/s in all: there the storage is the limit, whatever else is done.
``proxy``, ``latency``
    Through a proxy that adds nothing, and one that adds 50 ms to each request.

Each run is a process of its own that has imported, compiled and converted a little before it is timed; the figure is
that of the call. Tools take turns. Results go to ``object-store.json`` and ``object-store.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import obstore

from benchmarks import data, envs, measure, storage_table
from benchmarks.storage_table import ALONE, LOCAL, OURS, S3FS
from benchmarks.ways import WAYS, way_to
from pyramid.writing.objects import REQUESTS
from tests.support.servers.ceph import radosgw
from tests.support.servers.loopback import NO_CLOUD
from tests.support.servers.s3 import moto_s3
from tests.support.servers.service import Service

HERE = Path(__file__).parent
FORMS = {"plain": "none", "sharded": "auto"}
SERVERS = ("radosgw", "moto")
TOOLS = {"direct": (LOCAL, OURS, ALONE, S3FS), "limited": (OURS, ALONE), "proxy": (OURS,), "latency": (OURS,)}
MEMORY_BYTES = 2**34  # of radosgw's storage, of which only what is used is taken


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all runs of one form.

    Parameters
    ----------
    source
        The input's path.
    axes
        Its axes.
    form
        Of FORMS: a chunk an object, or shards as ours chooses them.
    workers
        Threads that encode; each may have `REQUESTS` requests under way.
    ours, envs
        The interpreter that runs ours and obstore; where the peers' environments are.
    scratch
        A folder for the runs to local disk.
    """

    source: Path
    axes: str
    form: str
    workers: int
    ours: Path
    envs: Path
    scratch: Path

    @property
    def local(self) -> Path:
        """Where the latest run to local disk is."""
        return self.scratch / f"{self.form}.ome.zarr"

    def command(self, tool: str, target: str) -> list[str]:
        """How `tool` is run."""
        uploads = [str(self.ours), "-m", "benchmarks.uploads"]
        if tool == ALONE:
            return [*uploads, "put", str(self.local), target, "--threads", str(self.workers * REQUESTS)]
        if tool == S3FS:
            return self._peer_command(target)
        options = ["--workers", str(self.workers), "--shards", FORMS[self.form]]
        return [*uploads, "convert", str(self.source), target, *options]

    def _peer_command(self, target: str) -> list[str]:
        """Level 0 in the chunks and shards of the run to local disk."""
        grid = json.loads((self.local / "0/zarr.json").read_text(encoding="utf-8"))
        outer, codec = grid["chunk_grid"]["configuration"]["chunk_shape"], grid["codecs"][0]
        inner = codec["configuration"]["chunk_shape"] if codec["name"] == "sharding_indexed" else None
        peer = envs.PEERS[S3FS]
        command = [
            str(envs.python_of(peer, self.envs)),
            str(HERE / "adapters" / peer.adapter),
            str(self.source),
            target,
        ]
        command += ["--axes", self.axes, "--workers", str(self.workers), "--chunks", _by_comma(inner or outer)]
        return [*command, "--shards", _by_comma(outer)] if inner else command


def _by_comma(extents: list[int]) -> str:
    return ",".join(map(str, extents))


def run_tool(tool: str, setting: Setting, service: Service, prefix: str) -> dict[str, float]:
    """Run one tool once, with what it puts under `prefix`; what it tells of itself."""
    if tool == LOCAL:
        shutil.rmtree(setting.local, ignore_errors=True)
    keys = {"AWS_ACCESS_KEY_ID": service.options["key"], "AWS_SECRET_ACCESS_KEY": service.options["secret"]}
    region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), service.options["region"])
    environment = {**os.environ, **NO_CLOUD, **keys, **region, "AWS_ENDPOINT_URL": service.endpoint}
    command = setting.command(tool, str(setting.local) if tool == LOCAL else service.url(prefix))
    told = subprocess.run(command, cwd=HERE.parent, env=environment, check=True, stdout=subprocess.PIPE).stdout
    figures: dict[str, float] = json.loads(told.splitlines()[-1])
    return figures


def cleared(service: Service, prefix: str) -> dict[str, float]:
    """Delete all objects under a prefix; how many there were, and their bytes."""
    store = service.store(prefix)
    found = [item for batch in obstore.list(store) for item in batch]
    obstore.delete(store, [item["path"] for item in found])
    return {"objects": len(found), "bytes": sum(item["size"] for item in found)}


@contextmanager
def started(server: str, folder: Path) -> Iterator[Service]:
    """Return a server that runs, with a bucket."""
    place = folder / server
    place.mkdir()
    with radosgw(place, memory_bytes=MEMORY_BYTES) if server == "radosgw" else moto_s3(place) as service:
        yield service


def compare(setting: Setting, service: Service, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the tools in turn on each way; a row a way and tool."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    run_tool(LOCAL, setting, service, "")  # what obstore alone puts
    for _ in range(given.rounds):
        for way in given.ways:
            for tool in (tool for tool in TOOLS[way] if tool in given.tools):
                prefix = f"{way}/{tool}/{time.monotonic_ns()}.ome.zarr"
                with way_to(service, way, given.mb_per_s * 1e6) as asked:
                    figures = run_tool(tool, setting, asked, prefix)
                if tool != LOCAL:
                    figures |= cleared(service, prefix)
                found.setdefault((way, tool), []).append(figures)
                print(f"{setting.form:8} {way:8} {tool:12} {figures['seconds']:7.2f} s", flush=True)
    return [
        {"form": setting.form, "way": way, "tool": tool, **_median(runs), "rounds": runs}
        for (way, tool), runs in found.items()
    ]


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    server = "radosgw" if shutil.which("radosgw") else "moto"
    parser.add_argument("--server", choices=SERVERS, default=server)
    parser.add_argument("--dataset", choices=data.DATASETS, default="stack")
    parser.add_argument("--scale", type=float, default=1.0, help="of the input, see benchmarks.data")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--tools", nargs="+", choices=TOOLS["direct"], default=list(TOOLS["direct"]))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--mb-per-s", type=float, default=50, help="what the limited way passes")
    parser.add_argument("--data", type=Path, default=data.DEFAULT_FOLDER)
    parser.add_argument("--envs", type=Path, default=envs.DEFAULT_FOLDER)
    parser.add_argument("--ours", type=Path, help="interpreter that has ome-pyramid; by default of its own environment")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    return parser.parse_args(arguments)


def measured(given: argparse.Namespace, source: Path) -> list[dict[str, Any]]:
    """Return the rows of every form, each on a server of its own.

    radosgw keeps deleted parts of large objects for hours.
    """
    rows: list[dict[str, Any]] = []
    interpreters = given.ours.absolute(), given.envs.absolute()
    for form in given.forms:
        with tempfile.TemporaryDirectory(dir=source.parent) as scratch:
            axes = data.DATASETS[given.dataset].axes
            setting = Setting(source, axes, form, given.workers, *interpreters, Path(scratch))
            with started(given.server, Path(scratch)) as service:
                rows += compare(setting, service, given)
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Start the server, measure, and write the results."""
    given = _parse(arguments)
    if S3FS in given.tools and "direct" in given.ways:
        envs.install(envs.PEERS[S3FS], given.envs)
    if given.ours is None:
        envs.install(envs.OURS, given.envs)
        given.ours = envs.python_of(envs.OURS, given.envs)
    source, dataset = data.make(given.dataset, given.data.resolve(), given.scale), data.DATASETS[given.dataset]
    measure.set_cache(source, cold=False)
    rows = measured(given, source)
    record = {
        "server": given.server,
        "dataset": dataset.name,
        "shape": dataset.scaled(given.scale).shape,
        "dtype": dataset.dtype,
        **{name: getattr(given, name) for name in ("rounds", "workers", "mb_per_s")},
        "requests": given.workers * REQUESTS,
        "machine": measure.machine(),
        "bars": [asdict(bar) for bar in storage_table.bars(rows, len(os.sched_getaffinity(0)))],
        "results": rows,
    }
    text = storage_table.markdown(record)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "object-store.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    (given.results / "object-store.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
