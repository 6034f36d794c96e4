"""Planes of an image for a picture: the level, its pixels, and their windows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError, StorageError, explaining
from pyramid.ngff.channels import MAX_ACTIVE, Measured, make_window, omero_channels
from pyramid.ngff.metadata import OmeroChannel
from pyramid.previewing.resampling import resample

if TYPE_CHECKING:
    from pyramid.image.image import Image
    from pyramid.image.level import ImageLevel

# Pixels that are deeper than this many widths are shown as square: the sizes are wrong more often.
MAX_RATIO = 16.0
# The most bytes of a level that are in memory at once: what a chunk claims to hold, a server can make up.
MAX_HELD_BYTES = 2**30
# Sides that differ by less than this share are shown as equal.
SQUARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture of one image.

    Parameters
    ----------
    image, level
        The image, and the level that is shown.
    at
        Position on the level's axes t and z; the middle of z, and the time that is shown at first, where it is missing.
    caption
        Text above it.
    """

    image: Image
    level: ImageLevel
    at: Mapping[str, int]
    caption: str = ""

    @property
    def extent(self) -> dict[str, int]:
        """Pixels of the level by axis."""
        return dict(zip(self.image.axes, self.level.shape, strict=True))


def check_planes(image: Image) -> None:
    """Raise SourceError for an image that has no plane of y and x, or no pixel."""
    if not {"y", "x"} <= set(image.axes):
        raise SourceError(f"{image.url} has the axes {image.axes}, and a picture is of y and x; open another image")
    if any(0 in level.shape for level in image.levels):
        raise SourceError(f"{image.url} has no pixels, as an axis is 0 long; open another image")


def choose_level(image: Image, side_px: int) -> ImageLevel:
    """Return the smallest level that fills a picture, or else the largest."""
    y, x = image.axes.index("y"), image.axes.index("x")
    filling = [level for level in image.levels if max(level.shape[y], level.shape[x]) >= side_px]
    return filling[-1] if filling else image.levels[0]


def shown_channels(image: Image) -> list[int]:
    """Return the channels that are shown: at most `MAX_ACTIVE` of the active ones.

    The first one is shown where none is active.
    """
    count = image.levels[0].shape[image.axes.index("c")] if "c" in image.axes else 1
    known = image.channels[:count]
    active = [i for i, channel in enumerate(known) if channel.active] if known else list(range(count))
    return active[:MAX_ACTIVE] or [0]


