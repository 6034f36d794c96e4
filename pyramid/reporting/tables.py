"""The tables of a report, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.tables import Row, Table, format_bytes, format_shape


def report_tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the facts of a report, and a table of its levels.

    Parameters
    ----------
    report
        The report, as it is written as JSON.
    """
    stages = [f"{name} {seconds:.2f} s" for name, seconds in report["stages"]["wall_seconds"].items()]
    rate = report["bytes_per_second"]
    facts: list[Row] = [
        ("outcome", report["outcome"]),
        ("source", report["source"] or "an array"),
        ("target", report["target"] or ""),
        ("pixels", format_bytes(report["source_bytes"] or 0) + (f", {rate / 1e6:.0f} MB/s" if rate else "")),
        ("time", f"{report['seconds']:.2f} s: {', '.join(stages)}"),
        *(("notice", notice) for notice in report["notices"]),
    ]
    heads = ("level", "shape", "MB of pixels", "MB stored", "objects")
    return [((), facts), (heads, [_level(level) for level in report["levels"]])]


def _level(level: Mapping[str, Any]) -> Row:
    stored, objects = level["stored_bytes"], level["objects"]
    return (
        str(level["level"]),
        format_shape(level["shape"]),
        f"{level['raw_bytes'] / 1e6:,.2f}",
        "" if stored is None else f"{stored / 1e6:,.2f}",
        str(level["planned_objects"] if objects is None else objects),
    )
