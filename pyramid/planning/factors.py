"""The factors of each level: pixels of the level before that make one pixel.

Where one rule makes all levels, the pyramid ends when nothing is left to reduce: a further level would repeat the last.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from pyramid.errors import OptionError
from pyramid.model import SPACE, Shape, SourceSpec, reduced_shape
from pyramid.options.convert import Options
from pyramid.options.factors import ScaleFactors

# Largest depth of a voxel, in widths, at which z is halved too: deeper voxels get nearer to cubes without it.
MAX_ANISOTROPY = 1.5
# Largest number of levels: halving ends before this for any image whose extents fit in 64 bits.
MAX_LEVELS = 64


def level_factors(spec: SourceSpec, options: Options) -> Iterator[Shape]:
    """Yield the factors of each level after the first.

    Raises
    ------
    OptionError
        If levels are more than 64, factors do not end, or factors are not as many as the levels that are asked for.
    """
    given = options.scale_factors
    if options.levels is not None and options.levels > MAX_LEVELS:
        raise OptionError(f"levels: a pyramid has at most {MAX_LEVELS}, but {options.levels} are asked for; give fewer")
    if _is_list(given):
        yield from _listed(spec.axes, options, given)
        return
    shape, total = spec.shape, (1,) * len(spec.shape)
    for made in itertools.count(1):
        if made == options.levels or (options.levels is None and _is_small(spec.axes, shape, options.min_size)):
            return
        factors = _next_factors(spec, options, shape, total)
        smaller = reduced_shape(shape, factors)
        if smaller == shape:
            _check_ends(spec.axes, options, factors)
            return
        yield factors
        shape, total = smaller, tuple(a * b for a, b in zip(total, factors, strict=True))


def _is_list(given: ScaleFactors) -> TypeGuard[tuple[Mapping[str, int], ...]]:
    """Return whether the user gives the factors of each level."""
    return isinstance(given, tuple) and len(given) > 1


def _check_ends(axes: str, options: Options, factors: Shape) -> None:
    """Raise OptionError if factors leave y or x large, and levels are not counted."""
    if isinstance(options.scale_factors, tuple) and options.levels is None:
        raise OptionError(
            f"scale_factors: {show_factors(axes, factors)} do not make both y and x smaller; give levels=... too, "
            "or give larger factors"
        )


def _listed(axes: str, options: Options, given: Sequence[Mapping[str, int]]) -> Iterator[Shape]:
    """Yield the user's factors for each level."""
    if options.levels is not None and options.levels != len(given) + 1:
        raise OptionError(
            f"levels: {len(given)} scale_factors make {len(given) + 1} levels, not {options.levels}; "
            "give one of the two"
        )
    yield from (_factors(axes, by_axis) for by_axis in given)


def _next_factors(spec: SourceSpec, options: Options, shape: Shape, total: Shape) -> Shape:
    """Return the factors of one step, where one rule holds for all levels."""
    given = options.scale_factors
    if isinstance(given, tuple):
        return _factors(spec.axes, given[0])
    halved = _automatic_axes(spec, total) if given == "auto" else given
    return tuple(2 if axis in halved and n > 1 else 1 for axis, n in zip(spec.axes, shape, strict=True))


def _is_small(axes: str, shape: Shape, min_size: int) -> bool:
    return all(n <= min_size for axis, n in zip(axes, shape, strict=True) if axis in "yx")


def _factors(axes: str, given: Mapping[str, int]) -> Shape:
    return tuple(given.get(axis, 1) for axis in axes)


def _automatic_axes(spec: SourceSpec, total: Shape) -> str:
    """Return the axes that an automatic step halves.

    They are y and x, and z where voxels are not much deeper than wide. `total` is the product of the factors so far.
    """
    size = {
        axis: None if known is None else known * product
        for axis, known, product in zip(spec.axes, spec.scale, total, strict=True)
    }
    unit = dict(zip(spec.axes, spec.units, strict=True))
    z, y, x = (size.get(axis) for axis in SPACE)
    if z is None or y is None or x is None or not unit["z"] == unit["y"] == unit["x"]:
        return "yx"
    return "zyx" if z <= MAX_ANISOTROPY * max(y, x) else "yx"


def factor_notices(axes: str, options: Options, made: Sequence[tuple[Shape, Shape]]) -> Iterator[str]:
    """Yield notices of levels that are missing or repeated, and of halved z.

    Parameters
    ----------
    axes, options
        Axes of the source; the user's options.
    made
        The shape and the factors of each level, level 0 first.

    Examples
    --------
    >>> list(factor_notices("yx", Options(levels=3), [((2, 2), (1, 1)), ((1, 1), (2, 2))]))
    ['levels: 3 are asked for and 2 are made, as a further one would repeat the one before it']
    """
    given, count = options.scale_factors, len(made)
    if options.levels is not None and count < options.levels:
        verb = "is" if count == 1 else "are"
        yield (
            f"levels: {options.levels} are asked for and {count} {verb} made, as a further one would repeat "
            "the one before it"
        )
    repeated = [str(n) for n in range(1, count) if made[n][0] == made[n - 1][0]]
    if repeated:
        which = ", ".join(repeated)
        yield f"scale_factors: nothing is left to reduce on level {which}, which repeats the one before it"
    if "c" in axes and made[-1][0][axes.index("c")] < made[0][0][axes.index("c")]:
        yield "scale_factors: channels are averaged, so that coarser levels have fewer, which viewers cannot show"
    halved = [number for number, (_, factors) in enumerate(made) if "z" in axes and factors[axes.index("z")] > 1]
    if given == "auto" and halved:
        yield (
            f"z is halved from level {halved[0]} on, as 3D viewers want it (neuroglancer, BigDataViewer); "
            'vizarr and Viv then show another plane when zoomed out: for them give scale_factors="yx"'
        )


def show_factors(axes: str, values: Shape) -> str:
    """Return factors as a user gives them, as ``y=2,x=2``."""
    return ",".join(f"{axis}={value}" for axis, value in zip(axes, values, strict=True))
