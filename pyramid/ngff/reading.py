"""From the JSON of an image's group to its metadata, as far as the versions of OME-Zarr agree.

Strict on what places the pixels: axes, paths and transformations. Lenient on names, and on ``omero``: how an image was
to be shown never keeps it from being opened. What sets a version apart is a `Layout`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyramid.errors import SourceError
from pyramid.model import AXES
from pyramid.ngff.metadata import Attributes, CoordinateSystem, Dataset, LabelFacts, Multiscale
from pyramid.ngff.reading_omero import read_channels, read_defaults
from pyramid.ngff.values import items, mapping, numbers, path_below, shown, text

MAX_LEVELS = 1000

Transform: TypeAlias = tuple[tuple[float, ...] | None, tuple[float, ...] | None]

_LETTERS_BY_TYPE = {"time": "t", "channel": "c"}


@dataclass(frozen=True)
class Frame:
    """The axes that the levels of an image lie along.

    Parameters
    ----------
    axes, units
        Letters of the axes, and the unit of each.
    outer
        A transformation that follows that of every level; None where there is none.
    systems
        The coordinate systems of the image, that of its levels first; empty where the version has none.
    """

    axes: str
    units: tuple[str | None, ...]
    outer: tuple[tuple[float, ...], tuple[float, ...] | None] | None = None
    systems: tuple[CoordinateSystem, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Where a version tells what places the pixels.

    Parameters
    ----------
    frame
        From an item of ``multiscales`` and its place to the axes.
    transform
        From an item of ``datasets``, the axes and the item's place to scale and translation.
    """

    frame: Callable[[Attributes, str], Frame]
    transform: Callable[[Attributes, Frame, str], Transform]


def first_image(content: Attributes) -> Attributes | None:
    """The first of ``multiscales``; None where there is none that could be one."""
    multiscales = content.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, Sequence) and multiscales else None
    return first if isinstance(first, Mapping) else None


def is_family(said: object, name: str) -> bool:
    """Whether `said`, the version that an image gives, is `name`, or a draft or a patch of it.

    Examples
    --------
    >>> is_family("0.4-dev-spatialdata", "0.4"), is_family("0.6rc0", "0.6"), is_family("0.45", "0.4")
    (True, True, False)
    """
    return isinstance(said, str) and re.match(rf"{re.escape(name)}(?!\d)", said) is not None


def read_flat(
    attributes: Attributes, name: str, layout: Layout, looks: Callable[[Attributes], bool]
) -> Multiscale | None:
    """The image of attributes as they were up to 0.4: side by side with anyone else's, the version in ``multiscales``.

    None where they are of another version than `name`; where no version is told, `looks` tells from the first of
    ``multiscales`` (empty, where there is none) whether it is this one.
    """
    if "multiscales" not in attributes:
        return None
    first = first_image(attributes) or {}
    said = first.get("version")
    belongs = looks(first) if said is None else is_family(said, name)
    return read_content(attributes, "", layout) if belongs else None


def read_below_ome(
    attributes: Attributes, name: str, layout: Layout, looks: Callable[[Attributes], bool]
) -> Multiscale | None:
    """The image of attributes as they are from 0.5 on, all under ``ome``, the version once; as `read_flat` does."""
    ome = attributes.get("ome")
    if not isinstance(ome, Mapping) or "multiscales" not in ome:
        return None
    said = ome.get("version")
    belongs = looks(first_image(ome) or {}) if said is None else is_family(said, name)
    return read_content(ome, "ome.", layout) if belongs else None


def read_content(content: Attributes, prefix: str, layout: Layout) -> Multiscale:
    """The metadata of the first image of ``multiscales``.

    Parameters
    ----------
    content
        What holds ``multiscales`` and ``omero``.
    prefix
        Where `content` lies in the group's attributes, as ``"ome."``.
    layout
        The version's own.

    Raises
    ------
    SourceError
        With the place of what is broken.
    """
    place = f"{prefix}multiscales"
    first = mapping(items(content.get("multiscales"), place)[0], place := f"{place}[0]")
    frame = layout.frame(first, place)
    creator = content.get("_creator")
    default_z, default_t = read_defaults(content.get("omero"))
    return Multiscale(
        axes=frame.axes,
        units=frame.units,
        datasets=_read_datasets(first.get("datasets"), frame, layout, f"{place}.datasets"),
        name=text(first.get("name")) or "",
        method=text(first.get("type")),
        channels=read_channels(content.get("omero")),
        provenance=dict(creator) if isinstance(creator, Mapping) else {},
        default_z=default_z,
        default_t=default_t,
        systems=frame.systems,
        label=_read_label(content.get("image-label")),
    )


