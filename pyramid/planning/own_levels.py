"""The levels that a source has of its own: which of them a pyramid can take over.

A level fits if a whole number of pixels of the level before makes one of its pixels, on y, x and z. The pixels that are
left over at an end may have been dropped or may have made a pixel more, as programs do both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyramid.errors import OptionError
from pyramid.model import SPACE, Shape, SourceSpec
from pyramid.options.convert import Options
from pyramid.tables import format_list, format_shape

MAX_FACTOR = 1024  # of a level: no program skips more, and a wrong size must not make the search long
MAX_NAMED = 4  # levels that a notice names, so that it stays readable


@dataclass(frozen=True, slots=True)
class OwnLevel:
    """A level of the source that is copied.

    Parameters
    ----------
    number
        Its number among the source's own levels; 0 is the image itself.
    spec
        The level, as its reader describes it.
    factors
        Pixels of the level before that make one of its pixels, on each axis.
    """

    number: int
    spec: SourceSpec
    factors: Shape


def fitting_levels(spec: SourceSpec, own: Sequence[SourceSpec], options: Options) -> tuple[list[OwnLevel], list[str]]:
    """Return the own levels that are copied, and notices of those that are not.

    Parameters
    ----------
    spec
        The image.
    own
        Its own smaller levels, the largest first.
    options
        ``level_source``, ``levels`` and ``scale_factors`` are read.

    Raises
    ------
    OptionError
        If ``scale_factors`` lists the factors of levels that are to be copied.
    """
    if options.level_source != "reuse":
        return [], []
    if isinstance(options.scale_factors, tuple) and len(options.scale_factors) > 1:
        raise OptionError(
            'scale_factors: with level_source="reuse" the first levels have the factors of the source; '
            "give at most one, for the levels after those"
        )
    taken: list[OwnLevel] = []
    left: list[str] = []
    before = spec
    for number, level in enumerate(own, 1):
        if len(taken) + 1 == options.levels:
            break
        factors = _fitting_factors(before, level)
        if factors is None:
            left.append(f"{number} ({format_shape(level.shape)} {level.dtype})")
            continue
        taken.append(OwnLevel(number, level, factors))
        before = level
    return taken, [*_notices(own, taken, left, options)]


def _notices(own: Sequence[SourceSpec], taken: list[OwnLevel], left: list[str], options: Options) -> list[str]:
    """Return what is said of the levels that are copied, and of those that are not."""
    made = f"made from the level before by the method {options.method}"
    if not own:
        return [f"level_source: the source has no levels of its own: all are {made}"]
    found = []
    if taken:
        which = "level 1 is the source's own" if len(taken) == 1 else f"levels 1 to {len(taken)} are the source's own"
        found.append(f"{which}: by which method they were made is not known")
    if left:
        found.append(
            f"level_source: the source's own {format_list(left, MAX_NAMED)} cannot be copied, as no whole number of "
            f"pixels of the level before makes one of theirs, or their type differs; what is missing is {made}"
        )
    return found


def _fitting_factors(before: SourceSpec, level: SourceSpec) -> Shape | None:
    """Return the factors of a level; None if it does not fit."""
    if (before.axes, before.dtype) != (level.axes, level.dtype):
        return None
    possible = [
        _factors(a, b) if axis in SPACE else {1} & _factors(a, b)
        for axis, a, b in zip(before.axes, before.shape, level.shape, strict=True)
    ]
    if not all(possible) or before.shape == level.shape:
        return None
    plane = set.intersection(*(found for axis, found in zip(before.axes, possible, strict=True) if axis in "yx"))
    both = {min(plane)} if plane else set()
    return tuple(
        min((found & both if axis in "yx" else None) or found)
        for axis, found in zip(before.axes, possible, strict=True)
    )


def _factors(before: int, after: int) -> set[int]:
    """Return the whole factors that make `after` pixels of `before`.

    Examples
    --------
    >>> _factors(5, 3), _factors(5, 2), _factors(46001, 11500), _factors(10, 7)
    ({2}, {2, 3, 4}, {4}, set())
    """
    last = before if after <= 1 else before // (after - 1) + 1
    near = range(max(1, before // (after + 1)), min(last, MAX_FACTOR) + 1)
    return {f for f in near if after in (before // f, -(-before // f))}
