"""Measure a camera that writes as it acquires: ours by region, acquire-zarr and ome-writers, in turn.

    python -m benchmarks.envs acquire-zarr ome-writers
    python -m benchmarks.camera
    python -m benchmarks.camera --seconds 4 --tools ome-pyramid

Frames of 2048 x 2048 pixels of uint16 come at 200 a second for 20 s, from memory, one at a time by one thread. A tool
keeps up if no frame is taken later than half a second after it came. `streamed` is the rate until the last frame was
taken, `stored` that until everything was on the disk. With levels, ours makes them at the end, acquire-zarr while it
streams, and ome-writers not at all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.envs import DEFAULT_FOLDER, PEERS, ROOT, python_of

HERE = Path(__file__).parent
ADAPTER = HERE / "adapters" / "camera_stream.py"
TOOLS = ("ome-pyramid", "acquire-zarr", "ome-writers")
ALL_LEVELS = 4  # of 2048 pixels, until 256
# Frames that are late and still held, as a camera's driver has a buffer: half a second.
HELD_S = 0.5
COLUMNS = ("tool", "levels", "frames", "streamed a second", "stored a second", "latest frame s", "keeps up")


def measure(tool: str, levels: int, given: argparse.Namespace) -> dict[str, Any]:
    """Run one tool in its own process and environment, and return what it printed."""
    python = sys.executable if tool == TOOLS[0] else str(python_of(PEERS[tool], given.folder))
    with tempfile.TemporaryDirectory(dir=given.target, prefix="camera-") as folder:
        options = ["--rate", str(given.rate), "--seconds", str(given.seconds), "--edge", str(given.edge)]
        command = [python, str(ADAPTER), tool, f"{folder}/run.ome.zarr", *options, "--levels", str(levels)]
        run = subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return {**found, "keeps_up": found["latest_s"] <= HELD_S}


def render(rows: list[dict[str, Any]]) -> str:
    """Return the table of all runs."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * 2 + "|--:" * (len(COLUMNS) - 2) + "|"]
    for row in rows:
        figures = (f"{row[name]:.0f}" for name in ("streamed_per_second", "stored_per_second"))
        levels = "all" if row["levels"] > 1 else "1"
        late = f"{row['latest_s']:.2f}"
        cells = (row["tool"], levels, str(row["frames"]), *figures, late, "yes" if row["keeps_up"] else "no")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Measure each tool in turn, print the table, and write it with its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--edge", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="of the peers' environments")
    parser.add_argument(
        "--target", type=Path, help="where images are written; the system's temporary folder by default"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results")
    given = parser.parse_args(arguments)
    turn = [(tool, levels) for levels in (1, ALL_LEVELS) for tool in given.tools]
    turn = [(tool, levels) for tool, levels in turn if tool != "ome-writers" or levels == 1]
    rows = [measure(tool, levels, given) for _ in range(given.rounds) for tool, levels in turn]
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "camera.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (given.results / "camera.md").write_text(render(rows), encoding="utf-8")
    print(render(rows))


if __name__ == "__main__":
    main()