def read_axes(value: object, place: str) -> tuple[str, tuple[str | None, ...]]:
    """Letters and units of the axes."""
    given = items(value, place)
    if not 2 <= len(given) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(given)}")
    axes = [mapping(item, f"{place}[{i}]") for i, item in enumerate(given)]
    letters = [_read_letter(axis, f"{place}[{i}].name") for i, axis in enumerate(axes)]
    return check_letters(letters, place), tuple(text(axis.get("unit")) for axis in axes)


def check_letters(letters: Sequence[str], place: str) -> str:
    """Letters of axes, each once, y and x among them."""
    for i, letter in enumerate(letters):
        if letter in letters[:i]:
            raise SourceError(f"{place}[{i}]: axis {letter!r} is there twice; every axis has a name of its own")
    if not {"y", "x"} <= set(letters):
        raise SourceError(f"{place}: {''.join(letters)!r} lacks y or x; an image has both")
    return "".join(letters)


def _read_letter(axis: Attributes, place: str) -> str:
    """The letter of an axis: its name, or what its type says."""
    name = str(axis.get("name", "")).lower()
    letter = name if len(name) == 1 and name in AXES else _LETTERS_BY_TYPE.get(str(axis.get("type")))
    if letter is None:
        raise SourceError(
            f"{place}: axis {shown(axis.get('name'))} is none of t, c, z, y and x, nor of time or channel"
        )
    return letter


def _read_datasets(value: object, frame: Frame, layout: Layout, place: str) -> tuple[Dataset, ...]:
    """The levels, the largest first."""
    given = items(value, place)
    if len(given) > MAX_LEVELS:
        raise SourceError(f"{place}: {len(given)} levels are more than the {MAX_LEVELS} that an image can have here")
    datasets = []
    for i, item in enumerate(given):
        dataset = mapping(item, here := f"{place}[{i}]")
        path = path_below(dataset.get("path"), f"{here}.path")
        datasets.append(Dataset(path, *layout.transform(dataset, frame, here)))
    return tuple(datasets)


def untold(_dataset: Attributes, _frame: Frame, _place: str) -> Transform:
    """The transformation of a level in versions that tell none."""
    return None, None


def listed_transform(dataset: Attributes, frame: Frame, place: str) -> Transform:
    """The transformations of a level, and those of its whole image after them (0.4 and 0.5)."""
    scale, translation = read_transforms(dataset, len(frame.axes), place)
    return _compose((scale, translation), frame.outer) if frame.outer else (scale, translation)


def listed_frame(first: Attributes, place: str) -> Frame:
    """The axes in ``axes``, an object each (0.4 and 0.5)."""
    axes, units = read_axes(first.get("axes"), f"{place}.axes")
    has_outer = bool(first.get("coordinateTransformations"))
    return Frame(axes, units, read_transforms(first, len(axes), place) if has_outer else None)


def read_transforms(
    owner: Attributes, ndim: int, place: str, key: str = "coordinateTransformations"
) -> tuple[tuple[float, ...], tuple[float, ...] | None]:
    """Scale and translation of a list of transformations: one scale, then at most one translation."""
    place = f"{place}.{key}"
    found: dict[str, tuple[float, ...]] = {}
    for i, item in enumerate(items(owner.get(key), place)):
        transform = mapping(item, here := f"{place}[{i}]")
        kind = transform.get("type")
        if kind == "identity":
            continue
        if kind not in ("scale", "translation") or kind in found or (kind == "scale" and found):
            raise SourceError(
                f"{here}: a {shown(kind)} does not belong here; there is one scale, then at most one translation"
            )
        found[kind] = numbers(transform.get(kind), ndim, f"{here}.{kind}")
    if "scale" not in found:
        raise SourceError(f"{place}: there is no scale, and every level has one")
    if not all(size > 0 for size in found["scale"]):
        raise SourceError(f"{place}: a pixel's size is above 0, and the scale is {shown(list(found['scale']))}")
    return found["scale"], found.get("translation")


def _compose(
    inner: tuple[tuple[float, ...], tuple[float, ...] | None],
    outer: tuple[tuple[float, ...], tuple[float, ...] | None],
) -> Transform:
    """`inner`, then `outer`, as one scale and one translation."""
    scale = tuple(a * b for a, b in zip(inner[0], outer[0], strict=True))
    if inner[1] is None and outer[1] is None:
        return scale, None
    moved = inner[1] or (0.0,) * len(scale)
    added = outer[1] or (0.0,) * len(scale)
    return scale, tuple(a * s + b for a, s, b in zip(moved, outer[0], added, strict=True))


def _read_label(value: object) -> LabelFacts | None:
    """What ``image-label`` says; None for an image that is no label."""
    if not isinstance(value, Mapping):
        return None
    source = value.get("source")
    counts = (len(held) if isinstance(held := value.get(key), list) else 0 for key in ("colors", "properties"))
    return LabelFacts(text(source.get("image")) if isinstance(source, Mapping) else None, *counts)
