"""The metadata of an OME-Zarr image's largest level, as a `SourceSpec` holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyramid.errors import OptionError, PyramidError, short_repr
from pyramid.model import SPACE, Channel, SourceSpec
from pyramid.ngff import Labels, Multiscale, Plate, Series, Well, n5, parse_group
from pyramid.ngff.acquisition import acquisition_details, with_emission
from pyramid.ngff.left_out import ARRAY_KEYS, ROOT_KEYS, beyond, describe_left_out, left_out
from pyramid.ngff.metadata import ome_content
from pyramid.ngff.version import first_image
from pyramid.options.units import unit as unit_name
from pyramid.readers.attributes import keep_attributes
from pyramid.readers.axes import AxisOrder

# Groups that hold images: what each is called, and the usual path of an image in it.
_KINDS: Mapping[type, tuple[str, str]] = {
    Plate: ("a plate", "A/1/0"),
    Well: ("a well, which holds several images", "0"),
    Series: ("a row of images (bioformats2raw.layout)", "0"),
    Labels: ("a list of labels", "NAME"),
}


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


def describe_image(spec: SourceSpec, image: Multiscale, order: AxisOrder) -> SourceSpec:
    """Return a spec with what an image says of its largest level.

    Parameters
    ----------
    spec
        The description of the array.
    image, order
        The image's metadata, and the axis of each of the array's dimensions.
    """
    sizes = [_sizes(image, order.letters.index(axis), axis) for axis in order.axes]
    channels, notices = channels_of(image, order)
    translation = tuple(each.translation for each in sizes)
    return replace(
        spec,
        scale=tuple(each.scale for each in sizes),
        units=tuple(each.unit for each in sizes),
        channels=channels,
        details=(*spec.details, *acquisition_details(image.provenance)),
        notices=(*spec.notices, *(each.notice for each in sizes if each.notice), *notices),
        translation=translation if any(translation) else (),
    )


def _sizes(image: Multiscale, dimension: int, axis: str) -> Sizes:
    """Return the sizes that an image gives for a dimension; a channel has none."""
    first = image.datasets[0]
    scale = 1.0 if first.scale is None else first.scale[dimension]
    translation = 0.0 if first.translation is None else first.translation[dimension]
    unit, own = image.units[dimension], image.axes[dimension]
    has_size = scale != 1 or unit is not None or translation != 0
    if own != axis and not {own, axis} <= set(SPACE):
        return Sizes(notice=f"the size of {own} is not taken, as axes=... makes it {axis}" if has_size else "")
    if axis == "c":
        said = f"a scale of {scale:g} and a translation of {translation:g}" + (
            f" in {short_repr(unit)}" if unit else ""
        )
        return Sizes(notice=f"not carried over from the source: {said} along its channels" if has_size else "")
    known = None if unit is None else _unit(axis, unit)
    # A size of 1 without a unit is what programs write when they do not know the size.
    size = scale if known is not None or scale != 1 else None
    notice = ""
    if unit is not None and known is None:
        notice = (
            f"the unit of {axis}, {short_repr(unit)}, is not known; its size is kept without a unit (give units=...)"
        )
    return Sizes(size, known, translation, notice)


def _unit(axis: str, unit: str) -> str | None:
    try:
        return unit_name(axis, unit.strip())
    except OptionError:
        return None


def members_remedy(attributes: Mapping[str, Any], where: str, done: str = "is converted") -> str:
    """Return the advice to name an image in a group that holds images.

    The text is empty for any other group, and for a broken one. `done` says what is done to an image.
    """
    try:
        found = parse_group(attributes)
    except PyramidError:
        return ""
    if found is None:
        return ""
    group = found[1]
    kind, example = _KINDS[type(group)]
    paths = group.paths
    path = (
        example
        if not paths
        else f"{short_repr(paths[0])[1:-1]}/0"
        if isinstance(group, Plate)
        else short_repr(paths[0])[1:-1]
    )
    return f"{where} is {kind}, and one image at a time {done}; name an image in it, as {where.rstrip('/')}/{path}"


def largest_first(image: Multiscale) -> Multiscale:
    """Return an image with the level of the smallest pixels first.

    A notice says so if another level was listed first.
    """
    finest = min(range(len(image.datasets)), key=lambda i: _area(image, i))
    if _area(image, finest) >= _area(image, 0):
        return image
    first = image.datasets[finest]
    notice = (
        f"its levels are not listed from the largest on: {short_repr(first.path)} is taken as the largest, for its "
        "pixels are the smallest"
    )
    rest = tuple(dataset for i, dataset in enumerate(image.datasets) if i != finest)
    return replace(image, datasets=(first, *rest), notices=(*image.notices, notice))


def has_distinct_sizes(image: Multiscale) -> bool:
    """Return whether the sizes of pixels show which level is the largest."""
    return len(image.datasets) < 2 or any(_area(image, i) != _area(image, 0) for i in range(len(image.datasets)))


def _area(image: Multiscale, number: int) -> float:
    scale = image.datasets[number].scale
    return 1.0 if scale is None else math.prod(scale[image.axes.index(axis)] for axis in "yx")


def channels_of(image: Multiscale, order: AxisOrder) -> tuple[tuple[Channel, ...], tuple[str, ...]]:
    """Return the channels that an image describes, and a notice if they are too many."""
    count = order.axes_shape[order.axes.index("c")] if "c" in order.axes else 1
    given = with_emission(image.given, image.provenance)
    if not any(channel != Channel() for channel in given):
        return (), ()
    if ("c" in image.axes) != ("c" in order.axes) or (count > 1 and image.axes.index("c") != order.letters.index("c")):
        return (), ("the names and colours of its channels are not taken, as axes=... gives them another axis",)
    more = len(given) - count
    notices = (f"omero describes {len(given)} channels, and there are {count}; the last {more} are left out",)
    return (*given[:count], *[Channel()] * -more), notices if more > 0 else ()


def carry_over(
    group: Mapping[str, Any], array: Mapping[str, Any], order: AxisOrder, other_groups: list[str]
) -> tuple[str, tuple[str, ...]]:
    """Return the attributes that are carried over as JSON, and a notice of the rest.

    Parameters
    ----------
    group, array
        Attributes of the image's group, empty for an array without one, and of the array.
    order
        The array's axes.
    other_groups
        Groups of the image that hold no levels.
    """
    is_n5 = first_image(ome_content(group)[0]).get("version") == n5.NAME
    root_keys = ROOT_KEYS | n5.GROUP_KEYS if is_n5 else ROOT_KEYS
    array_keys = ARRAY_KEYS | n5.LEVEL_KEYS if is_n5 else ARRAY_KEYS
    depth = order.axes_shape[order.axes.index("z")] if "z" in order.axes else 1
    places = [*left_out(group, depth // 2), *(f"{name}/" for name in other_groups)]
    if group:
        kept, lost = keep_attributes(group, root_keys)
        places += [*lost, *(f"attribute {key} of the array" for key in beyond(array, array_keys))]
    else:
        kept, lost = keep_attributes(array, ARRAY_KEYS)
        places += [f"attribute {key} of the array" for key in lost]
    return kept, tuple(describe_left_out(places))
