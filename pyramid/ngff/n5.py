"""Images in N5: the keys of its readers, written and read.

N5 has no metadata of its own for images. Written are those of OME-NGFF within N5, of N5-Viewer and COSEM for each
level, and of neuroglancer, which can list nothing over HTTP. N5 lists axes with the fastest first, so the first axis is
x in all of them but COSEM's. What is read becomes the metadata of OME-Zarr 0.4 with axes in C order, of version ``n5``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyramid.ngff.v04 as v04
from pyramid.errors import SourceError
from pyramid.ngff.axis_names import AXIS_TYPES
from pyramid.ngff.metadata import Attributes, Multiscale
from pyramid.ngff.values import list_or_empty, mapping_or_empty
from pyramid.ngff.writing import make_axis, make_content

NAME = "n5"
# NumPy names of the numbers that N5 has.
DTYPES = (*(f"{sign}int{8 * size}" for sign in ("", "u") for size in (1, 2, 4, 8)), "float32", "float64")
# Keys of a group and of a level that are read or replaced, besides those of OME-NGFF.
GROUP_KEYS = frozenset({"n5", "axes", "units", "resolution", "pixelResolution", "downsamplingFactors", "scales"})
LEVEL_KEYS = frozenset({"downsamplingFactors", "pixelResolution", "transform"})
# Keys of a dataset's document that describe its storage. A group with them would be taken for one.
STORAGE_KEYS = ("dimensions", "blockSize", "dataType", "compression", "compressionType")
# Axes of an image that does not name them, the fastest first, as neuroglancer has them.
USUAL_AXES = "xyztc"
# Short names of units, as neuroglancer takes them, by those of OME-Zarr.
_PREFIXES = {"": "", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "kilo": "k", "pico": "p", "femto": "f"}
SHORT_UNITS = {
    f"{prefix}{unit}": short + letter
    for prefix, short in _PREFIXES.items()
    for unit, letter in (("meter", "m"), ("second", "s"))
}
_LONG_UNITS = {short: name for name, short in SHORT_UNITS.items()} | {"µm": "micrometer", "μm": "micrometer"}


def _write(image: Multiscale) -> dict[str, Any]:
    content = make_content(image, {"version": v04.NAME})
    first = content["multiscales"][0]
    first["axes"] = first["axes"][::-1]
    for dataset in first["datasets"]:
        for transformation in dataset["coordinateTransformations"]:
            transformation[transformation["type"]] = transformation[transformation["type"]][::-1]
    return {
        **content,
        "axes": list(image.axes[::-1]),
        "units": [SHORT_UNITS.get(unit or "", "") for unit in image.units[::-1]],
        "resolution": list(_scale(image, 0)[::-1]),
        "downsamplingFactors": [_factors(image, number) for number in range(len(image.datasets))],
    }


VERSION = replace(
    v04.VERSION,
    name=NAME,
    zarr_format="n5",
    recognizes=lambda _: False,
    write=_write,
    level_prefix="s",
    dtypes=DTYPES,
    own_keys=GROUP_KEYS.union(STORAGE_KEYS),
)


def level_attributes(image: Multiscale, number: int) -> dict[str, Any]:
    """Return the attributes of a level for N5-Viewer and COSEM.

    Examples
    --------
    >>> from pyramid.ngff.metadata import Dataset
    >>> levels = (Dataset("s0", (4.0, 2.0), None), Dataset("s1", (8.0, 4.0), (2.0, 1.0)))
    >>> image = Multiscale("yx", ("micrometer",) * 2, levels)
    >>> level_attributes(image, 1)["pixelResolution"], level_attributes(image, 1)["downsamplingFactors"]
    ({'unit': 'um', 'dimensions': [2.0, 4.0]}, [2, 2])
    >>> level_attributes(image, 1)["transform"]["scale"], level_attributes(image, 1)["transform"]["translate"]
    ([8.0, 4.0], [2.0, 1.0])
    """
    units = [SHORT_UNITS.get(unit or "", "") for unit in image.units]
    space = {unit for axis, unit in zip(image.axes, units, strict=True) if AXIS_TYPES.get(axis) == "space" and unit}
    shift = image.datasets[number].translation or (0.0,) * len(image.axes)
    return {
        "downsamplingFactors": _factors(image, number),
        "pixelResolution": {
            "unit": next(iter(space)) if len(space) == 1 else "pixel",
            "dimensions": list(_scale(image, 0)[::-1]),
        },
        "transform": {
            "axes": list(image.axes),
            "scale": list(_scale(image, number)),
            "translate": list(shift),
            "units": units,
        },
    }


def _scale(image: Multiscale, number: int) -> tuple[float, ...]:
    return image.datasets[number].scale or (1.0,) * len(image.axes)


def _factors(image: Multiscale, number: int) -> list[float]:
    """Return the factors of a level relative to the first, the fastest axis first."""
    ratios = [here / first for here, first in zip(_scale(image, number), _scale(image, 0), strict=True)]
    return [round(ratio) if abs(ratio - round(ratio)) < 1e-9 else ratio for ratio in reversed(ratios)]


def read_attributes(attributes: Attributes, levels: Sequence[tuple[str, Attributes]]) -> Attributes:
    """Return the attributes of a group with ``multiscales`` of version ``n5``.

    Parameters
    ----------
    attributes
        Those of the group.
    levels
        Path and attributes of each level, where the group itself has no ``multiscales``.

    Returns
    -------
    mapping
        As they are, where they are not those of an image.

    Raises
    ------
    SourceError
        If the metadata of the levels is broken.

    Examples
    --------
    >>> level = {"dimensions": [9, 9], "downsamplingFactors": [2, 2], "pixelResolution": [0.5, 0.25]}
    >>> (image,) = read_attributes({}, [("s0", level)])["multiscales"]
    >>> [axis["name"] for axis in image["axes"]], image["datasets"][0]["coordinateTransformations"][0]
    (['y', 'x'], {'type': 'scale', 'scale': [0.5, 1.0]})
    """
    first = mapping_or_empty(next(iter(list_or_empty(attributes.get("multiscales"))), None))
    if first:
        return {**attributes, "multiscales": [_of_ngff(first, attributes)]}
    if not levels:
        return attributes
    read = [_of_level(level, number, attributes) for number, (_, level) in enumerate(levels)]
    named = [
        {"path": path, "coordinateTransformations": moved} for (path, _), (_, moved) in zip(levels, read, strict=True)
    ]
    return {**attributes, "multiscales": [{"version": NAME, "axes": read[0][0], "datasets": named}]}


def _of_ngff(first: Attributes, attributes: Attributes) -> dict[str, Any]:
    """Return an item of ``multiscales`` with its axes in C order."""
    datasets = [mapping_or_empty(item) for item in list_or_empty(first.get("datasets"))]
    transforms = [mapping_or_empty(item.get("transform")) for item in datasets]
    if datasets and all(transforms):
        read = [_of_cosem(transform, len(list_or_empty(transform.get("scale")))) for transform in transforms]
        axes, moved = read[0][0], [found for _, found in read]
    else:
        listed = list_or_empty(first.get("axes")) or list_or_empty(attributes.get("axes"))
        axes = [dict(axis) if isinstance(axis, Mapping) else _axis(str(axis), None) for axis in listed]
        turned = bool(axes) and axes[0].get("name") == "x"
        axes = axes[::-1] if turned else axes
        moved = [[_turned(each, turned=turned) for each in _transformations(item)] for item in datasets]
    named = [
        {"path": item.get("path"), "coordinateTransformations": found}
        for item, found in zip(datasets, moved, strict=True)
    ]
    return {**first, "version": NAME, "axes": axes, "datasets": named}


def _transformations(dataset: Attributes) -> list[Attributes]:
    return [mapping_or_empty(item) for item in list_or_empty(dataset.get("coordinateTransformations"))]


def _turned(transformation: Attributes, *, turned: bool) -> dict[str, Any]:
    key = str(transformation.get("type"))
    values = transformation.get(key)
    return {**transformation, key: values[::-1]} if turned and isinstance(values, list) else dict(transformation)


def _of_level(level: Attributes, number: int, group: Attributes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the axes and the transformations of a level, in C order."""
    ndim = len(list_or_empty(level.get("dimensions")))
    transform = level.get("transform")
    if isinstance(transform, Mapping) and transform.get("scale") is not None:
        return _of_cosem(transform, ndim)
    return _of_viewer(level, number, group, ndim)


