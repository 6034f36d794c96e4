"""The levels of a pyramid: shapes, factors, scale, translation, chunks and shards.

Nothing here depends on the machine, its memory or its workers. The same source and options give the same levels.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pyramid.errors import OptionError
from pyramid.model import MAX_WINDOW_PX, Shape, SourceSpec, reduced_shape
from pyramid.options.convert import Options
from pyramid.planning.chunks import chunk_shape, first_shards, next_shards
from pyramid.planning.factors import level_factors, show_factors
from pyramid.planning.own_levels import OwnLevel

# From the factors of a level to its margins, None where a method reads only its windows.
Margins: TypeAlias = Callable[[Shape], Shape | None]


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """One level: an array of the pyramid. Every tuple has one item for each axis.

    Parameters
    ----------
    shape
        Extent in pixels.
    factors
        Number of pixels of the level before that make one pixel of this level. Level 0 has ones.
    total
        The product of the factors so far.
    scale, translation
        Physical size of a pixel, and position of the centre of the first pixel.
    chunks
        Chunk shape, at most the level's shape.
    shards
        Shard shape, a multiple of the chunk. None means that each chunk is an object of its own.
    margins
        Pixels of the level before that count besides those of a window, before and after it. None where there are none.
    own
        Number of the source's own level that is copied; None if the method makes the level. Level 0 is 0.
    """

    shape: Shape
    factors: Shape
    total: Shape
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    chunks: Shape
    shards: Shape | None
    margins: Shape | None = None
    own: int | None = None

    @property
    def object_shape(self) -> Shape:
        """Shape of an object: a shard, or a chunk where shards are not used.

        Only one task writes an object, and writes it at once.
        """
        return self.shards or self.chunks

    @property
    def objects(self) -> int:
        """Number of objects that hold the level's pixels."""
        return math.prod(-(-extent // edge) for extent, edge in zip(self.shape, self.object_shape, strict=True))


@dataclass(frozen=True, slots=True)
class KeptBase:
    """A level 0 that is there already, and is left as it is.

    Parameters
    ----------
    chunks, shards
        Shapes of its chunks and of its shards, as it is stored; `shards` is None where there are none.
    """

    chunks: Shape
    shards: Shape | None = None


def make_levels(  # noqa: PLR0913  (each is decided elsewhere)
    spec: SourceSpec,
    options: Options,
    *,
    centred: bool,
    margins: Margins | None = None,
    shards_allowed: bool,
    own: Sequence[OwnLevel] = (),
) -> tuple[PlannedLevel, ...]:
    """Decide every level of the pyramid of `spec`.

    Parameters
    ----------
    spec
        The source, with the scale that is to be written.
    options
        ``scale_factors``, ``levels``, ``min_size``, ``chunks`` and ``shards`` are read.
    centred
        Whether the method's pixel is at the centre of its window (translation moves) or at its origin.
    margins
        From factors to the pixels around a window that the method reads too.
    shards_allowed
        Whether the format has shards. If not, ``shards="auto"`` gives none.
    own
        The source's own levels that are copied. The method makes those after them.

    Raises
    ------
    OptionError
        If factors, chunks or shards name an axis that the source lacks, or do not fit each other.
    """
    chunks = chunk_shape(spec, options.chunks)
    shards = first_shards(spec, chunks, options.shards) if shards_allowed else None
    if options.shards not in ("auto", "none") and not shards_allowed:
        raise OptionError("shards: OME-Zarr 0.4 and N5 have none; leave them out, or write OME-Zarr 0.5")
    sizes = tuple(1.0 if size is None else size for size in spec.scale)
    ones = (1,) * len(spec.axes)
    origin = spec.translation or (0.0,) * len(ones)
    levels = [fitted(PlannedLevel(spec.shape, ones, ones, sizes, origin, chunks, shards, own=0))]
    levels += _copied(levels[0], spec, own, chunks)
    last = levels[-1]
    for total, factors in _totals(_level_factors_after(last, spec, options, len(levels) - 1)):
        before = levels[-1]
        _check_window(spec.axes, before.shape, factors)
        level = PlannedLevel(
            shape=reduced_shape(before.shape, factors),
            factors=factors,
            total=tuple(map(operator.mul, last.total, total)),
            scale=tuple(map(operator.mul, last.scale, total)),
            translation=tuple(
                a + s * (f - 1) / 2 if centred else a
                for a, s, f in zip(last.translation, last.scale, total, strict=True)
            ),
            chunks=chunks,
            shards=next_shards(before.shards, factors, chunks),
            margins=None if margins is None else margins(factors),
        )
        levels.append(fitted(level))
    return tuple(levels)


def _check_window(axes: str, shape: Shape, factors: Shape) -> None:
    """Raise OptionError if a window of a level of `shape` has too many pixels."""
    if math.prod(map(min, shape, factors)) >= MAX_WINDOW_PX:
        raise OptionError(
            f"scale_factors: a window holds less than 2**30 pixels, but {show_factors(axes, factors)} "
            "make more; give smaller factors"
        )


def _copied(base: PlannedLevel, spec: SourceSpec, own: Sequence[OwnLevel], chunks: Shape) -> Iterator[PlannedLevel]:
    """Yield the levels that are copied from the source.

    Their pixels are as much larger as their extents are smaller, unless both levels say their scale. All levels cover
    the same region.
    """
    before = base
    for each in own:
        level = each.spec
        larger = [
            b / a if a and b else n / m
            for a, b, n, m in zip(spec.scale, level.scale, spec.shape, level.shape, strict=True)
        ]
        before = fitted(
            PlannedLevel(
                shape=level.shape,
                factors=each.factors,
                total=tuple(map(operator.mul, before.total, each.factors)),
                scale=tuple(map(operator.mul, base.scale, larger)),
                translation=tuple(
                    a + s * (f - 1) / 2 for a, s, f in zip(base.translation, base.scale, larger, strict=True)
                ),
                chunks=chunks,
                shards=next_shards(before.shards, each.factors, chunks),
                own=each.number,
            )
        )
        yield before


def _level_factors_after(last: PlannedLevel, spec: SourceSpec, options: Options, copied: int) -> Iterator[Shape]:
    """Return the factors of the levels that the method makes, after those copied."""
    if not copied:
        return level_factors(spec, options)
    known = tuple(s if size is not None else None for s, size in zip(last.scale, spec.scale, strict=True))
    rest = None if options.levels is None else options.levels - copied
    return level_factors(replace(spec, shape=last.shape, scale=known), replace(options, levels=rest))


def _totals(factors: Iterable[Shape]) -> Iterator[tuple[Shape, Shape]]:
    """Yield the product of all factors so far, with each one's own."""
    total: Shape = ()
    for each in factors:
        total = tuple(map(operator.mul, total or (1,) * len(each), each))
        yield total, each


def fitted(level: PlannedLevel) -> PlannedLevel:
    """Return the level with chunk and shard cut to its shape.

    A shard of one chunk is left out.
    """
    chunks = tuple(map(min, level.chunks, level.shape))
    if level.shards is None:
        return replace(level, chunks=chunks)
    whole = (-(-n // c) * c for n, c in zip(level.shape, chunks, strict=True))
    shards = tuple(
        min(s, w) if c == full else w for s, w, c, full in zip(level.shards, whole, chunks, level.chunks, strict=True)
    )
    return replace(level, chunks=chunks, shards=None if shards == chunks else shards)


def check_axes(axes: str, options: Options) -> None:
    """Raise OptionError if an option names an axis that the source lacks."""
    given: list[tuple[str, Mapping[str, object]]] = []
    for name in ("scale", "units", "origin", "chunks", "shards"):
        value = getattr(options, name)
        if isinstance(value, Mapping):
            given.append((name, value))
    if isinstance(options.scale_factors, tuple):
        given += [("scale_factors", factors) for factors in options.scale_factors]
    elif options.scale_factors == "zyx" and "z" not in axes:
        raise OptionError(f"scale_factors: the source has no axis 'z'; its axes are {axes}; give yx")
    for name, value in given:
        for axis in value:
            if axis not in axes:
                raise OptionError(f"{name}: the source has no axis {axis!r}; its axes are {axes}")
