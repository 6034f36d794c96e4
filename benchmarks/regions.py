"""Measure the cost of one region of level 0 in each layout of chunks: requests, bytes and seconds.

    python -m benchmarks.regions
    python -m benchmarks.regions --layouts auto plane volume z=128,y=64,x=64 --rounds 5

An image of t, z, y and x is converted in each layout, with shards and without, and served over HTTP with a delay before
each answer. tensorstore reads the regions, with as many requests at once as a browser makes. The metadata is read
before. Each region lies off the grid of chunks, as one that a person chooses does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorstore

import pyramid
from benchmarks import data, measure
from tests.support.servers.faults import FaultProxy
from tests.support.servers.log import Request
from tests.support.servers.web import ranged

HERE = Path(__file__).parent
AXES = "tzyx"
SHAPE = (16, 128, 1024, 1024)
LAYOUTS = ("auto", "plane", "volume")
LATENCY_S = 0.02
REQUESTS_AT_ONCE = 6  # of a browser to one host, over HTTP/1.1

Region: TypeAlias = tuple[slice, ...]


def regions(shape: tuple[int, ...]) -> dict[str, Region]:
    """Return the regions by name, each within `shape` (t, z, y, x)."""
    t, z, y, x = (n // 3 for n in shape)

    def along(start: int, count: int, extent: int) -> slice:
        start = min(start, max(0, extent - count))
        return slice(start, min(extent, start + count))

    _, deep, high, wide = shape
    whole = slice(None)
    return {
        "plane": (slice(t, t + 1), slice(z, z + 1), whole, whole),
        "512 x 512 tile": (slice(t, t + 1), slice(z, z + 1), along(y, 512, high), along(x, 512, wide)),
        "128 x 128 x 128 cube": (slice(t, t + 1), along(z, 128, deep), along(y, 128, high), along(x, 128, wide)),
        "time trace of a pixel": (whole, slice(z, z + 1), slice(y, y + 1), slice(x, x + 1)),
    }


def noisy(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return the image of shape (t, z, y, x)."""
    pixels = np.empty(shape, "uint16")
    for plane, drawn in zip(
        pixels.reshape(-1, *shape[-2:]), data.planes(shape[0] * shape[1], (shape[-2], shape[-1]), "uint16"), strict=True
    ):
        plane[...] = drawn
    return pixels


def opened(url: str) -> tensorstore.TensorStore:
    """Return level 0 at `url`, its metadata read and no chunk."""
    context = {"http_request_concurrency": {"limit": REQUESTS_AT_ONCE}, "cache_pool": {"total_bytes_limit": 0}}
    spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": url, "path": "/0/"}, "context": context}
    return tensorstore.open(spec, open=True).result()


def bytes_of(request: Request, folder: Path) -> int:
    """Return how many bytes answered `request`."""
    file = folder / request.key
    size = file.stat().st_size if file.is_file() else 0
    first, _, last = request.byte_range.removeprefix("bytes=").partition("-")
    if not request.byte_range:
        return size
    return min(int(last), size - 1) - int(first) + 1 if first else min(int(last), size)


def costs(folder: Path, shape: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    """Return the requests, bytes and seconds of each region of the image in `folder`."""
    found = {}
    with ranged(folder) as web, FaultProxy(web.endpoint, latency_s=LATENCY_S) as proxy:
        for name, region in regions(shape).items():
            seconds = []
            for _ in range(rounds):
                level = opened(proxy.endpoint)
                web.log.clear()
                begun_s = time.perf_counter()
                level[region].read().result()
                seconds.append(time.perf_counter() - begun_s)
            asked = [request for request in web.requests if request.status in (200, 206)]
            size = sum(bytes_of(request, folder) for request in asked)
            found[name] = {"requests": len(asked), "bytes": size, "seconds": statistics.median(seconds)}
    return found


def chunks_of(layout: str) -> str | dict[str, int]:
    """Return the value of ``chunks`` that a layout's name means."""
    if "=" not in layout:
        return layout
    return {axis: int(edge) for axis, _, edge in (item.partition("=") for item in layout.split(","))}


def compare(pixels: np.ndarray[Any, Any], layouts: list[str], rounds: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each layout, without shards and with them."""
    for layout in layouts:
        for shards in ("none", "auto"):
            folder = Path(tempfile.mkdtemp(dir=scratch))
            image = pyramid.convert(
                pixels, folder / "image.zarr", axes=AXES, chunks=chunks_of(layout), shards=shards, levels=1
            )
            objects = sum(file.is_file() for file in (folder / "image.zarr/0/c").rglob("*"))
            chunk = " x ".join(map(str, image.levels[0].zarr.chunks))
            found = costs(folder / "image.zarr", pixels.shape, rounds)
            yield {"chunks": layout, "chunk": chunk, "shards": shards, "objects": objects, "regions": found}
            shutil.rmtree(folder)


def markdown(record: Mapping[str, Any]) -> str:
    """Return the costs as a table, and what they were measured on."""
    machine, shape = record["machine"], " x ".join(map(str, record["shape"]))
    about = (
        f"{AXES} {shape} uint16 over HTTP, {LATENCY_S * 1000:g} ms before each answer, {REQUESTS_AT_ONCE} requests at "
        f"once, read by tensorstore; each cell holds requests, MB and seconds; median of {record['rounds']} rounds; "
        f"{machine['cores']} cores of {machine['processor']}."
    )
    names = list(record["results"][0]["regions"])
    head = ["chunks", "a chunk", "shards", "objects", *names]
    lines = [about, "", _line(head), _line(["---"] * len(head))]
    for row in record["results"]:
        cells = [
            f"{cost['requests']}, {cost['bytes'] / 1e6:.2f}, {cost['seconds']:.2f}" for cost in row["regions"].values()
        ]
        lines.append(_line([row["chunks"], row["chunk"], row["shards"], str(row["objects"]), *cells]))
    return "\n".join([*lines, ""])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> None:
    """Measure each layout and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", nargs="+", default=list(LAYOUTS), help="values of --chunks")
    parser.add_argument("--shape", nargs=4, type=int, default=SHAPE, metavar=("T", "Z", "Y", "X"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    given = parser.parse_args(arguments)
    pixels = noisy(tuple(given.shape))
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(compare(pixels, given.layouts, given.rounds, Path(scratch)))
    record = {"shape": given.shape, "rounds": given.rounds, "machine": measure.machine(), "results": rows}
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "regions.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    text = markdown(record)
    (given.results / "regions.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
