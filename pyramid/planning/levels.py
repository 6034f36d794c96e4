"""The levels of a pyramid: shapes, factors, scale, translation, chunks and shards.

Nothing here depends on the machine, its memory or its workers. The same source and options give the same levels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pyramid.errors import OptionError
from pyramid.model import MAX_WINDOW_PX, SPACE, Shape, SourceSpec, reduced_shape
from pyramid.options.convert import Options
from pyramid.planning.chunks import chunk_shape, first_shards, next_shards

# Largest depth of a voxel, in widths, at which z is halved too: deeper voxels get nearer to cubes without it.
MAX_ANISOTROPY = 1.5
# Largest number of levels: halving ends before this for any image whose extents fit in 64 bits.
MAX_LEVELS = 64


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
    """

    shape: Shape
    factors: Shape
    total: Shape
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    chunks: Shape
    shards: Shape | None

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


def make_levels(spec: SourceSpec, options: Options, *, centred: bool, shards_allowed: bool) -> tuple[PlannedLevel, ...]:
    """Decide every level of the pyramid of `spec`.

    Parameters
    ----------
    spec
        The source, with the scale that is to be written.
    options
        ``scale_factors``, ``levels``, ``min_size``, ``chunks`` and ``shards`` are read.
    centred
        Whether the method's pixel is at the centre of its window (translation moves) or at its origin.
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
    for factors in _steps(spec, options):
        before = level
        if math.prod(map(min, before.shape, factors)) >= MAX_WINDOW_PX:
            raise OptionError(
                f"scale_factors: a window holds less than 2**30 pixels, but {_show(spec.axes, factors)} make more; "
                "give smaller factors"
            )
        total = _times(before.total, factors)
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
        )
        levels.append(_fitted(level))
    return tuple(levels)


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


def _times(left: Shape, right: Shape) -> Shape:
    return tuple(a * b for a, b in zip(left, right, strict=True))


def check_axes(axes: str, options: Options) -> None:
    """Raise OptionError if an option names an axis that the source lacks."""
    given: list[tuple[str, Mapping[str, object]]] = []
    for name in ("scale", "units", "chunks", "shards"):
        value = getattr(options, name)
        if isinstance(value, Mapping):
            given.append((name, value))
    if options.scale_factors != "auto":
        given += [("scale_factors", factors) for factors in options.scale_factors]
    for name, value in given:
        for axis in value:
            if axis not in axes:
                raise OptionError(f"{name}: the source has no axis {axis!r}; its axes are {axes}")


def _steps(spec: SourceSpec, options: Options) -> Iterator[Shape]:
    """Yield the factors of each level after the first."""
    given = options.scale_factors
    if given != "auto" and len(given) > 1:
        if options.levels is not None and options.levels != len(given) + 1:
            raise OptionError(
                f"levels: {len(given)} scale_factors make {len(given) + 1} levels, not {options.levels}; "
                "give one of the two"
            )
        yield from (_factors(spec.axes, factors) for factors in given)
        return
    shape, total = spec.shape, (1,) * len(spec.shape)
    for made in itertools.count(1):
        if made == options.levels or (options.levels is None and _is_small(spec.axes, shape, options.min_size)):
            return
        if made == MAX_LEVELS:
            raise OptionError(f"levels: a pyramid has at most {MAX_LEVELS}; give fewer")
        factors = _auto_factors(spec, shape, total) if given == "auto" else _factors(spec.axes, given[0])
        smaller = reduced_shape(shape, factors)
        if smaller == shape and options.levels is None:
            if given == "auto":
                return
            raise OptionError(
                f"scale_factors: {_show(spec.axes, factors)} do not make y and x smaller; say how many levels"
            )
        yield factors
        shape, total = smaller, _times(total, factors)


def _is_small(axes: str, shape: Shape, min_size: int) -> bool:
    return all(n <= min_size for axis, n in zip(axes, shape, strict=True) if axis in "yx")


def _factors(axes: str, given: Mapping[str, int]) -> Shape:
    return tuple(given.get(axis, 1) for axis in axes)


def _auto_factors(spec: SourceSpec, shape: Shape, total: Shape) -> Shape:
    """Return the automatic factors of one step: 2 on y and x, else 1.

    The factor on z is 2 where voxels are not much deeper than wide. It is 1 on any axis with one pixel left.
    """
    size = {
        axis: None if known is None else known * product
        for axis, known, product in zip(spec.axes, spec.scale, total, strict=True)
    }
    unit = dict(zip(spec.axes, spec.units, strict=True))
    z, y, x = (size.get(axis) for axis in SPACE)
    halved = {"y", "x"}
    if z is not None and y is not None and x is not None and unit["z"] == unit["y"] == unit["x"]:
        halved |= {"z"} if z <= MAX_ANISOTROPY * max(y, x) else set()
    return tuple(2 if axis in halved and n > 1 else 1 for axis, n in zip(spec.axes, shape, strict=True))


def _show(axes: str, values: Shape) -> str:
    return ",".join(f"{axis}={value}" for axis, value in zip(axes, values, strict=True))