def read_planes(shot: Shot, projection: str | None, max_bytes: int) -> list[NDArray[Any]]:
    """Read one plane (y, x) for each channel that is shown.

    Parameters
    ----------
    shot
        What is read.
    projection
        How all planes of z become one: ``max`` or ``mean``, both without NaN; None for one plane.
    max_bytes
        The most bytes of chunks that are read, before compression.

    Raises
    ------
    SourceError
        If more would be read, or pixels cannot be.
    """
    level, deep, indices = shot.level, shot.extent.get("z", 1), shown_channels(shot.image)
    project = projection if deep > 1 else None
    _check_cost(shot, projection, max_bytes)
    with _wrap_errors(level):
        if project is None:
            return list(_read(shot, indices, {"z": deep // 2, **shot.at}))
        step = level.chunks[shot.image.axes.index("z")]
        slices = [slice(z, min(z + step, deep)) for z in range(0, deep, step)]
        blocks = (_read(shot, indices, {**shot.at, "z": part}) for part in slices)
        return list(_highest(blocks) if project == "max" else _mean(blocks))


def affordable(shot: Shot, projection: str | None, max_bytes: int) -> Shot:
    """Return a shot of the first level, from its own on, that can be read.

    It is the shot itself if none can, or if it is of a position on its level.
    """
    levels = shot.image.levels
    for level in levels[levels.index(shot.level) :] if not shot.at else ():
        try:
            _check_cost(smaller := replace(shot, level=level), projection, max_bytes)
        except SourceError:
            continue
        return smaller
    return shot


def _check_cost(shot: Shot, projection: str | None, max_bytes: int) -> None:
    """Raise SourceError if too many bytes would be read, or be in memory at once."""
    channels, projected = len(shown_channels(shot.image)), projection is not None
    stored = getattr(shot.level, "whole", shot.level)  # of a selection, whose chunks are those of the whole level
    item_bytes, extent = stored.facts.dtype.itemsize, shot.extent
    chunks = dict(zip(shot.image.axes, stored.chunks, strict=True))
    covered = {axis: -(-extent[axis] // edge) * edge if axis in "yx" else edge for axis, edge in chunks.items()}
    cost = math.prod(covered.values()) * item_bytes * -(-channels // chunks.get("c", 1))
    cost *= -(-extent.get("z", 1) // chunks["z"]) if projected else 1
    held = extent["y"] * extent["x"] * channels * item_bytes * (chunks["z"] if projected else 1)
    remedy = "take a part with select=..., or give a smaller size=..."
    if cost > max_bytes:
        raise SourceError(f"{cost:,} bytes would be read for it, and the most is {max_bytes:,}; {remedy}")
    if max(held, math.prod(stored.chunks) * item_bytes) > MAX_HELD_BYTES:
        raise SourceError(f"more than {MAX_HELD_BYTES:,} bytes would be in memory at once; {remedy}")


def _read(shot: Shot, indices: list[int], at: Mapping[str, int | slice]) -> NDArray[Any]:
    """Read (c, y, x), or (c, z, y, x) where `at` has a slice of z."""
    extent = shot.extent
    fixed: dict[str, Any] = {"t": min(shot.image.metadata.default_t, extent.get("t", 1) - 1), **at, "c": indices}
    pixels = shot.level.read(tuple(fixed.get(axis, slice(None)) for axis in shot.image.axes))
    if pixels.dtype.kind == "c":  # of complex numbers their size is shown
        pixels = np.abs(pixels)
    kept = [axis for axis in shot.image.axes if not isinstance(fixed.get(axis), int)]
    upright = pixels.transpose([kept.index(axis) for axis in "czyx" if axis in kept])
    return upright if "c" in kept else upright[np.newaxis]


def _highest(blocks: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """Return the greatest value along z; NaN only where there is nothing else."""
    highest: NDArray[Any] = np.fmax.reduce(next(blocks), axis=1)
    for block in blocks:
        np.fmax(highest, np.fmax.reduce(block, axis=1), out=highest)
    return highest


def _mean(blocks: Iterator[NDArray[Any]]) -> NDArray[np.float64]:
    """Return the mean along z of all values but NaN."""
    total: Any = 0.0
    count: Any = 0
    for block in blocks:
        known = ~np.isnan(block)
        total = total + np.where(known, block, 0).sum(axis=1, dtype=np.float64)
        count = count + known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / count)


@contextmanager
def _wrap_errors(level: ImageLevel) -> Iterator[None]:
    """Turn whatever goes wrong with the pixels of a level into SourceError."""
    what = f"{level.address.location}/{level.address.node.path} cannot be read"
    try:
        with explaining(SourceError, what):
            yield
    except StorageError as error:
        raise SourceError(f"{error}") from error.__cause__


def shown_shape(shot: Shot, side_px: int, least_px: int) -> tuple[int, int]:
    """Return height and width of a level in a picture.

    Pixels become square where their sizes are known. The longest side is `side_px` at most. Levels that are smaller
    keep their size, or become a whole number of times as large up to `least_px`.

    Parameters
    ----------
    shot
        What is shown.
    side_px
        The longest side.
    least_px
        The length up to which the longest side of a smaller level is enlarged.
    """
    extent = shot.extent
    tall, wide = extent["y"] * 1.0, extent["x"] * 1.0
    ratio = _ratio(shot)
    tall, wide = tall * max(ratio, 1.0), wide * max(1 / ratio, 1.0)
    longest = max(tall, wide)
    times = side_px / longest if longest > side_px else max(1, min(side_px, least_px) // math.ceil(longest))
    return max(1, round(tall * times)), max(1, round(wide * times))


def _ratio(shot: Shot) -> float:
    """Return how many times higher than wide a pixel is; 1 where that is not known."""
    if shot.level.scale is None:
        return 1.0
    axes = shot.image.axes
    (high, high_unit), (wide, wide_unit) = (
        (shot.level.scale[axes.index(axis)], shot.image.units[axes.index(axis)]) for axis in "yx"
    )
    if high_unit != wide_unit or not (math.isfinite(high) and math.isfinite(wide) and high > 0 and wide > 0):
        return 1.0
    ratio = high / wide
    return ratio if abs(ratio - 1) > SQUARE and 1 / MAX_RATIO <= ratio <= MAX_RATIO else 1.0


def pixel_width(shot: Shot, shape: tuple[int, int]) -> tuple[float | None, str | None]:
    """Return the width of a pixel of a shown plane, and its unit, where known."""
    x = shot.image.axes.index("x")
    size = None if shot.level.scale is None else shot.level.scale[x] * shot.level.shape[x] / shape[1]
    return size, shot.image.units[x]


def fit(planes: Sequence[NDArray[Any]], shape: tuple[int, int], *, labels: bool = False) -> list[NDArray[Any]]:
    """Return planes at the size at which they are shown; of labels no mean is taken."""
    return [resample(plane, shape, nearest=labels) for plane in planes]


def is_label(image: Image) -> bool:
    """Return whether the pixels of an image are label values."""
    return image.metadata.label is not None and image.levels[0].facts.dtype.to_numpy().kind in "iub"


def shown_settings(image: Image, taken: Sequence[Sequence[NDArray[Any]]]) -> list[OmeroChannel]:
    """Return colour and window of each channel that is shown.

    Windows that the image does not give are those of all that is shown.

    Parameters
    ----------
    image
        The image.
    taken
        For each panel the planes of its channels, in the order of `shown_channels`.
    """
    measured = [_measure(planes) for planes in zip(*taken, strict=True)]
    dtype = image.levels[0].dtype.name
    if not image.channels:
        return list(omero_channels((), dtype, measured))
    given = [image.channels[index] for index in shown_channels(image)]
    return [
        channel if channel.window else replace(channel, window=make_window(values, dtype))
        for channel, values in zip(given, measured, strict=True)
    ]


def _measure(planes: Sequence[NDArray[Any]]) -> Measured:
    """Return the least and the greatest finite value of planes, twice.

    They are both the values that a channel holds and those that are shown.
    """
    ends = [(found.min(), found.max()) for plane in planes if (found := plane[np.isfinite(plane)]).size]
    low = float(min((low for low, _ in ends), default=math.nan))
    high = float(max((high for _, high in ends), default=math.nan))
    return low, high, low, high
