"""Charts of a report, as SVG within HTML: no script, and nothing from elsewhere."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyramid.tables import format_count

# Colours that differ for people with any colour vision (Okabe and Ito).
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Width of all charts, and the heights of a bar, a row of a worker, and a curve.
WIDTH, BAR, ROW, CURVE = 720, 22, 12, 110
# The most workers that are drawn: more rows are not read.
MAX_ROWS = 64
# Bins of the rate over time.
RATE_BINS = 60
# The stages of a block that its worker does one after the other.
STAGES = ("read", "reduce", "encode", "wait")


def _svg(height: int, label: str, elements: Iterator[str] | Sequence[str]) -> str:
    """Return a chart, with a text for those who do not see it."""
    name = html.escape(label)
    return (
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f"{''.join(elements)}</svg>"
    )


def _rectangle(x: float, y: float, width: float, height: float, color: str, title: str = "") -> str:  # noqa: PLR0913  (a rectangle has as many)
    place = f'x="{x:.2f}" y="{y:.2f}" width="{max(width, 0.4):.2f}" height="{height:.2f}" fill="{color}"'
    return f"<rect {place}><title>{html.escape(title)}</title></rect>" if title else f"<rect {place}/>"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def legend(names: Sequence[str]) -> str:
    """Return names with their colours, as a line of HTML."""
    spans = (
        f'<span><i style="background:{color}"></i>{html.escape(name)}</span>'
        for name, color in zip(names, COLORS, strict=False)
    )
    return f'<p class="legend">{"".join(spans)}</p>'


def stacked_bar(label: str, seconds: Mapping[str, float]) -> str:
    """Return times as parts of one bar, with a legend."""
    whole = sum(seconds.values())
    if not whole > 0:
        return ""

    def parts() -> Iterator[str]:
        x = 0.0
        for (name, value), color in zip(seconds.items(), COLORS, strict=False):
            width = value / whole * WIDTH
            if width:
                yield _rectangle(x, 0, width, BAR, color, f"{name}: {value:.2f} s")
            x += width

    names = [f"{name} {value:.2f} s ({value / whole:.0%})" for name, value in seconds.items()]
    return _svg(BAR, f"{label}: {', '.join(names)}", parts()) + legend(names)


def gantt(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the blocks of a run by worker, one row each, with the stages of each."""
    end = max((block["end"] for block in blocks), default=0.0)
    if not end > 0:
        return ""
    rows = min(MAX_ROWS, 1 + max(block["worker"] for block in blocks))

    def bars() -> Iterator[str]:
        for block in blocks:
            if block["worker"] < rows:
                yield from _block_bars(block, WIDTH / end)
        yield _text(0, rows * ROW + 12, "0 s")
        yield _text(WIDTH, rows * ROW + 12, f"{end:.2f} s", "end")

    label = f"{format_count(len(blocks), 'block')} of {format_count(rows, 'worker')} over {end:.2f} s"
    return _svg(rows * ROW + 16, label, bars()) + legend(STAGES)


def _block_bars(block: Mapping[str, Any], px_per_s: float) -> Iterator[str]:
    """Yield a bar for each stage of a block, in proportion within its time."""
    seconds = [max(0.0, block.get(stage, 0.0)) for stage in STAGES]
    whole, span = sum(seconds) or 1.0, block["end"] - block["start"]
    x, y = block["start"] * px_per_s, block["worker"] * ROW
    title = f"pass {block['pass'] + 1}, block {block['block']}: {block['start']:.2f} to {block['end']:.2f} s"
    for value, color in zip(seconds, COLORS, strict=False):
        width = value / whole * span * px_per_s
        if value:
            yield _rectangle(x, y + 1, width, ROW - 2, color, title)
        x += width
    if not sum(seconds):
        yield _rectangle(x, y + 1, span * px_per_s, ROW - 2, COLORS[-1], title)


def rates(blocks: Sequence[Mapping[str, Any]], every: int) -> list[float]:
    """Return the bytes a second that were read, in bins of equal time.

    The bytes of a block are spread evenly over its time. Each block stands for `every` blocks.
    """
    end = max((block["end"] for block in blocks), default=0.0)
    bins = [0.0] * RATE_BINS
    width = end / RATE_BINS
    if not width > 0:
        return bins
    for block in blocks:
        start, stop = block["start"], max(block["end"], block["start"] + 1e-6)
        for number in range(int(start / width), min(RATE_BINS, int(stop / width) + 1)):
            shared = min(stop, (number + 1) * width) - max(start, number * width)
            bins[number] += max(0.0, shared) / (stop - start) * block["source_bytes"] * every / width
    return bins


def rate_curve(blocks: Sequence[Mapping[str, Any]], every: int) -> str:
    """Return the rate over time as steps."""
    found = rates(blocks, every)
    most = max(found)
    if not most > 0:
        return ""
    step = WIDTH / len(found)
    bars = [
        _rectangle(i * step, 12 + CURVE * (1 - rate / most), step, CURVE * rate / most, COLORS[0])
        for i, rate in enumerate(found)
    ]
    words = [_text(0, 10, f"{most / 1e6:,.0f} MB/s at most"), _text(WIDTH, CURVE + 26, "end of the blocks", "end")]
    return _svg(CURVE + 30, f"rate over time, at most {most / 1e6:,.0f} MB/s", [*bars, *words])


def histogram(counts: Sequence[int], low: float, high: float, color: str, label: str) -> str:
    """Return a histogram whose heights are square roots, so that rare values are seen."""
    most = math.sqrt(max(counts, default=0))
    if not most > 0:
        return ""
    step = WIDTH / 2 / len(counts)
    bars = [
        _rectangle(i * step, 4 + 60 * (1 - math.sqrt(count) / most), step, 60 * math.sqrt(count) / most, color)
        for i, count in enumerate(counts)
        if count
    ]
    words = [_text(0, 78, f"{low:g}"), _text(WIDTH / 2, 78, f"{high:g}", "end")]
    return _svg(82, f"histogram of {label} from {low:g} to {high:g}", [*bars, *words])
