"""The options of a label image, from the image that it labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError, TargetError
from pyramid.ngff import WRITABLE
from pyramid.tables import format_list

if TYPE_CHECKING:
    from pyramid.image import Image
    from pyramid.model import SourceSpec
    from pyramid.options.convert import Options

# Methods that make no value that no pixel of the window has.
METHODS = ("mode", "nearest", "max", "min")


def fitted_options(options: Options, image: Image) -> Options:
    """Return the options with which labels are converted.

    Version, levels, factors, scale, units and origin are those of the image.

    Raises
    ------
    OptionError
        If other levels are asked for, or a method that makes new values.
    TargetError
        If the image is of a version that is only read.
    """
    if image.version not in WRITABLE:
        raise TargetError(
            f"{image.url} is of version {image.version}, and labels are written in {format_list(list(WRITABLE))}; "
            "convert the image again first"
        )
    given = [name for name in ("scale_factors", "levels") if getattr(options, name) != getattr(type(options), name)]
    if given:
        raise OptionError(f"{given[0]}: labels have the levels of their image; leave it out")
    if options.thumbnail:
        raise OptionError("thumbnail: it is the picture of an image; leave it out for labels")
    if options.rescale is not None:
        raise OptionError("rescale: labels are numbers of objects, which must stay as they are; leave it out")
    if options.method not in (*METHODS, type(options).method):
        raise OptionError(
            f"method: {options.method} makes values that are not labels; give one of {format_list(list(METHODS))}"
        )
    return replace(
        options,
        format="ome-zarr",
        ome_zarr_version=image.version,
        method="mode" if options.method == type(options).method else options.method,
        name=options.name or options.labels,
        **levels_of(image),
        **_placed(options, image),
    )


def levels_of(image: Image) -> dict[str, Any]:
    """Return the options with which labels get the levels of an image."""
    return {"levels": len(image.levels), "scale_factors": _factors(image) or "auto", "min_size": 1}


def _factors(image: Image) -> tuple[dict[str, int], ...]:
    """Return the factors of each level of an image relative to the level before."""
    found = []
    for before, level in zip(image.levels, image.levels[1:], strict=False):
        ratios = [max(1, round(n / m)) for n, m in zip(before.shape, level.shape, strict=True)]
        if before.scale and level.scale:
            ratios = [max(1, round(b / a)) for a, b in zip(before.scale, level.scale, strict=True)]
        found.append({axis: ratio for axis, ratio in zip(image.axes, ratios, strict=True) if axis != "c"})
    return tuple(found)


def _placed(options: Options, image: Image) -> dict[str, Any]:
    """Return scale, units and origin of the image as options."""
    first = image.levels[0]
    scale = dict(zip(image.axes, first.scale or (), strict=False))
    units = {axis: unit for axis, unit in zip(image.axes, image.metadata.units, strict=True) if unit is not None}
    origin = {axis: at for axis, at in zip(image.axes, first.translation or (), strict=False) if at}
    placed: dict[str, Any] = {}
    for name, values in (("scale", scale), ("units", units), ("origin", origin)):
        own = {axis: value for axis, value in values.items() if axis != "c"}
        if own and getattr(options, name) is None:
            placed[name] = own
    return placed


def check_fits(spec: SourceSpec, image: Image, target: str) -> None:
    """Raise TargetError if labels are not whole numbers, or not of the image's shape.

    They may lack channels, or have one.
    """
    if spec.dtype == "bool" or not spec.dtype.startswith(("int", "uint")):
        raise TargetError(
            f"labels are whole numbers, and SOURCE is of {spec.dtype}; if its values are whole, give it as an array of "
            'integers, as tifffile.imread("cells.tif").astype("uint32")'
        )
    held = dict(zip(image.axes, image.levels[0].shape, strict=True))
    own = dict(zip(spec.axes, spec.shape, strict=True))
    wrong = [axis for axis, n in own.items() if axis != "c" and held.get(axis, 1) != n]
    wrong += [axis for axis, n in held.items() if axis not in own and axis != "c" and n > 1]
    if own.get("c", 1) not in (1, held.get("c", 1)):
        wrong.append("c")
    if wrong:
        pairs = [f"{axis} {own.get(axis, 'none')} instead of {held.get(axis, 'none')}" for axis in wrong]
        raise TargetError(
            f"the labels do not fit the image {target}: {format_list(pairs)}; give labels of its shape, and the order "
            "of their axes with axes=..."
        )
