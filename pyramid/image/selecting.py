"""A selected part of an image, which is an image itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError, SourceError
from pyramid.image.level import ImageLevel
from pyramid.ngff import Dataset
from pyramid.options.selected import Positions, evenly, explain_uneven, resolve
from pyramid.options.selection import Selection, parse_selection

if TYPE_CHECKING:
    import dask.array
    from numpy.typing import NDArray
    from zarr import Array

    from pyramid.image.image import Image

# What the ratio of two sizes may be off by, as they are decimal numbers that are kept in binary.
ROUNDING = 1e-6


@dataclass(frozen=True, repr=False, eq=False)
class SelectedLevel(ImageLevel):
    """The part of one level that a selection takes.

    Parameters
    ----------
    whole
        The whole level.
    positions
        What is taken of each of its axes.
    """

    whole: ImageLevel
    positions: tuple[Positions, ...]

    @property
    def zarr(self) -> Array[Any]:
        """Raise SourceError, since no Zarr array holds only the selection."""
        raise SourceError("a selection of a level has no Zarr array of its own; read its data, or that of level.whole")

    @property
    def stored_bytes(self) -> int | None:
        """None, as the bytes of a part are not counted."""
        return None

    @property
    def data(self) -> dask.array.Array:
        """The pixels that are taken, as a lazy Dask array."""
        import dask.array  # noqa: PLC0415  (it takes a second, and metadata needs none of it)

        from pyramid.image.lazy_pixels import LazyPixels, aligned_blocks, block_shape  # noqa: PLC0415  (NumPy)

        whole, reader = self.whole, self.address.reader()
        if reader is not None:
            block = block_shape(whole.shape, whole.shards or whole.chunks, self.facts.dtype.itemsize)
            lazy = LazyPixels(reader, self.positions)
            return dask.array.from_array(lazy, aligned_blocks(self.positions, block), name=False, asarray=False)
        array = whole.data
        for axis, taken in enumerate(self.positions):
            index = slice(taken.start, taken.stop, taken.step) if isinstance(taken, range) else list(taken)
            array = array[(slice(None),) * axis + (index,)]
        return array

    def read(self, index: tuple[int | slice | Sequence[int], ...]) -> NDArray[Any]:
        """Read the pixels of an index of what is taken, with one list at most."""
        import numpy as np  # noqa: PLC0415  (metadata needs none of it)

        from pyramid.image.lazy_pixels import LazyPixels  # noqa: PLC0415  (NumPy, as above)

        reader = self.address.reader()
        if reader is None:
            return np.asarray(self.data[index].compute(scheduler="synchronous"))
        return LazyPixels(reader, self.positions)[index]


def parse_select(selection: object, picks: Mapping[str, object]) -> Selection | None:
    """Parse a selection as text or a mapping, or by axis; None if nothing is given."""
    if selection is not None and picks:
        raise OptionError("select: it is given as one value and by axis; give one of them")
    if selection is None and not picks:
        return None
    try:
        return parse_selection(picks if selection is None else selection)
    except OptionError as error:
        raise OptionError(f"select: {error}") from None


def select_image(image: Image, selection: Selection) -> Image:
    """Return the part of an image that a selection takes.

    Raises
    ------
    OptionError
        If the selection names what the image does not have.
    """
    axes, first = image.axes, image.levels[0]
    found = resolve(selection, axes, first.shape, [channel.label for channel in image.channels])
    positions, wholes = found.positions, image.levels
    if isinstance(first, SelectedLevel):
        positions = tuple(map(_compose, first.positions, positions))
        wholes = tuple(getattr(level, "whole", level) for level in wholes)
    levels = tuple(_select_level(whole, wholes[0], positions, axes) for whole in wholes)
    uneven = {axis for axis, taken in zip(axes, positions, strict=True) if axis != "c" and not isinstance(taken, range)}
    metadata = image.metadata
    inner = found.positions[axes.index("c")] if "c" in axes else range(len(metadata.channels))
    z = levels[0].shape[axes.index("z")] // 2 if "z" in axes else 0
    metadata = replace(
        metadata,
        units=tuple(None if axis in uneven else unit for axis, unit in zip(axes, metadata.units, strict=True)),
        datasets=tuple(Dataset(level.path, level.scale, level.translation) for level in levels),
        channels=tuple(metadata.channels[index] for index in inner) if metadata.channels else (),
        given=tuple(metadata.given[index] for index in inner) if metadata.given else (),
        default_z=z,
        default_t=0,
    )
    notices = (*image.notices, *found.notices, *map(explain_uneven, sorted(uneven)))
    return replace(image, metadata=metadata, levels=levels, labels=(), notices=tuple(dict.fromkeys(notices)))


def _compose(outer: Positions, inner: Positions) -> Positions:
    """Return positions in the whole of positions among those that were taken before."""
    return evenly([outer[index] for index in inner])


def _select_level(whole: ImageLevel, first: ImageLevel, positions: Sequence[Positions], axes: str) -> SelectedLevel:
    """Return the part of a level that shows what is taken of the first level."""
    factors = factors_of(whole, first)
    found = tuple(
        positions_on(taken, factor, extent)
        for taken, factor, extent in zip(positions, factors, whole.shape, strict=True)
    )
    scale, translation = _placed(whole, found, axes)
    shape = tuple(map(len, found))
    inner = whole.facts
    facts = replace(
        inner,
        shape=shape,
        chunks=tuple(map(min, inner.chunks, shape)),
        shards=None if inner.shards is None else tuple(map(min, inner.shards, shape)),
    )
    return SelectedLevel(whole.path, scale, translation, facts, whole.address, whole, found)


def positions_on(taken: Positions, factor: float, extent: int) -> Positions:
    """Return the positions on a coarser level that show those of the first level.

    A range becomes the pixels from the one that holds its first pixel to the one that holds its last. Its step is
    divided by the factor and rounded down, to at least 1. Of single positions, the pixels that hold them are taken,
    each once.

    Parameters
    ----------
    taken
        Positions on the first level.
    factor
        Pixels of the first level that make one pixel.
    extent
        Pixels of the coarser level.

    Examples
    --------
    >>> positions_on(range(3, 9), 2, 50), positions_on(range(0, 100, 4), 2, 50), positions_on((0, 1, 7), 2, 50)
    (range(1, 5), range(0, 49, 2), range(0, 4, 3))
    """

    def on(position: int) -> int:
        return min(math.floor(position / factor + ROUNDING), extent - 1)

    if not isinstance(taken, range):
        return evenly(list(dict.fromkeys(map(on, taken))))
    step = max(1, math.floor(taken.step / factor + ROUNDING))
    found = range(on(taken[0]), on(taken[-1]) + 1, step)
    return range(found[0], found[-1] + 1, step if len(found) > 1 else 1)


def factors_of(level: ImageLevel, first: ImageLevel) -> tuple[float, ...]:
    """Return how many pixels of the first level make one, by size or by shape."""
    by_shape = [max(1.0, a / b) if b else 1.0 for a, b in zip(first.shape, level.shape, strict=True)]
    if level.scale is None or first.scale is None:
        return tuple(by_shape)
    by_scale = (b / a if a > 0 else 1.0 for a, b in zip(first.scale, level.scale, strict=True))
    # Where sizes and shapes contradict each other, the sizes are wrong more often: some writers leave them as they are.
    return tuple(
        ratio if abs(math.ceil(n / max(ratio, ROUNDING) - ROUNDING) - m) <= 1 else shaped
        for ratio, shaped, n, m in zip(by_scale, by_shape, first.shape, level.shape, strict=True)
    )


def _placed(
    level: ImageLevel, found: Sequence[Positions], axes: str
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return the size of a pixel and the centre of the first, where known.

    An axis without even steps has neither, and gets 1 and 0. Channels have no place.
    """
    if level.scale is None:
        return None, level.translation
    before = level.translation or (0.0,) * len(found)
    scale, moved = [], []
    for axis, size, origin, taken in zip(axes, level.scale, before, found, strict=True):
        if axis == "c":
            scale.append(size)
            moved.append(origin)
        elif isinstance(taken, range):
            scale.append(size * taken.step)
            moved.append(origin + taken.start * size)
        else:
            scale.append(1.0)
            moved.append(0.0)
    return tuple(scale), tuple(moved) if level.translation is not None or any(moved) else None
