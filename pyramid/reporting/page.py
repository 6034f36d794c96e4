"""One page of a report: self-contained, without scripts, every text escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import Any

from pyramid.reporting.charts import gantt, histogram, rate_curve, stacked_bar
from pyramid.reporting.command import command_of
from pyramid.reporting.tables import level_table
from pyramid.tables import Row, format_bytes, render_html

# The beginning of a page, by which a report is known that may be replaced.
PAGE_MARK = "<!doctype html><!-- report of pyramid -->"
# Light or dark as the reader's system is, by the colours' names there; no font and no picture from elsewhere.
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; margin: 2em auto; max-width: 60em;
  padding: 0 1em; }
table { border-collapse: collapse; margin: .6em 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid GrayText; padding: .2em .8em .2em 0; text-align: left; vertical-align: top; }
code { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; display: block; margin: .5em 0; }
svg text { fill: CanvasText; font: 11px system-ui, sans-serif; }
img { max-width: 100%; }
.legend span { margin-right: 1.2em; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
.bad { border-left: 4px solid #D55E00; padding-left: .8em; }
"""


def report_page(report: Mapping[str, Any], plan_html: str = "", picture: bytes | None = None) -> str:
    """Return the page of a report.

    Parameters
    ----------
    report
        The report, as it is written as JSON.
    plan_html
        The tables of its plan; empty where there is none.
    picture
        A PNG of what was written; None where there is none.
    """
    name = str(report["target"] or report["source"] or "an array").rstrip("/").rpartition("/")[2]
    title = html.escape(f"pyramid {report['command']}: {name}, {report['outcome']}")
    parts = [
        ("", _summary(report)),
        ("Notices", _list(report["notices"])),
        ("Picture", _picture(picture)),
        ("Sizes", render_html([level_table(report)])),
        ("Where the time went", _times(report)),
        ("Rate over time", _rate(report)),
        ("Blocks by worker", _blocks(report)),
        ("Channels", _channels(report)),
        ("Plan", plan_html),
        ("Versions", _versions(report)),
    ]
    body = "\n".join(f"<section><h2>{head}</h2>{part}</section>" if head else part for head, part in parts if part)
    return (
        f'{PAGE_MARK}\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _summary(report: Mapping[str, Any]) -> str:
    """Return the command, the end of the run, its time and its rate."""
    rows: list[Row] = [("started", str(report["started"])), ("time", f"{report['seconds']:.2f} s")]
    if report["source_bytes"] is not None:
        rows.append(("size of the source", format_bytes(report["source_bytes"])))
    if report["bytes_per_second"] is not None:
        rows.append(("rate", f"{report['bytes_per_second'] / 1e6:,.0f} MB/s"))
    if report["retries"] or report["requests_again"]:
        rows.append(("repeated", f"{report['retries']} blocks, {report['requests_again']} requests"))
    error = report["error"]
    bad = ""
    if error is not None:
        sentences = "".join(f"<p>{html.escape(text)}</p>" for text in (error["message"], *error["notes"]))
        bad = f'<div class="bad">{sentences}</div>'
    return f"<p><code>{html.escape(command_of(report))}</code></p>{bad}{render_html([((), rows)])}"


def _list(sentences: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(text)}</li>' for text in sentences)}</ul>" if sentences else ""


def _picture(picture: bytes | None) -> str:
    if picture is None:
        return ""
    return f'<img alt="the middle plane" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'


def _times(report: Mapping[str, Any]) -> str:
    stages = report["stages"]
    summed = stages["summed_seconds"] or {}
    parts = [
        ("The command, one stage after another", stacked_bar("stages", stages["wall_seconds"])),
        ("The blocks, summed over workers; writing overlaps with the rest", stacked_bar("blocks", summed)),
    ]
    return "".join(f"<p>{head}</p>{bar}" for head, bar in parts if bar)


def _rate(report: Mapping[str, Any]) -> str:
    timeline = report["timeline"]
    return rate_curve(timeline["blocks"], timeline["every"]) if timeline and timeline["blocks"] else ""


def _blocks(report: Mapping[str, Any]) -> str:
    timeline = report["timeline"]
    if not timeline or not timeline["blocks"]:
        return ""
    some = f"<p>One of {timeline['every']} blocks is drawn.</p>" if timeline["every"] > 1 else ""
    return some + gantt(timeline["blocks"])


def _channels(report: Mapping[str, Any]) -> str:
    """Return the range and the histogram of each channel."""
    parts = []
    for channel in report["channels"] or ():
        span = f"{channel['least']:g} to {channel['greatest']:g}" if channel["least"] is not None else "no values"
        parts.append(f"<p>{html.escape(channel['name'])}: {span}</p>")
        if channel["counts"]:
            low, high = channel["least"], channel["greatest"]
            parts.append(histogram(channel["counts"], low, high, "#808080", channel["name"]))
    return "".join(parts)


def _versions(report: Mapping[str, Any]) -> str:
    named = {**report["versions"], **report["platform"]}
    rows = [(name, "not installed" if value is None else str(value)) for name, value in named.items()]
    return render_html([((), rows)])
