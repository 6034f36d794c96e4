"""Figures as Markdown, and into the README between its markers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKERS = re.compile(r"(<!-- benchmark -->\n).*?(<!-- /benchmark -->)", re.DOTALL)
OURS = "ome-pyramid"


def markdown(record: Mapping[str, Any]) -> str:
    """A table of one record of ``benchmarks.run``: a row a tool and mode, and what it was measured on."""
    rows = record["results"]
    ours = {row["mode"]: row["median"]["wall_s"] for row in rows if row["tool"] == OURS}
    lines = [
        "| tool | version | options | wall s | work s | CPU s | peak MB | wall / ours |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cost = row["median"]
        ratio = f"{cost['wall_s'] / ours[row['mode']]:.1f}" if row["mode"] in ours else "-"
        work = "-" if cost["work_s"] is None else f"{cost['work_s']:.1f}"
        lines.append(
            f"| {row['tool']} | {row['version']} | {row['mode']} | {cost['wall_s']:.1f} | {work} | {cost['cpu_s']:.1f}"
            f" | {cost['peak_bytes'] / 1e6:.0f} | {ratio} |"
        )
    shape = " x ".join(map(str, record["shape"]))
    machine = record["machine"]
    about = (
        f"{record['dataset']}: {record['axes']} {shape} {record['dtype']}; whole processes, median of"
        f" {record['rounds']} rounds in turn, source {record['cache']}; {record['workers']} workers,"
        f" {machine['cores']} cores of {machine['processor']}."
    )
    return f"{about}\n\n" + "\n".join(lines) + "\n"


def fill(readme: Path, text: str) -> None:
    """Put `text` between the markers of `readme`; raises ValueError where there are none."""
    before = readme.read_text(encoding="utf-8")
    if not MARKERS.search(before):
        raise ValueError(f"{readme} has no <!-- benchmark --> and <!-- /benchmark --> to fill between")
    readme.write_text(MARKERS.sub(lambda found: f"{found[1]}{text}{found[2]}", before), encoding="utf-8")