def _of_cosem(transform: Attributes, ndim: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    scale = _numbers(transform.get("scale"), ndim, "transform.scale")
    shift = _numbers(transform.get("translate", [0.0] * ndim), ndim, "transform.translate")
    names = list_or_empty(transform.get("axes")) or list(USUAL_AXES[:ndim][::-1])
    units = list_or_empty(transform.get("units")) or [None] * len(names)
    turn = slice(None, None, -1 if transform.get("ordering") == "F" else 1)
    axes = [_axis(str(name), unit) for name, unit in zip(names, units, strict=False)][turn]
    return axes, _moved(scale[turn], shift[turn])


def _of_viewer(
    level: Attributes, number: int, group: Attributes, ndim: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the keys of N5-Viewer and neuroglancer, which list the fastest axis first."""
    listed = list_or_empty(group.get("downsamplingFactors")) or list_or_empty(group.get("scales"))
    usual = listed[number] if number < len(listed) else [2.0**number] * ndim
    factors = _numbers(level.get("downsamplingFactors", usual), ndim, "downsamplingFactors")
    given = level.get("pixelResolution", group.get("pixelResolution", group.get("resolution", [1.0] * ndim)))
    settings = given if isinstance(given, Mapping) else {"dimensions": given}
    sizes = _numbers(settings.get("dimensions"), ndim, "pixelResolution")
    names = list_or_empty(group.get("axes")) or list(USUAL_AXES[:ndim])
    units = list_or_empty(group.get("units")) or [settings.get("unit")] * len(names)
    axes = [_axis(str(name), unit) for name, unit in zip(names, units, strict=False)]
    scale = [size * factor for size, factor in zip(sizes, factors, strict=True)]
    shift = [size * (factor - 1) / 2 for size, factor in zip(sizes, factors, strict=True)]
    return axes[::-1], _moved(scale[::-1], shift[::-1])


def _moved(scale: list[float], shift: list[float]) -> list[dict[str, Any]]:
    moved: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    return [*moved, {"type": "translation", "translation": shift}] if any(shift) else moved


def _axis(name: str, unit: object) -> dict[str, Any]:
    known = _LONG_UNITS.get(str(unit), None if unit in (None, "", "pixel", "pixels", "px") else str(unit))
    if name not in AXIS_TYPES:
        return {"name": name} if known is None else {"name": name, "unit": known}
    return dict(make_axis(name, known if AXIS_TYPES[name] != "channel" else None))


def _numbers(value: object, count: int, place: str) -> list[float]:
    listed = list_or_empty(value)
    if len(listed) != count or not all(type(number) in (int, float) for number in listed):
        raise SourceError(f"{place}: there must be {count} numbers, one for each axis")
    return [float(number) for number in listed]
