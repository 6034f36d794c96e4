"""Parser of an image's JSON, as far as the versions of OME-Zarr agree.

It is strict on axes, paths and transformations, which place the pixels. It is lenient on names and on ``omero``, so
that broken display settings never keep an image from being opened. Each version has its own `Layout`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pyramid.errors import SourceError
from pyramid.model import AXES
from pyramid.ngff.axis_names import axis_letter
from pyramid.ngff.metadata import Attributes, CoordinateSystem, Dataset, LabelFacts, Multiscale
from pyramid.ngff.reading_omero import read_channels, read_defaults, read_given
from pyramid.ngff.transforms import Placement, compose, describe, nowhere, read_list, read_outer
from pyramid.ngff.values import items, mapping, path_below, shown, text

# The most levels of an image that are read: metadata comes from anyone.
MAX_LEVELS = 1000

_LETTERS_BY_TYPE = {"time": "t", "channel": "c"}


@dataclass(frozen=True)
class Frame:
    """The axes that the levels of an image share.

    Parameters
    ----------
    axes, units
        Letters of the axes, and the unit of each.
    outer
        The placement that follows the transformations of every level.
    systems
        The coordinate systems of the image, that of its levels first; empty where the version has none.
    unread
        The places of parts that were not read.
    """

    axes: str
    units: tuple[str | None, ...]
    outer: Placement
    systems: tuple[CoordinateSystem, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The functions that read axes and placements in a version.

    Parameters
    ----------
    frame
        From an item of ``multiscales`` and its place to the axes.
    placement
        From an item of ``datasets``, the axes and the item's place to scale and translation.
    gives_sizes
        Whether the version gives the size of a pixel.
    """

    frame: Callable[[Attributes, str], Frame]
    placement: Callable[[Attributes, Frame, str], Placement]
    gives_sizes: bool = True


def first_image(content: Attributes) -> Attributes | None:
    """Return the first item of ``multiscales``, or None if it is missing or broken."""
    multiscales = content.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, Sequence) and multiscales else None
    return first if isinstance(first, Mapping) else None


def is_family(given: object, name: str) -> bool:
    """Return whether a given version is `name`, or a draft or a patch of it.

    Examples
    --------
    >>> is_family("0.4-dev-spatialdata", "0.4"), is_family("0.6rc0", "0.6"), is_family("0.45", "0.4")
    (True, True, False)
    >>> is_family(0.5, "0.5")
    True
    """
    given = str(given) if isinstance(given, float) else given  # some scripts write a number
    return isinstance(given, str) and re.match(rf"{re.escape(name)}(?!\d)", given) is not None


def read_flat(
    attributes: Attributes, name: str, layout: Layout, looks: Callable[[Attributes], bool]
) -> Multiscale | None:
    """Read an image of version 0.4 or earlier.

    Its keys are among all other attributes, and the version is in ``multiscales``.

    Parameters
    ----------
    attributes
        The attributes of the image's group.
    name, layout
        The name and the layout of the version.
    looks
        Where no version is given, decides whether it is this one. It takes the first item of ``multiscales``, or an
        empty mapping if that is missing.

    Returns
    -------
    Multiscale or None
        None if the attributes are of another version.
    """
    below = attributes.get("ome")
    if "multiscales" not in attributes or (isinstance(below, Mapping) and "multiscales" in below):
        return None  # the metadata under ``ome`` is newer
    first = first_image(attributes) or {}
    given = first.get("version")
    belongs = looks(first) if given is None else is_family(given, name)
    return read_content(attributes, "", layout) if belongs else None


def read_below_ome(
    attributes: Attributes, name: str, layout: Layout, looks: Callable[[Attributes], bool]
) -> Multiscale | None:
    """Read an image of version 0.5 or later, as `read_flat` does for earlier ones.

    All its keys are under ``ome``, with the version once.
    """
    ome = attributes.get("ome")
    if not isinstance(ome, Mapping) or "multiscales" not in ome:
        return None
    given = ome.get("version")
    belongs = looks(first_image(ome) or {}) if given is None else is_family(given, name)
    return read_content(ome, "ome.", layout) if belongs else None


def read_content(content: Attributes, prefix: str, layout: Layout) -> Multiscale:
    """Read the metadata of the first image of ``multiscales``.

    Parameters
    ----------
    content
        The mapping with ``multiscales`` and ``omero``.
    prefix
        The place of `content` in the group's attributes, as ``"ome."``.
    layout
        The version's own.

    Raises
    ------
    SourceError
        If the metadata is broken; the error names the place.
    """
    place = f"{prefix}multiscales"
    first = mapping(items(content.get("multiscales"), place)[0], place := f"{place}[0]")
    frame = layout.frame(first, place)
    datasets, unread, unknown = _read_datasets(first.get("datasets"), frame, layout, f"{place}.datasets")
    creator = content.get("_creator")
    given, oddities = read_given(content.get("omero"), f"{prefix}omero")
    default_z, default_t = read_defaults(content.get("omero"))
    return Multiscale(
        axes=frame.axes,
        units=tuple(None if i in unknown else unit for i, unit in enumerate(frame.units)),
        datasets=datasets,
        name=text(first.get("name")) or "",
        method=text(first.get("type")),
        channels=read_channels(content.get("omero")),
        provenance=dict(creator) if isinstance(creator, Mapping) else {},
        default_z=default_z,
        default_t=default_t,
        systems=frame.systems,
        label=_read_label(content.get("image-label")),
        given=given,
        notices=(*describe((*frame.unread, *unread)), *oddities),
    )


