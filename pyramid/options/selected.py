"""A selection held against an image: the positions that it takes on each axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyramid.errors import OptionError, list_some, short_repr
from pyramid.model import Shape
from pyramid.options.nearest import nearest
from pyramid.options.selection import Items, Selection, Span, show_pick

# Positions of an axis that are taken, from 0 on: a range with a step above 0, or a list without even steps.
Positions: TypeAlias = range | tuple[int, ...]

MAX_LISTED = 8  # names of channels in an error


@dataclass(frozen=True, slots=True)
class Selected:
    """The positions that a selection takes on each axis of an image.

    Parameters
    ----------
    positions
        For each axis, in the order of the image's.
    notices
        A sentence for each slice that goes past the end of its axis.
    """

    positions: tuple[Positions, ...]
    notices: tuple[str, ...] = ()


def resolve(selection: Selection, axes: str, shape: Shape, names: Sequence[str | None]) -> Selected:
    """Return the positions that a selection takes.

    Parameters
    ----------
    selection
        The parsed selection.
    axes, shape
        Those of the image.
    names
        The names of its channels; empty if none is known.

    Raises
    ------
    OptionError
        If it names an axis, an index or a channel that is not there, or takes nothing.

    Examples
    --------
    >>> from pyramid.options.selection import parse_selection
    >>> resolve(parse_selection("c=GFP,y=-2:"), "cyx", (2, 8, 8), ["DAPI", "GFP"]).positions
    (range(1, 2), range(6, 8), range(0, 8))
    """
    picks = dict(selection.picks)
    for axis in picks:
        if axis not in axes:
            raise OptionError(f"select: the image has no axis {axis!r}; its axes are {axes}")
    found: list[Positions] = []
    notices: list[str] = []
    for axis, extent in zip(axes, shape, strict=True):
        pick = picks.get(axis, Span())
        if isinstance(pick, Span):
            found.append(_of_span(axis, pick, extent))
            if any(end is not None and not -extent <= end <= extent for end in (pick.start, pick.stop)):
                notices.append(f"select: {axis}={pick} goes past the end, as {axis} has {_extent(extent)}")
        else:
            found.append(_of_items(axis, pick, extent, names))
    return Selected(tuple(found), tuple(notices))


def _extent(extent: int) -> str:
    return f"{extent} (0 to {extent - 1})" if extent > 1 else "1 (only 0)"


def _of_span(axis: str, span: Span, extent: int) -> range:
    found = range(extent)[span.slice]
    if not found:
        raise OptionError(
            f"select: {axis}={span} takes nothing of {axis}, which has {_extent(extent)}; take at least 1"
        )
    return range(found[0], found[-1] + 1, found.step if len(found) > 1 else 1)


def _of_items(axis: str, items: Items, extent: int, names: Sequence[str | None]) -> Positions:
    found = [_position(axis, item, extent, names) for item in items]
    if len(set(found)) < len(found):
        raise OptionError(f"select: {axis}={show_pick(items)} takes one of them twice; name each once")
    if axis != "c" and found != sorted(found):
        raise OptionError(
            f"select: {axis}={show_pick(items)} changes the order of {axis}; give it in the image's order"
        )
    return evenly(found)


def evenly(positions: Sequence[int]) -> Positions:
    """Return positions as a range, or as a tuple where they have no even step above 0.

    Examples
    --------
    >>> evenly([0, 5, 10]), evenly([0, 5, 9])
    (range(0, 11, 5), (0, 5, 9))
    """
    steps = {b - a for a, b in itertools.pairwise(positions)} or {1}
    if len(steps) > 1 or min(steps) < 1:
        return tuple(positions)
    return range(positions[0], positions[-1] + 1, min(steps))


def step_by_axis(selection: Selection) -> dict[str, int]:
    """Return the step of each axis that a selection takes evenly.

    Examples
    --------
    >>> from pyramid.options.selection import parse_selection
    >>> step_by_axis(parse_selection("t=0|5|10,z=::2,y=0:9"))
    {'t': 5, 'z': 2, 'y': 1}
    """
    steps = {}
    for axis, pick in selection.picks:
        if isinstance(pick, Span):
            steps[axis] = pick.step
        elif isinstance(found := evenly([item for item in pick if isinstance(item, int)] or [0]), range):
            steps[axis] = found.step
    return steps


def explain_uneven(axis: str) -> str:
    """Return the notice for an axis that is taken without even steps."""
    return (
        f"select: {axis} is taken at uneven steps, which OME-Zarr cannot say: its size of a pixel, unit and origin are "
        "left out"
    )


def _position(axis: str, item: int | str, extent: int, names: Sequence[str | None]) -> int:
    if isinstance(item, int):
        if -extent <= item < extent:
            return item % extent
        quoted = f"; the channel of that name is c='\"{item}\"'" if axis == "c" and str(item) in names else ""
        remedy = quoted or "; give an index that is there"
        raise OptionError(f"select: {axis}={item} is not there, as {axis} has {_extent(extent)}{remedy}")
    there = [i for i, name in enumerate(names) if name == item]
    if not there:
        there = [i for i, name in enumerate(names) if name is not None and name.casefold() == item.casefold()]
    if len(there) == 1:
        return there[0]
    known = list(dict.fromkeys(name for name in names if name))
    if there:
        raise OptionError(f"select: {len(there)} channels are named {short_repr(item)}; give indices, as c={there[0]}")
    if not known:
        raise OptionError(
            f"select: no channel has a name, so not {short_repr(item)}; give indices of {_extent(extent)}"
        )
    near = nearest(item, known)
    hint = f"did you mean {near!r}?" if near else f"there are {list_some(known, MAX_LISTED)}"
    raise OptionError(f"select: no channel is named {short_repr(item)}; {hint}")
