"""Figures as Markdown, and into the README between its markers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKERS = re.compile(r"(<!-- benchmark -->\n).*?(<!-- /benchmark -->)", re.DOTALL)
OURS, FLOOR = "ome-pyramid", "floor"


def markdown(record: Mapping[str, Any]) -> str:
    """Return a table of one record of ``benchmarks.run``: a row a tool and mode, and what it was measured on."""
    rows = record["results"]
    ours = {row["mode"]: row["median"] for row in rows if row["tool"] == OURS}
    floor = {row["mode"]: row["median"] for row in rows if row["tool"] == FLOOR}
    lines = [
        "| tool | version | options | wall s | work s | CPU s | peak MB | wall / ours | ours / wall | work / floor |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cost, our, limit = row["median"], ours.get(row["mode"]), floor.get(row["mode"])
        cells = [row["tool"], row["version"], row["mode"], f"{cost['wall_s']:.2f}", _ratio(cost["work_s"], 1)]
        cells += [f"{cost['cpu_s']:.2f}", f"{cost['peak_bytes'] / 1e6:.0f}"]
        cells += [_ratio(cost["wall_s"], our and our["wall_s"]), _ratio(our and our["wall_s"], cost["wall_s"])]
        lines.append(f"| {' | '.join([*cells, _ratio(cost['work_s'], limit and limit['work_s'])])} |")
    shape = " x ".join(map(str, record["shape"]))
    machine = record["machine"]
    about = (
        f"{record['dataset']}: {record['axes']} {shape} {record['dtype']}; whole processes, median of"
        f" {record['rounds']} rounds in turn, source {record['cache']}; {record['workers']} workers,"
        f" {machine['cores']} cores of {machine['processor']}."
    )
    return f"{about}\n\n" + "\n".join(lines) + "\n"


def _ratio(above: float | None, below: float | None) -> str:
    """Return a ratio as a table shows it, a dash where one of the two was not measured."""
    return "-" if above is None or not below else f"{above / below:.2f}"


def fill(readme: Path, text: str) -> None:
    """Put `text` between the markers of `readme`; raises ValueError where there are none."""
    before = readme.read_text(encoding="utf-8")
    if not MARKERS.search(before):
        raise ValueError(f"{readme} has no <!-- benchmark --> and <!-- /benchmark --> to fill between")
    readme.write_text(MARKERS.sub(lambda found: f"{found[1]}{text}{found[2]}", before), encoding="utf-8")
