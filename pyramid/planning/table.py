"""A plan as a table, for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyramid.ngff import FORMATS
from pyramid.ngff.acquisition import emission_facts
from pyramid.ngff.extents import extents, placement_facts, units_by_axis
from pyramid.planning.access import access_table
from pyramid.planning.resources import show_bytes
from pyramid.tables import (
    MAX_CELL,
    Row,
    Table,
    format_bytes,
    format_count,
    format_list,
    format_numbers,
    format_shape,
    shorten,
)

if TYPE_CHECKING:
    from pyramid.model import SourceSpec
    from pyramid.options.convert import Options
    from pyramid.planning import Pass, Plan

# The heads of the table of levels.
HEADS = ("level", "shape", "scale", "chunks", "shards", "objects")


def rows(plan: Plan) -> Iterator[Row]:
    """Yield one row for each level, under HEADS."""
    for number, level in enumerate(plan.levels):
        yield (
            str(number),
            format_shape(level.shape),
            format_numbers(level.scale),
            format_shape(level.chunks),
            format_shape(level.shards),
            str(level.objects) if number or not plan.keeps_base else "kept",
        )


def source_facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the facts about the source, as pairs of a name and a value."""
    spec = plan.spec
    yield "source", f"{shorten(spec.name)}: {spec.axes} {format_shape(spec.shape)} {spec.dtype}"
    for option, value in spec.edits:
        yield option, shorten(value, MAX_CELL)
    yield "size", ", ".join(extents(spec.axes, spec.units, spec.shape, spec.scale)) or "not known: give scale=..."
    yield from placement_facts(spec.axes, spec.units, spec.scale, spec.translation)
    yield "units of scale", "; ".join(units_by_axis(spec.axes, spec.units)) or "not known"
    names = [channel.name or "no name" for channel in spec.channels]
    if any(channel.name for channel in spec.channels):
        yield "channels", format_list(names)
    elif "c" in spec.axes:
        yield "channels", f"{spec.shape[spec.axes.index('c')]} without names"
    yield from emission_facts(spec.channels)
    yield from spec.details


def facts(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the facts about the target and the work, as pairs of a name and a value."""
    left_out = "" if plan.nodata is None else f" without pixels of {plan.nodata:g}"
    yield "target", f"{FORMATS[plan.version].title}, {plan.encoding.codec}, {_methods(plan)}{left_out}"
    yield "before compression", format_bytes(plan.raw_bytes)
    yield "objects to write", f"{plan.objects} and metadata (on object storage each is a PUT request)"
    for number, pass_ in enumerate(plan.passes, 1):
        origin = "the source" if pass_.source is None else f"level {pass_.source}"
        origin += f"'s own level {pass_.own}" if pass_.source is None and pass_.own else ""
        yield (
            f"pass {number}",
            f"{format_levels(pass_)} from {origin}: {format_count(pass_.tasks, 'task')} of {format_shape(pass_.block)}",
        )
    blocks = format_count(plan.resources.workers, "worker")
    blocks += " and a block with only its last writes left" if plan.resources.extra_blocks else ""
    yield (
        "memory",
        f"{show_bytes(plan.peak_bytes)} a worker, {blocks}, {show_bytes(plan.resources.memory_bytes)} allowed",
    )
    times = f"{plan.read_amplification:.3g}"
    yield "source is read", "once" if times == "1" else f"{times} times, as blocks cut its chunks"
    if plan.done_tasks is not None:
        yield "unfinished run", f"{plan.done_tasks} of {format_count(plan.tasks, 'block')} are done"
    if plan.estimate is not None:
        yield from plan.estimate.facts()


def _methods(plan: Plan) -> str:
    """Return how the levels are made."""
    if not plan.copied:
        return f"method {plan.method}"
    copied = "level 1" if plan.copied == 1 else f"levels 1 to {plan.copied}"
    made = f", then method {plan.method}" if plan.uses_method else ""
    return f"{copied} of the source (method not known){made}"


def format_levels(pass_: Pass) -> str:
    """Name the levels that a pass makes."""
    return f"level {pass_.first}" if pass_.first == pass_.last else f"levels {pass_.first} to {pass_.last}"


def plan_tables(plan: Plan) -> Sequence[Table]:
    """Return a plan as tables: its source, its levels, and the work."""
    tables: list[Table] = [((), [*source_facts(plan)]), (HEADS, [*rows(plan)]), ((), [*facts(plan)])]
    return [*tables, access_table(plan.access)] if plan.access else tables


def summarize(plan: Plan) -> str:
    """Return a plan as one line of a log."""
    first, number = plan.levels[0], len(plan.passes)
    counts = (format_count(len(plan.levels), "level"), "1 pass" if number == 1 else f"{number} passes")
    work = (format_count(plan.tasks, "block"), format_count(plan.objects, "object"))
    return (
        f"{', '.join(counts + work)}; chunks of {format_shape(first.chunks)}, shards of {format_shape(first.shards)}, "
        f"{plan.encoding.codec}; {format_count(plan.resources.workers, 'worker')}, {show_bytes(plan.peak_bytes)} each"
    )


def describe_scale(spec: SourceSpec, options: Options) -> str:
    """Return the size of a pixel on each axis, and its origin, for a log."""
    given = options.scale or {}
    sizes = [
        f"{axis}={size:g} {unit or '(no unit)'} ({'as given' if axis in given else 'from the source'})"
        for axis, size, unit in zip(spec.axes, spec.scale, spec.units, strict=True)
        if size is not None
    ]
    return ", ".join(sizes) or "not known, neither given nor in the source"
