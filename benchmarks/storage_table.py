"""What was measured of object storage, held to its bars and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

OURS, ALONE, LOCAL, S3FS = "ome-pyramid", "obstore", "local disk", "zarr-s3fs"
Rows: TypeAlias = list[dict[str, Any]]
HEAD = ("form", "way", "tool", "objects", "MB stored", "s", "MB/s", "CPU s")


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio of seconds beside the most that it may be."""

    what: str
    value: float
    most: float


def bars(rows: Rows, cores: int) -> Iterator[Bar]:
    """Return what is held to a bar; bars whose runs are not among the rows are left out."""
    for form in dict.fromkeys(row["form"] for row in rows):
        runs = {(row["way"], row["tool"]): row["rounds"] for row in rows if row["form"] == form}
        seconds = {place: [run["seconds"] for run in found] for place, found in runs.items()}
        if {("limited", OURS), ("limited", ALONE)} <= seconds.keys():
            ratio = _ratio(seconds["limited", OURS], seconds["limited", ALONE])
            yield Bar(f"{form}: over obstore alone, where the storage is the limit", ratio, 1.1)
        if {("direct", OURS), ("direct", ALONE), ("direct", LOCAL)} <= seconds.keys():
            ours, alone, local = (seconds["direct", tool] for tool in (OURS, ALONE, LOCAL))
            both = [a + run["cpu_s"] / cores for a, run in zip(alone, runs["direct", LOCAL], strict=True)]
            longer = list(map(max, alone, local))
            yield Bar(f"{form}: over the longer of obstore alone and local disk", _ratio(ours, longer), 1.1)
            yield Bar(f"{form}: over obstore alone and then local disk's CPU on all cores", _ratio(ours, both), 1.1)
        if {("latency", OURS), ("proxy", OURS)} <= seconds.keys():
            ratio = _ratio(seconds["latency", OURS], seconds["proxy", OURS])
            yield Bar(f"{form}: with 50 ms added to each request over without", ratio, 2)


def _ratio(above: list[float], below: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def markdown(record: Mapping[str, Any]) -> str:
    """Return the bars and the rows as tables, and what they were measured on."""
    machine, shape = record["machine"], " x ".join(map(str, record["shape"]))
    about = (
        f"{record['dataset']}: {shape} {record['dtype']}, to {record['server']} on the same machine;"
        f" {record['workers']} workers, {record['requests']} requests under way at most; median of {record['rounds']}"
        f" rounds in turn; limited is {record['mb_per_s']:g} MB/s; {machine['cores']} cores of {machine['processor']}."
    )
    lines = [about, "", "| | measured | at most | met |", "|---|--:|--:|---|"]
    for bar in record["bars"]:
        met = "yes" if bar["value"] <= bar["most"] else "no"
        lines.append(_line(bar["what"], f"{bar['value']:.2f}", f"{bar['most']:g}", met))
    lines += ["", _line(*HEAD), "|---|---|---|--:|--:|--:|--:|--:|"]
    lines += [_line(row["form"], row["way"], row["tool"], *_figures(row)) for row in record["results"]]
    return "\n".join(lines) + "\n"


def _figures(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Objects, MB, seconds, MB/s and CPU; local disk tells neither objects nor bytes."""
    seconds, cpu = f"{row['seconds']:.2f}", f"{row['cpu_s']:.2f}"
    if "bytes" not in row:
        return "-", "-", seconds, "-", cpu
    mb = row["bytes"] / 1e6
    return f"{row['objects']:.0f}", f"{mb:.0f}", seconds, f"{mb / row['seconds']:.0f}", cpu


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
