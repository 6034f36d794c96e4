"""Measure how long reading over HTTP takes where each answer comes 50 ms late, and where it does not.

    python -m benchmarks.latency
    python -m benchmarks.latency --shape 16 256 256 --rounds 1

A volume is converted with shards and without, and served on this machine. What is read: the image (its metadata), level
0 whole, a region of one plane, level 1 whole; and it is converted again, from there to the disk. A process-wide pool of
connections is warm, as in a notebook.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import pyramid
from benchmarks import data, measure
from tests.support.servers.faults import FaultProxy
from tests.support.servers.web import ranged

HERE = Path(__file__).parent
LATENCIES_S = (0.0, 0.05)
SHARDS = ("auto", "none")


def steps(url: str, scratch: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the name of each thing that is read, and a function that reads it."""
    image = pyramid.open(url)
    z, y, x = image.levels[0].shape
    yield "open", lambda: pyramid.open(url)
    yield "level 0", lambda: image.levels[0].data.compute()
    yield "a region of a plane", lambda: image.levels[0].data[z // 3, y // 10 : y // 2, x // 10 : x // 2].compute()
    yield "level 1", lambda: image.levels[1].data.compute()
    yield "convert again", lambda: pyramid.convert(url, scratch / "again.ome.zarr", overwrite=True)


def measured(folder: Path, names: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the median seconds of each step without and with latency, by image."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    with ranged(folder) as web:
        for latency_s in LATENCIES_S:
            with FaultProxy(web.endpoint, latency_s=latency_s) as proxy:
                for name in names:
                    for step, read in steps(f"{proxy.endpoint}/{name}", folder):
                        seconds = [_seconds(read) for _ in range(rounds)]
                        found[name].setdefault(step, []).append(statistics.median(seconds))
    return found


def _seconds(read: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    read()
    return time.perf_counter() - began_s


def markdown(record: dict[str, Any]) -> str:
    """Return the seconds as a table, and what they were measured on."""
    machine, shape = record["machine"], " x ".join(map(str, record["shape"]))
    lines = [
        f"zyx {shape} uint16 over HTTP, seconds without and with {LATENCIES_S[1] * 1000:g} ms before each answer; "
        f"median of {record['rounds']} rounds; {machine['cores']} cores of {machine['processor']}.",
        "",
        f"| what is read | {' | '.join(record['results'])} |",
        f"|---|{'--:|' * len(record['results'])}",
    ]
    rows = list(record["results"].values())
    table = (
        f"| {step} | {' | '.join(f'{row[step][0]:.2f}, {row[step][1]:.2f}' for row in rows)} |" for step in rows[0]
    )
    return "\n".join([*lines, *table, ""])


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs=3, type=int, default=(64, 1024, 1024), metavar=("Z", "Y", "X"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    given = parser.parse_args(arguments)
    depth, *plane = given.shape
    pixels = np.stack(list(data.planes(depth, (plane[0], plane[1]), "uint16")))
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", pyramid.PyramidWarning)
        names = {f"shards {shards}": f"{shards}.ome.zarr" for shards in SHARDS}
        for shards in SHARDS:
            pyramid.convert(pixels, Path(scratch) / f"{shards}.ome.zarr", axes="zyx", shards=shards)
        found = measured(Path(scratch), list(names.values()), given.rounds)
    results = {title: found[name] for title, name in names.items()}
    record = {"shape": given.shape, "rounds": given.rounds, "machine": measure.machine(), "results": results}
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "latency.json").write_text(f"{json.dumps(record, indent=1)}\n", encoding="utf-8")
    text = markdown(record)
    (given.results / "latency.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
