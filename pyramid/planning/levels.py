"""The levels of a pyramid: shapes, factors, scale, translation, chunks and shards.

Nothing here depends on the machine, its memory or its workers. The same source and options give the same levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from pyramid.errors import OptionError
from pyramid.model import MAX_WINDOW_PX, Shape, SourceSpec, reduced_shape
from pyramid.options.convert import Options
from pyramid.planning.chunks import chunk_shape, first_shards, next_shards
from pyramid.planning.factors import level_factors, show_factors

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
    """

    shape: Shape
    factors: Shape
    total: Shape
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    chunks: Shape
    shards: Shape | None
    margins: Shape | None = None

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


def make_levels(
    spec: SourceSpec, options: Options, *, centred: bool, margins: Margins | None = None, shards_allowed: bool
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

    Raises
    ------
    OptionError
        If factors, chunks or shards name an axis that the source lacks, or do not fit each other.
    """
    chunks = chunk_shape(spec, options.chunks)
    shards = first_shards(spec, chunks, options.shards) if shards_allowed else None
    if options.shards not in ("auto", "none") and not shards_allowed:
        raise OptionError("shards: OME-Zarr 0.4 has none; leave them out, or write 0.5")
    unknown = tuple(1.0 if size is None else size for size in spec.scale)
    ones = (1,) * len(spec.axes)
    origin = spec.translation or (0.0,) * len(ones)
    level = PlannedLevel(spec.shape, ones, ones, unknown, origin, chunks, shards)
    levels = [_fitted(level)]
    for factors in level_factors(spec, options):
        before = level
        _check_window(spec.axes, before.shape, factors)
        total = tuple(a * b for a, b in zip(before.total, factors, strict=True))
        level = PlannedLevel(
            shape=reduced_shape(before.shape, factors),
            factors=factors,
            total=total,
            scale=tuple(s * f for s, f in zip(unknown, total, strict=True)),
            translation=tuple(
                a + s * (f - 1) / 2 if centred else a for a, s, f in zip(origin, unknown, total, strict=True)
            ),
            chunks=chunks,
            shards=next_shards(before.shards, factors, chunks),
            margins=None if margins is None else margins(factors),
        )
        levels.append(_fitted(level))
    return tuple(levels)


def _check_window(axes: str, shape: Shape, factors: Shape) -> None:
    """Raise OptionError if a window of a level of `shape` has too many pixels."""
    if math.prod(map(min, shape, factors)) >= MAX_WINDOW_PX:
        raise OptionError(
            f"scale_factors: a window holds less than 2**30 pixels, but {show_factors(axes, factors)} "
            "make more; give smaller factors"
        )


def _fitted(level: PlannedLevel) -> PlannedLevel:
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
    for name in ("scale", "units", "chunks", "shards"):
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
