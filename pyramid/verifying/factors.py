"""The factors between levels, from their shapes and the sizes of their pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pyramid.errors import short_repr
from pyramid.hierarchy.arrays import chunk_codecs
from pyramid.model import MAX_WINDOW_PX, Shape
from pyramid.verifying.arrays import Level, storage_of
from pyramid.verifying.findings import Finding
from pyramid.verifying.tree import FoundImage

# Relative difference up to which a ratio of sizes counts as a whole number: sizes are rounded when they are written.
_CLOSE = 1e-3


def factors_between(lower: Level, upper: Level) -> Shape | None:
    """Return the whole factor from a level to the next on each axis.

    The ratio of the sizes of pixels decides where several factors fit the shapes.

    Returns
    -------
    tuple or None
        The shape of `upper` is that of `lower` divided by them, rounded up or down.
    """
    ratios: tuple[float | None, ...] = (None,) * len(lower.shape)
    if lower.scale is not None and upper.scale is not None:
        ratios = tuple(b / a for a, b in zip(lower.scale, upper.scale, strict=True))
    found = [
        _factor(n, m, ratio)
        for n, m, ratio in zip(lower.shape, upper.shape, ratios, strict=True)
        if len(lower.shape) == len(upper.shape)
    ]
    factors = tuple(factor for factor in found if factor is not None)
    if len(factors) < len(lower.shape) or math.prod(map(min, lower.shape, factors)) >= MAX_WINDOW_PX:
        return None
    return factors


def _factor(extent: int, reduced: int, ratio: float | None) -> int | None:
    """Return the whole factor of one axis.

    Examples
    --------
    >>> _factor(9, 5, 2.0), _factor(9, 4, None), _factor(9, 9, None), _factor(9, 7, None), _factor(3, 1, 2.0)
    (2, 2, 1, None, 2)
    """
    if not 0 < reduced <= extent:
        return None
    near = round(extent / reduced)
    fitting = [f for f in {near, near + 1, max(1, near - 1)} if reduced in (-(-extent // f), extent // f)]
    if ratio is not None and abs(ratio - round(ratio)) < _CLOSE * ratio and round(ratio) >= 1:
        given = round(ratio)
        if reduced in (-(-extent // given), extent // given):
            return given
    return min(fitting, key=lambda f: (abs(f - extent / reduced), f), default=None)


def check_documents(image: FoundImage) -> Iterator[Finding]:
    """Yield what the documents of the levels say and cannot all be true.

    In images of other writers it is only suspect, as their habits differ.
    """
    for lower, upper in zip(image.levels, image.levels[1:], strict=False):
        for message in (*_storage(lower, upper), *_shapes(lower, upper, exact=image.is_ours)):
            yield Finding("metadata", message, image.path, upper.node.path, upper.number, suspect=not image.is_ours)
    if image.is_ours:
        added = image.metadata is not None and bool(image.metadata.provenance.get("added_levels"))
        for number, level in enumerate(image.levels):
            # Levels that were added to level 0 may have other codecs than it has.
            for message in _own_habits(level, image.levels[min(1, number) if added else 0]):
                yield Finding("metadata", message, image.path, level.node.path, level.number)


def _storage(lower: Level, upper: Level) -> Iterator[str]:
    before, after = storage_of(lower), storage_of(upper)
    for key, value in after.items():
        if value != before[key]:
            name = key.replace("_", " ")
            yield (
                f"its {name} is {short_repr(value)}, and that of level {lower.number} is {short_repr(before[key])}; "
                "one of the two documents was changed"
            )


def _shapes(lower: Level, upper: Level, *, exact: bool) -> Iterator[str]:
    """Yield where shapes of two levels and sizes of their pixels do not fit."""
    shapes = f"{lower.shape} and {upper.shape}"
    if factors_between(lower, upper) is None:
        yield f"the shapes of levels {lower.number} and {upper.number}, {shapes}, have no whole factors"
        return
    if lower.scale is None or upper.scale is None:
        return
    ratios = [b / a for a, b in zip(lower.scale, upper.scale, strict=True)]
    for n, m, ratio in zip(lower.shape, upper.shape, ratios, strict=True):
        fits = abs(ratio * m - n) < ratio * (1 + _CLOSE) or m == n == 1
        whole = round(ratio)
        if exact:
            fits = whole >= 1 and abs(ratio - whole) < _CLOSE * ratio and m == -(-n // whole)
        if not fits:
            yield (
                f"pixels are {ratio:.6g} times as large as those of level {lower.number} by its metadata, which does "
                f"not fit the shapes {shapes}; correct the scale or the shape"
            )
            return


def _own_habits(level: Level, first: Level) -> Iterator[str]:
    """Yield what a document of ours never holds."""
    document = level.node.array or {}
    if level.node.zarr_format != "n5" and document.get("zarr_format") != level.node.zarr_format:
        yield f"its zarr_format is {short_repr(document.get('zarr_format'))}, and it must be {level.node.zarr_format}"
    if chunk_codecs(level.facts) != chunk_codecs(first.facts):
        yield f"its codecs are not those of level {first.number}; one of the two documents was changed"
    if document.get("fill_value"):
        yield f"its fill_value is {short_repr(document['fill_value'])}, and this program writes 0; correct the document"
