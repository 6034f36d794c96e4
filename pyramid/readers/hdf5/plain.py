"""A single dataset of an HDF5 file as an image, with names and sizes.

Sizes are taken from the attributes of ilastik and vigra (``axistags``), of ImageJ's HDF5 plug-in and PlantSeg
(``element_size_um``), and from ``voxel_size`` or ``resolution`` with ``offset`` and ``units``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from pyramid.errors import OptionError
from pyramid.model import SPACE, SourceSpec
from pyramid.ngff.axis_names import axis_letter
from pyramid.options.convert import Options
from pyramid.options.series import check_one_image
from pyramid.options.units import unit as unit_name
from pyramid.readers.attributes import keep_attributes
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files.file import SourceFile
from pyramid.readers.hdf5.attributes import attribute, numbers_of, text_of, texts_of
from pyramid.readers.hdf5.links import Place
from pyramid.readers.hdf5.source import Hdf5Source, Volumes, stored_dataset
from pyramid.readers.labelled import Labelled, describe_array
from pyramid.readers.paths import stem

# Attributes that give the size of a pixel on each axis, and the unit that they imply.
_SIZES = {"element_size_um": "micrometer", "voxel_size": "", "resolution": ""}
_UNREADABLE = object()
_KNOWN = {
    "axistags",
    "offset",
    "units",
    "DIMENSION_LABELS",
    "DIMENSION_LIST",
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    *_SIZES,
}
_MATLAB = {2: "xy", 3: "zxy", 4: "czxy"}  # MATLAB stores rows, columns and planes in the reverse order
MAX_NOTED = 6


@dataclass(frozen=True, slots=True)
class Sizes:
    """Size, unit and origin by axis, and sentences about what was not taken."""

    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def open_dataset(place: Place, options: Options, file: SourceFile) -> Hdf5Source:
    """Return the source of the dataset at a place (see `open_hdf5`).

    `file` is the file that the user gave, which may only link to that of the dataset.
    """
    check_one_image(options.series, "an array of an HDF5 file")
    stored, dataset = stored_dataset(place.file, place.path), place.read()
    names, notices = _dimension_names(dataset)
    title = place.path.rpartition("/")[2]
    name = stem(PurePath(file.name)) if title in ("data", "raw", "image", "exported_data") else title
    labelled = Labelled(None, tuple(names), name, (*file.notices, *(notices if options.axes is None else ())))
    spec, order = describe_array(labelled, stored.shape, stored.dtype, options.axes)
    kept, left_out = _carry_over(dataset)
    spec = _with_sizes(spec, _sizes(dataset, order), left_out)
    spec = replace(
        spec,
        attributes=kept,
        location=str(place),
        chunks=tuple(min(n, c) for n, c in zip(spec.shape, order.by_axis(stored.chunks), strict=True)),
    )
    path = place.path.replace("{", "{{").replace("}", "}}")
    volumes = Volumes(path, (), stored.shape, stored.dtype.str)
    return Hdf5Source(spec, order, place.file, volumes)


def _with_sizes(spec: SourceSpec, sizes: Sizes, left_out: tuple[str, ...]) -> SourceSpec:
    origin = tuple(sizes.origin.get(axis, 0.0) for axis in spec.axes)
    return replace(
        spec,
        scale=tuple(sizes.scale.get(axis) for axis in spec.axes),
        units=tuple(sizes.units.get(axis) for axis in spec.axes),
        translation=origin if any(origin) else (),
        notices=(*spec.notices, *sizes.notices, *left_out),
    )


def _dimension_names(dataset: Any) -> tuple[list[str | None], tuple[str, ...]]:  # noqa: ANN401  (h5py is not typed)
    """Return the names of a dataset's dimensions that mean axes, and notices."""
    dimensions = len(dataset.shape)
    for names in (
        [tag.get("key") for tag in _axistags(dataset)],
        texts_of(attribute(dataset, "DIMENSION_LABELS")),
        _scale_names(dataset),
        texts_of(attribute(dataset, "axis_names")),
    ):
        letters = [axis_letter(name) for name in names]
        if len(names) == dimensions and {"y", "x"} <= set(letters):
            return list(names), ()
    if attribute(dataset, "MATLAB_class") is not None and dimensions in _MATLAB:
        axes = _MATLAB[dimensions]
        return list(axes), (f"MATLAB stores arrays in reverse: it is taken as {axes}; give axes=... if that is wrong",)
    return [], ()


