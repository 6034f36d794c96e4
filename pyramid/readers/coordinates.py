"""Coordinates of dimensions, such as xarray's, as size, unit and origin."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.model import Channel, SourceSpec
from pyramid.options.units import unit as unit_name
from pyramid.readers.axes import AxisOrder

# How far a coordinate may be from its place on an even scale, as a part of a step: less than a pixel shows.
UNEVEN = 1e-3
SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True, slots=True)
class Coordinate:
    """The coordinates of one dimension.

    Parameters
    ----------
    name
        Name of the dimension.
    names
        One text for each index, as of channels; empty for numbers.
    step, start
        The distance from one to the next, and the first; None if there is only one, or none is known.
    unit
        The unit as it is given; empty if it is not.
    problem
        Why the coordinates have no step; empty if they do.
    notice
        A sentence about what is not taken.
    """

    name: str
    names: tuple[str, ...] = ()
    step: float | None = None
    start: float | None = None
    unit: str = ""
    problem: str = ""
    notice: str = ""


def read_coordinate(name: str, values: NDArray[Any], attributes: Mapping[Any, Any]) -> Coordinate:
    """Return the coordinates of a dimension.

    Parameters
    ----------
    name
        Name of the dimension.
    values
        One for each index.
    attributes
        Those of the coordinates, of which ``units`` is the unit.

    Examples
    --------
    >>> read_coordinate("x", np.array([1.0, 1.5, 2.0]), {"units": "um"})
    Coordinate(name='x', names=(), step=0.5, start=1.0, unit='um', problem='', notice='')
    >>> read_coordinate("x", np.array([1, 2, 4]), {}).problem
    'are not evenly spaced'
    """
    kind = values.dtype.kind
    if kind in "OSUT":
        return Coordinate(name, names=tuple(_text(value) for value in values.tolist()))
    notice = ""
    unit = str(attributes.get("units", attributes.get("unit", "")) or "").partition(" since ")[0].strip()
    if kind in "mM":
        notice = f"the times of {name} begin at {values[0]}, which is not carried over" if kind == "M" else ""
        first = values[:1]
        if np.isnat(values).any():
            return Coordinate(name, problem="hold times that are missing")
        values, unit = (values - (first if kind == "M" else np.timedelta64(0, "s"))) / SECOND, "second"
    elif kind not in "iuf":
        return Coordinate(name, problem=f"are of the type {values.dtype}")
    digits = np.finfo(values.dtype).precision - 1 if values.dtype.kind == "f" else 15
    return _numeric(replace(Coordinate(name), unit=unit, notice=notice), values.astype(np.float64), min(digits, 14))


def _numeric(found: Coordinate, values: NDArray[np.float64], digits: int) -> Coordinate:
    """Return coordinates that are numbers, whose step is exact to some digits."""
    name = found.name
    if not np.isfinite(values).all():
        return Coordinate(name, problem="are not all finite numbers")
    start = float(values[0])
    if len(values) == 1:
        return replace(found, start=start)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if step == 0 or np.abs(values - (start + step * np.arange(len(values)))).max() > UNEVEN * abs(step):
        return Coordinate(name, problem="are not evenly spaced")
    if step < 0:
        return Coordinate(name, problem="descend")
    return replace(found, step=float(f"{step:.{digits}g}"), start=start)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def with_coordinates(
    spec: SourceSpec, order: AxisOrder, coordinates: Sequence[Coordinate | None], sized: Collection[str]
) -> SourceSpec:
    """Return a spec with the sizes, origins and channel names that coordinates give.

    Parameters
    ----------
    spec, order
        The description of the array, and the axis of each of its dimensions.
    coordinates
        Those of each dimension, or None.
    sized
        Axes whose size the user gives: their coordinates need not be even.

    Raises
    ------
    SourceError
        If coordinates are not evenly spaced.
    """
    scale, units = list(spec.scale), list(spec.units)
    origin, notices = [0.0] * len(scale), list(spec.notices)
    for letter, found in zip(order.letters, coordinates, strict=False):
        if found is None or not letter:
            continue
        if letter == "c":
            spec, more = _with_names(spec, found)
            notices += more
            continue
        if (found.problem or found.names) and letter not in sized:
            raise _refused(letter, found)
        axis = spec.axes.index(letter)
        known, more = _unit(letter, found)
        # A step of 1 without a unit is a count of pixels.
        is_count = found.step == 1 and not found.unit
        if not is_count and not (found.problem or found.names):
            scale[axis], units[axis], origin[axis] = found.step, known, found.start or 0.0
            notices += [*more, *filter(None, [found.notice])]
    translation = tuple(origin) if any(origin) else ()
    return replace(spec, scale=tuple(scale), units=tuple(units), translation=translation, notices=tuple(notices))


def _refused(letter: str, found: Coordinate) -> SourceError:
    problem = found.problem or f"are texts, as {short_repr(found.names[0])}"
    flip = f", or turn the axis: array.isel({found.name}=slice(None, None, -1))" if problem == "descend" else ""
    return SourceError(
        f"the coordinates of the dimension {found.name!r} {problem}, and OME-Zarr holds one size of a pixel for "
        f"{letter}; drop them with array.drop_vars({found.name!r}), or give scale=... for {letter}{flip}"
    )


def _unit(letter: str, found: Coordinate) -> tuple[str | None, list[str]]:
    if not found.unit:
        return None, []
    try:
        return unit_name(letter, found.unit), []
    except OptionError:
        return None, [f"the unit of {found.name}, {short_repr(found.unit)}, is not known; give units=..."]


def _with_names(spec: SourceSpec, found: Coordinate) -> tuple[SourceSpec, list[str]]:
    """Return a spec with the names of its channels, and a notice about numbers."""
    count = spec.shape[spec.axes.index("c")]
    if found.names and len(found.names) == count:
        return replace(spec, channels=tuple(Channel(name=name or None) for name in found.names)), []
    is_count = found.step == 1 and not found.start
    return spec, [] if is_count else [
        f"the coordinates of {found.name} are not taken: channels have names, not positions"
    ]
