"""The metadata of an OME-Zarr image's largest level, as a `SourceSpec` holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.errors import OptionError
from pyramid.model import SPACE, Channel
from pyramid.ngff import Multiscale
from pyramid.ngff.left_out import ARRAY_KEYS, beyond, describe_left_out, left_out
from pyramid.ngff.values import shown
from pyramid.options import parsing
from pyramid.readers.axes import AxisOrder

# Groups in an image that hold no levels: they are not carried over, and a notice names them.
GROUPS_BESIDE = ("labels", "tables")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Size of a pixel, its unit, and the centre of the first pixel, on one axis.

    Parameters
    ----------
    scale, unit, translation
        As in `SourceSpec`; a scale or unit that the image does not give is None.
    notice
        A sentence about what was not taken; empty if all was.
    """

    scale: float | None = None
    unit: str | None = None
    translation: float = 0.0
    notice: str = ""


def sizes_by_axis(image: Multiscale | None, order: AxisOrder) -> dict[str, Sizes]:
    """Return the sizes that an image gives, by axis; a channel has no size."""
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
        has_size = scale != 1 or unit is not None or translation != 0
        return Sizes(notice=f"the size of {own} is not taken, as --axes makes it {axis}" if has_size else "")
    known = None if unit is None else _unit(axis, unit)
    # A size of 1 without a unit is what programs write when they do not know the size.
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
    """Return the channels that an image describes, and a notice if they are too many."""
    count = order.axes_shape[order.axes.index("c")] if "c" in order.axes else 1
    given = image.given if image is not None else ()
    if not any(channel != Channel() for channel in given):
        return (), ()
    more = len(given) - count
    notices = (f"omero describes {len(given)} channels, and there are {count}; the last {more} are left out",)
    return (*given[:count], *[Channel()] * -more), notices if more > 0 else ()


def left_out_notice(
    group: Mapping[str, Any], array: Mapping[str, Any], order: AxisOrder, other_groups: list[str]
) -> Iterator[str]:
    """Yield one notice that names all that is not carried over, if there is anything.

    Parameters
    ----------
    group, array
        Attributes of the image's group, empty for an array without one, and of the array.
    order
        The array's axes.
    other_groups
        Groups of the image that hold no levels.
    """
    depth = order.axes_shape[order.axes.index("z")] if "z" in order.axes else 1
    places = [*left_out(group, depth // 2), *(f"{name}/" for name in other_groups)]
    yield from describe_left_out([*places, *(f"attribute {key} of the array" for key in beyond(array, ARRAY_KEYS))])
