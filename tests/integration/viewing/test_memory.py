"""The memory of the server's process while many clients ask at once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import pyramid
from benchmarks.viewing import Asking, peak_of
from pyramid.viewing.memory import GIVE_BACK_BYTES, MAX_FREE_BYTES

MEMORY_MIB = 16


def test_many_clients_take_the_memory_that_is_allowed(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65535, (2, 16, 1024, 1024), dtype="uint16")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="czyx", levels=1)
    command = [sys.executable, "-m", "pyramid", "view", str(tmp_path / "a.ome.zarr"), "--no-browser", "--json", "-q"]
    with subprocess.Popen([*command, "--memory", f"{MEMORY_MIB}MiB"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = json.loads(server.stdout.readline())["url"]
            _pan(url, 0, 1)
            before_bytes = peak_of(server.pid)
            with ThreadPoolExecutor(20) as clients:
                list(clients.map(lambda number: _pan(url, number, 24), range(20)))
            grown_bytes = peak_of(server.pid) - before_bytes
        finally:
            server.send_signal(signal.SIGINT)
    # Chunks that are kept, memory that waits for the next of them, and what malloc keeps until it gives it back.
    assert grown_bytes < MEMORY_MIB * 2**20 + MAX_FREE_BYTES + GIVE_BACK_BYTES


def _pan(url: str, number: int, tiles: int) -> None:
    """Ask for tiles at random places, as one client does."""
    chance, asking = random.Random(number), Asking(url)
    for _ in range(tiles):
        asking.get(f"tile/0/{chance.randrange(4)}/{chance.randrange(4)}.png?z={chance.randrange(16)}")
    asking.close()