def read_axes(value: object, place: str) -> tuple[str, tuple[str | None, ...]]:
    """Read the letters and units of the axes."""
    given = items(value, place)
    if not 2 <= len(given) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(given)}")
    axes = [mapping(item, f"{place}[{i}]") for i, item in enumerate(given)]
    letters = [_read_letter(axis, f"{place}[{i}].name") for i, axis in enumerate(axes)]
    return check_letters(letters, place), tuple(text(axis.get("unit")) for axis in axes)


def check_letters(letters: Sequence[str], place: str) -> str:
    """Return the letters of axes, if each is there once and y and x are among them.

    Raises
    ------
    SourceError
        If an axis is there twice, or y or x is missing.
    """
    for i, letter in enumerate(letters):
        if letter in letters[:i]:
            raise SourceError(f"{place}[{i}]: axis {letter!r} is there twice; every axis has a name of its own")
    if not {"y", "x"} <= set(letters):
        raise SourceError(f"{place}: {''.join(letters)!r} lacks y or x; an image has both")
    return "".join(letters)


def _read_letter(axis: Attributes, place: str) -> str:
    """Return the letter of an axis, from its name, its type, or its name as a word."""
    name, kind = axis.get("name"), axis.get("type")
    by_type = _LETTERS_BY_TYPE.get(kind) if isinstance(kind, str) else None
    is_letter = isinstance(name, str) and len(name) == 1
    letter = axis_letter(name) if is_letter else by_type
    letter = letter or by_type or axis_letter(name)
    if letter is None:
        raise SourceError(f"{place}: axis {shown(name)} is not one of t, c, z, y and x, nor of type time or channel")
    return letter


def _read_datasets(
    value: object, frame: Frame, layout: Layout, place: str
) -> tuple[tuple[Dataset, ...], tuple[str, ...], frozenset[int]]:
    """Read the levels in the order in which they are listed.

    Returns
    -------
    tuple
        The levels, the places of parts that were not read, and the axes on which the first level has no size.
    """
    given = items(value, place)
    if len(given) > MAX_LEVELS:
        raise SourceError(f"{place}: {len(given)} levels are more than the {MAX_LEVELS} that an image can have here")
    datasets: list[Dataset] = []
    unread: list[str] = []
    unknown: frozenset[int] = frozenset()
    for i, item in enumerate(given):
        dataset = mapping(item, here := f"{place}[{i}]")
        path = path_below(dataset.get("path"), f"{here}.path")
        placed = layout.placement(dataset, frame, here)
        scale = placed.scale if layout.gives_sizes and placed.has_scale else None
        datasets.append(Dataset(path, scale, placed.translation if placed.has_translation else None))
        unread += placed.unread
        if i == 0 and layout.gives_sizes:
            unknown = placed.unknown if placed.has_scale else frozenset(range(len(frame.axes)))
    return tuple(datasets), tuple(unread), unknown


def unknown_placement(_dataset: Attributes, frame: Frame, _place: str) -> Placement:
    """Return the placement of a level in versions that give none."""
    return nowhere(len(frame.axes))


def listed_placement(dataset: Attributes, frame: Frame, place: str) -> Placement:
    """Return the placement of a level by its transformations (0.4 and 0.5).

    Those of the whole image are applied after them.
    """
    place = f"{place}.coordinateTransformations"
    placed = read_list(dataset.get("coordinateTransformations"), frame.axes, place)
    if not placed.has_scale and placed.whole:
        placed = replace(placed, unread=(*placed.unread, f"{place}: the scale is missing"))
    return compose(placed, frame.outer) if placed.whole else placed


def listed_frame(first: Attributes, place: str) -> Frame:
    """Return the frame of an image whose ``axes`` are objects (0.4 and 0.5)."""
    axes, units = read_axes(first.get("axes"), f"{place}.axes")
    outer = first.get("coordinateTransformations")
    placed = read_outer(outer, axes, f"{place}.coordinateTransformations") if outer is not None else nowhere(len(axes))
    return Frame(axes, units, replace(placed, unread=()), unread=placed.unread)


def _read_label(value: object) -> LabelFacts | None:
    """Read ``image-label``; return None for an image that is not a label."""
    if not isinstance(value, Mapping):
        return None
    source = value.get("source")
    counts = (len(held) if isinstance(held := value.get(key), list) else 0 for key in ("colors", "properties"))
    return LabelFacts(text(source.get("image")) if isinstance(source, Mapping) else None, *counts)
