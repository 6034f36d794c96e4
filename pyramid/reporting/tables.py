"""The tables of a report, for its page and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    return [((), facts), level_table(report)]


def level_table(report: Mapping[str, Any]) -> Table:
    """Return bytes, compression and objects of each level of a report."""

    def rows() -> Iterator[Row]:
        for level in report["levels"]:
            stored, rate = level["stored_bytes"], level["bytes_per_second"]
            yield (
                str(level["level"]),
                format_shape(level["shape"]),
                f"{level['raw_bytes'] / 1e6:,.2f}",
                "" if stored is None else f"{stored / 1e6:,.2f}",
                f"{level['raw_bytes'] / stored:.2f}" if stored else "",
                str(level["planned_objects"] if level["objects"] is None else level["objects"]),
                "" if rate is None else f"{rate / 1e6:,.0f}",
            )

    return ("level", "shape", "MB before compression", "MB after", "ratio", "objects", "MB/s"), [*rows()]
