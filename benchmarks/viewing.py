"""Measure `pyramid view`: its start, the first picture, a tile, and many clients that pan at once.

    python -m benchmarks.viewing STORE
    python -m benchmarks.viewing STORE --clients 50 --seconds 30

STORE is an image of at least four tiles of 256 pixels along y and x, as `pyramid convert` makes of `stack-4g`. The
server is a process of its own, as the command starts it. The clients are threads of this process, and take their part
of the cores. A client moves by a tile each half a second and asks for one, as a window of 3 x 3 tiles does that moves
by 170 pixels a second. The first picture is the page, its scripts and all tiles of the level that fits a window of
1100 x 700.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks import measure

HERE = Path(__file__).parent
TILE_PX = 256
# Where the image is shown in a window of 1100 x 700.
VIEW_PX = (640, 830)
# Seconds between two tiles of a client: from half of it to one and a half.
STEP_S = 0.5


class Asking:
    """A connection to a server.

    Parameters
    ----------
    url
        The address that the command printed.
    """

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)

    def get(self, path: str) -> bytes:
        """Return the body of an answer, which must be good."""
        self._connection.request("GET", f"/{path}")
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def serving(store: str) -> Iterator[tuple[str, int]]:
    """Start a server of its own process; yield its address and the number of the process."""
    command = [sys.executable, "-m", "pyramid", "view", store, "--no-browser", "--json", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        try:
            yield json.loads(run.stdout.readline())["url"], run.pid
        finally:
            run.send_signal(signal.SIGINT)


def tiles_of(shape: dict[str, int]) -> list[str]:
    """Return row and column of each tile of a level."""
    rows, columns = (-(-shape[axis] // TILE_PX) for axis in "yx")
    return [f"{row}/{column}" for row in range(rows) for column in range(columns)]


def first_picture(store: str) -> dict[str, float]:
    """Measure seconds from the command to its address, and to all that the first picture needs."""
    began_s = time.perf_counter()
    with serving(store) as (url, _):
        start_s = time.perf_counter() - began_s
        asking = Asking(url)
        page = asking.get("").decode()
        for path in re.findall(r'(?:src|href)="([^":]+)"', page):
            asking.get(path)
        image = json.loads(asking.get("api/image?source=0"))
        number = fitting_level(image)
        for place in tiles_of(image["levels"][number]["shape"]):
            asking.get(f"tile/{number}/{place}.png")
        found = {"start_s": start_s, "first_picture_s": time.perf_counter() - began_s}
        asking.close()
    return found


def fitting_level(image: dict[str, Any]) -> int:
    """Return the number of the coarsest level that has a pixel for each of the view."""
    zoom = min(n / image["extent"][axis] for axis, n in zip("yx", VIEW_PX, strict=True))
    fits = [number for number, level in enumerate(image["levels"]) if 1 / level["factors"]["y"] >= zoom * 0.99]
    return max(fits, default=0)


def warm_tiles(url: str, count: int) -> list[float]:
    """Measure seconds of tiles of level 0 whose chunks are in memory."""
    asking, seconds = Asking(url), []
    for number in range(count + 4):
        path = f"tile/0/{number % 2}/{number // 2 % 2}.png?c=0:FFFFFF:0:{3000 + number}"
        began_s = time.perf_counter()
        asking.get(path)
        seconds.append(time.perf_counter() - began_s)
    asking.close()
    return seconds[4:]


def pan(url: str, image: dict[str, Any], clients: int, duration_s: float) -> list[float]:
    """Measure seconds of each tile that clients ask for, which all pan on their own."""
    rows, columns = (-(-image["extent"][axis] // TILE_PX) for axis in "yx")
    planes, seconds = image["extent"].get("z", 1), []
    end_s = time.perf_counter() + duration_s

    def client(number: int) -> None:
        chance, asking = random.Random(number), Asking(url)
        row, column, z = chance.randrange(rows), chance.randrange(columns), chance.randrange(planes)
        while time.perf_counter() < end_s:
            row = min(rows - 1, max(0, row + chance.choice((-1, 0, 1))))
            column = min(columns - 1, max(0, column + chance.choice((-1, 1))))
            began_s = time.perf_counter()
            asking.get(f"tile/0/{row}/{column}.png?z={z}")
            seconds.append(time.perf_counter() - began_s)
            time.sleep(chance.uniform(0.5, 1.5) * STEP_S)
        asking.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def measured(store: str, clients: int, duration_s: float, rounds: int) -> dict[str, Any]:
    """Return all figures of one store."""
    firsts = [first_picture(store) for _ in range(rounds)]
    with serving(store) as (url, pid):
        asking = Asking(url)
        image = json.loads(asking.get("api/image?source=0"))
        asking.close()
        warm = warm_tiles(url, 100)
        before_bytes = psutil.Process(pid).memory_info().rss
        panned = pan(url, image, clients, duration_s)
        peak_bytes = peak_of(pid)
    return {
        "extent": image["extent"],
        "dtype": image["dtype"],
        "start_s": statistics.median(one["start_s"] for one in firsts),
        "first_picture_s": statistics.median(one["first_picture_s"] for one in firsts),
        "warm_tile_ms": 1e3 * statistics.median(warm),
        "clients": clients,
        "seconds": duration_s,
        "tiles": len(panned),
        "p50_ms": 1e3 * percentile(panned, 50),
        "p95_ms": 1e3 * percentile(panned, 95),
        "before_mb": before_bytes / 1e6,
        "peak_mb": peak_bytes / 1e6,
    }


def percentile(seconds: list[float], share: int) -> float:
    """Return a percentile of times."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def peak_of(pid: int) -> float:
    """Return the most memory in bytes that a process had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return 1024 * float(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def main(words: list[str] | None = None) -> None:
    """Measure a store, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    given = parser.parse_args(words)
    found = measured(os.fspath(given.store), given.clients, given.seconds, given.rounds)
    record = {"machine": measure.machine(), **found}
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "viewing.json").write_text(f"{json.dumps(record, indent=2)}\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
