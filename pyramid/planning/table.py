"""A plan as a table, for a terminal and for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyramid.planning.resources import show_bytes

if TYPE_CHECKING:
    from pyramid.planning import Plan

HEADS = ("level", "shape", "scale", "chunks", "shards", "objects")


def _x(values: Sequence[int] | None) -> str:
    return "none" if values is None else " x ".join(map(str, values))


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yield one row for each level, under HEADS."""
    for number, level in enumerate(plan.levels):
        scale = ", ".join(f"{size:.6g}" for size in level.scale)
        yield str(number), _x(level.shape), scale, _x(level.chunks), _x(level.shards), str(level.objects)


def facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the facts about the whole plan, as pairs of a name and a value."""
    spec = plan.spec
    yield "source", f"{spec.name}: {spec.axes} {_x(spec.shape)} {spec.dtype}"
    units = (f"{axis} in {unit}" for axis, unit in zip(spec.axes, spec.units, strict=True) if unit)
    yield "scale", ", ".join(units) or "not known: give --scale"
    yield "target", f"OME-Zarr {plan.version}, {plan.encoding.codec}, method {plan.method}"
    yield "before compression", show_bytes(plan.raw_bytes)
    yield "objects", f"{plan.objects} (as many PUT requests on object storage, besides metadata)"
    for number, pass_ in enumerate(plan.passes, 1):
        origin = "the source" if pass_.source is None else f"level {pass_.source}"
        made = f"level {pass_.first}" if pass_.first == pass_.last else f"levels {pass_.first} to {pass_.last}"
        yield f"pass {number}", f"{made} from {origin}: {_count(pass_.tasks, 'task')} of {_x(pass_.block)}"
    blocks = _count(plan.resources.workers, "worker")
    blocks += " and a block with only its last writes left" if plan.resources.extra_blocks else ""
    yield (
        "memory",
        f"{show_bytes(plan.peak_bytes)} a worker, {blocks}, {show_bytes(plan.resources.memory_bytes)} allowed",
    )
    yield "read amplification", f"{plan.read_amplification:.3g}"


def as_text(plan: Plan) -> str:
    """Format the plan for a terminal."""
    table = [HEADS, *rows(plan)]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    pairs = list(facts(plan))
    width = max(len(name) for name, _ in pairs)
    lines += ["", *(f"{name.ljust(width)}  {value}" for name, value in pairs)]
    return "\n".join(lines)


def as_html(plan: Plan) -> str:
    """Format the plan as HTML, for a notebook."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    levels = row(HEADS, "th") + "".join(row(cells, "td") for cells in rows(plan))
    whole = "".join(row(pair, "td") for pair in facts(plan))
    return f"<table>{levels}</table><table>{whole}</table>"