def _scale_names(dataset: Any) -> list[str]:  # noqa: ANN401
    """Return the names of the scales of netCDF's dimensions."""
    with suppress(Exception):  # references that lead nowhere
        return [next(iter(dimension.keys()), "") or "" for dimension in dataset.dims]
    return []


def _axistags(dataset: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the axes as vigra and ilastik describe them; empty if missing."""
    try:
        tags = json.loads(text_of(attribute(dataset, "axistags")))["axes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return tags if isinstance(tags, list) and all(isinstance(tag, dict) for tag in tags) else []


def _sizes(dataset: Any, order: AxisOrder) -> Sizes:  # noqa: ANN401
    space = [letter for letter in order.letters if letter in tuple(SPACE)]
    for name, implied in _SIZES.items():
        values = numbers_of(attribute(dataset, name))
        if not values:
            continue
        if len(values) == len(order.letters):  # one for each dimension
            values = [v for v, letter in zip(values, order.letters, strict=True) if letter in tuple(SPACE)]
        if len(values) == len(SPACE) and len(space) == 2:  # sizes of z, y and x, as of a plane
            values = values[1:]
        if len(values) != len(space) or min(values) <= 0:
            return Sizes(
                notices=(f"the attribute {name} does not give one size for each of {''.join(space)}; not taken",)
            )
        return _with_origin(dataset, space, values, implied)
    tagged = ((axis_letter(tag.get("key")) or "", tag.get("resolution")) for tag in _axistags(dataset))
    return Sizes(
        {
            axis: float(size)
            for axis, size in tagged
            if isinstance(size, int | float) and 0 < size < math.inf and axis in tuple(order.axes) and axis != "c"
        }
    )


def _with_origin(dataset: Any, space: list[str], sizes: list[float], implied: str) -> Sizes:  # noqa: ANN401
    units, notices = dict.fromkeys(space, implied) if implied else {}, []
    given = texts_of(attribute(dataset, "units"))[-len(space) :]
    if given and not implied:
        given = given * len(space) if len(given) == 1 else given
        try:
            units = {axis: unit_name(axis, text) for axis, text in zip(space, given, strict=True)}
        except (OptionError, ValueError):
            notices.append(f"the attribute units, {', '.join(given)}, is not known; sizes are kept without a unit")
    elif not implied:
        notices.append("the file gives sizes of pixels without a unit; give units=...")
    origin = numbers_of(attribute(dataset, "offset"))[-len(space) :]
    origins = dict(zip(space, origin, strict=True)) if len(origin) == len(space) else {}
    return Sizes(dict(zip(space, sizes, strict=True)), units, origins, tuple(notices))


def _carry_over(dataset: Any) -> tuple[str, tuple[str, ...]]:  # noqa: ANN401
    """Return the attributes that are carried over as JSON, and a notice of others."""
    found: dict[str, Any] = {}
    for name in sorted(dataset.attrs):
        found[name] = _UNREADABLE
        with suppress(Exception):  # a type that h5py does not know
            found[name] = dataset.attrs[name]
    kept, names = keep_attributes(found, _KNOWN)
    if not names:
        return kept, ()
    more = f" and {len(names) - MAX_NOTED} more" if len(names) > MAX_NOTED else ""
    return kept, (f"not carried over from the source: attributes {', '.join(n[:40] for n in names[:MAX_NOTED])}{more}",)
