"""What the metadata of an OME-Zarr image say of the pixels of its largest level, as a `SourceSpec` has it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid import parsing
from pyramid.errors import OptionError
from pyramid.model import SPACE, Channel
from pyramid.ngff import Multiscale
from pyramid.ngff.left_out import ARRAY_KEYS, beyond, describe_left_out, left_out
from pyramid.ngff.values import shown
from pyramid.readers.axes import AxisOrder

# Groups of an image's own that hold no levels.
GROUPS_BESIDE = ("labels", "tables")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Size of a pixel, its unit, and the centre of the first one, on one axis; what the image does not say is None.

    Parameters
    ----------
    scale, unit, translation
        As `SourceSpec` has them.
    notice
        What of them was not taken; empty where all was.
    """

    scale: float | None = None
    unit: str | None = None
    translation: float = 0.0
    notice: str = ""


def finest_level(image: Multiscale) -> int:
    """Return which of the levels has the smallest pixels by its scale; the first where that is not known."""
    areas = [math.inf if dataset.scale is None else math.prod(dataset.scale) for dataset in image.datasets]
    return min(range(len(areas)), key=areas.__getitem__)


def sizes_by_axis(image: Multiscale | None, order: AxisOrder) -> dict[str, Sizes]:
    """Return what an image says of each axis, as its dimensions stand for axes; a channel has no size."""
    axes = [axis for axis in order.axes if axis != "c"]
    if image is None:
        return {axis: Sizes() for axis in axes}
    by_dimension = dict(zip(order.letters, range(len(order.letters)), strict=True))
    return {axis: _sizes(image, by_dimension[axis], axis) for axis in axes}


def _sizes(image: Multiscale, dimension: int, axis: str) -> Sizes:
    first = image.datasets[0]
    scale = 1.0 if first.scale is None else first.scale[dimension]
    translation = 0.0 if first.translation is None else first.translation[dimension]
    unit, own = image.units[dimension], image.axes[dimension]
    if own != axis and not {own, axis} <= set(SPACE):
        said = scale != 1 or unit is not None or translation != 0
        return Sizes(notice=f"the size of {own} is not taken, as --axes makes it {axis}" if said else "")
    known = None if unit is None else _unit(axis, unit)
    # A size of 1 without a unit says nothing.
    size = scale if known is not None or scale != 1 else None
    notice = ""
    if unit is not None and known is None:
        notice = f"the unit of {axis}, {shown(unit)}, is not known; its size is kept without a unit (give --units)"
    return Sizes(size, known, translation, notice)


def _unit(axis: str, unit: str) -> str | None:
    try:
        return parsing.unit(axis, unit.strip())
    except OptionError:
        return None


def channels_of(image: Multiscale | None, order: AxisOrder) -> tuple[tuple[Channel, ...], tuple[str, ...]]:
    """Return what an image says of each of its channels, and a notice where it tells of more than there are."""
    count = order.axes_shape[order.axes.index("c")] if "c" in order.axes else 1
    given = image.given if image is not None else ()
    if not any(channel != Channel() for channel in given):
        return (), ()
    more = len(given) - count
    notices = (f"omero tells of {len(given)} channels, and there are {count}; the last {more} are left out",)
    return (*given[:count], *[Channel()] * -more), notices if more > 0 else ()


def left_out_notice(
    group: Mapping[str, Any], array: Mapping[str, Any], order: AxisOrder, beside: list[str]
) -> Iterator[str]:
    """Yield one notice of what is not carried over, if there is any.

    Parameters
    ----------
    group, array
        Attributes of the image's group, empty for an array alone, and of the array.
    order
        The array's axes.
    beside
        Groups of the image that hold no levels.
    """
    depth = order.axes_shape[order.axes.index("z")] if "z" in order.axes else 1
    places = [*left_out(group, depth // 2), *(f"{name}/" for name in beside)]
    yield from describe_left_out([*places, *(f"attribute {key} of the array" for key in beyond(array, ARRAY_KEYS))])
