"""The physical extent and the units of an image, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyramid.model import SPACE
from pyramid.ngff.lengths import to_micrometers
from pyramid.tables import shorten


def extents(
    axes: str, units: Sequence[str | None], shape: Sequence[int], scale: Sequence[float | None] | None
) -> Iterator[str]:
    """Yield the physical extent of an image on axes of space and time, in words.

    Lengths are in micrometers where their unit is known. Axes whose size is None are left out. Nothing is yielded where
    all sizes are 1 without a unit: that is written where they are unknown.

    Examples
    --------
    >>> list(extents("tyx", ("second", "nanometer", "nanometer"), (9, 50, 40), (2.0, 100.0, 100.0)))
    ['y 5, x 4 micrometer', 't 18 second']
    """
    rows = [] if scale is None else zip(axes, units, shape, scale, strict=True)
    by_axis = [(axis, unit, count, size) for axis, unit, count, size in rows if size is not None]
    if not any(unit or (size != 1 and axis != "c") for axis, unit, _, size in by_axis):
        return
    by_unit: dict[str, list[str]] = {}
    for axis, unit, count, size in by_axis:
        if axis in SPACE:
            length = to_micrometers(count * size, unit)
            word = "micrometer" if length is not None else unit or "without a unit"
            by_unit.setdefault(word, []).append(f"{axis} {count * size if length is None else length:.6g}")
    for word, lengths in by_unit.items():
        yield f"{', '.join(lengths)} {shorten(word)}"
    for axis, unit, count, size in by_axis:
        if axis == "t" and (unit or size != 1):
            yield f"t {count * size:.6g} {shorten(unit or 'without a unit')}"


def placement_facts(
    axes: str,
    units: Sequence[str | None],
    scale: Sequence[float | None] | None,
    translation: Sequence[float] | None,
) -> Iterator[tuple[str, str]]:
    """Yield the origin and the time increment, if known, each with its name.

    Origins are the centres of first pixels that are not 0, in the unit of their axis.

    Examples
    --------
    >>> list(placement_facts("tyx", ("second", None, None), (2.5, 1.0, 1.0), (0, 0, 20)))
    [('origin', 'x=20'), ('time increment', '2.5 second')]
    """
    places = [f"{axis}={at:g}" for axis, at in zip(axes, translation or (), strict=False) if at]
    if places:
        yield "origin", ", ".join(places)
    for axis, unit, size in zip(axes, units, scale or (), strict=False):
        if axis == "t" and size is not None and (unit or size != 1):
            yield "time increment", f"{size:.6g} {shorten(unit or 'without a unit')}"


def units_by_axis(axes: str, units: Sequence[str | None]) -> Iterator[str]:
    """Yield each unit with its axes.

    Examples
    --------
    >>> list(units_by_axis("czyx", (None, "micrometer", "nanometer", "nanometer")))
    ['z in micrometer', 'y, x in nanometer']
    """
    for unit in dict.fromkeys(unit for unit in units if unit):
        named = (axis for axis, own in zip(axes, units, strict=True) if own == unit)
        yield f"{', '.join(named)} in {shorten(unit)}"
