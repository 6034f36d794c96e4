"""Directions in space of an array's dimensions, as sizes and origins of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# How far a direction may be from an axis and still count as along it, as a part of its length.
TILT = 1e-4
WORLD = "xyz"  # the axes of space, in the order of a vector


@dataclass(frozen=True, slots=True)
class Placed:
    """The axes of dimensions in space.

    Parameters
    ----------
    letters
        The axis of each dimension.
    sizes
        Size of a pixel on each dimension.
    origins
        The centre of the first pixel on each dimension, counted in the direction in which the dimension runs.
    signs
        Whether each dimension runs along its axis (1) or against it (-1).
    oblique
        Whether dimensions are turned against the axes. They then have sizes and no origin.
    """

    letters: tuple[str, ...]
    sizes: tuple[float, ...]
    origins: tuple[float, ...]
    signs: tuple[int, ...]
    oblique: bool = False


def place(directions: Sequence[Sequence[float]], origin: Sequence[float]) -> Placed | None:
    """Return the axes of dimensions that have a direction in space.

    Parameters
    ----------
    directions
        For each dimension, how far a step of one pixel goes along each axis of space.
    origin
        The centre of the first pixel, on each axis of space.

    Returns
    -------
    Placed or None
        None where a direction has no length, or is not finite.

    Examples
    --------
    >>> placed = place([(-2, 0, 0), (0, 0, 3), (0, 4, 0)], (5, 6, 7))
    >>> placed.letters, placed.sizes, placed.origins
    (('x', 'z', 'y'), (2.0, 3.0, 4.0), (-5.0, 7.0, 6.0))
    """
    lengths = [math.hypot(*direction) for direction in directions]
    if not all(0 < length < math.inf for length in lengths) or not all(map(math.isfinite, origin)):
        return None
    along = [max(range(len(d)), key=lambda i, d=d: abs(d[i])) for d in directions]  # type: ignore[misc]
    tilted = any(
        abs(part) > TILT * length
        for direction, length, axis in zip(directions, lengths, along, strict=True)
        for i, part in enumerate(direction)
        if i != axis
    )
    if tilted or len(set(along)) < len(along):
        letters = tuple(WORLD[: len(directions)])
        return Placed(letters, tuple(lengths), (0.0,) * len(letters), (1,) * len(letters), oblique=True)
    signs = tuple(1 if d[axis] > 0 else -1 for d, axis in zip(directions, along, strict=True))
    return Placed(
        tuple(WORLD[axis] for axis in along),
        tuple(abs(float(d[axis])) for d, axis in zip(directions, along, strict=True)),
        tuple(sign * float(origin[axis]) + 0.0 for sign, axis in zip(signs, along, strict=True)),
        signs,
    )
