"""From the JSON of an image's group to its metadata, as far as the versions of OME-Zarr agree.

Strict on what places the pixels: axes, paths and transformations. Lenient on names, and on ``omero``: how an image was
to be shown never keeps it from being opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pyramid.errors import SourceError
from pyramid.model import AXES
from pyramid.ngff.metadata import Attributes, Dataset, Multiscale
from pyramid.ngff.reading_omero import finite, read_channels, read_defaults

MAX_LEVELS = 1000

Transform: TypeAlias = tuple[tuple[float, ...], tuple[float, ...] | None]

_LETTERS_BY_TYPE = {"time": "t", "channel": "c"}


def first_version(attributes: Attributes) -> object:
    """The version in the first of ``multiscales``, where it lies up to 0.4; None where there is none."""
    multiscales = attributes.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, Sequence) and multiscales else None
    return first.get("version") if isinstance(first, Mapping) else None


def is_family(said: object, name: str) -> bool:
    """Whether `said`, the version that an image gives, is `name`, a draft or a patch of it, or left out.

    Examples
    --------
    >>> is_family("0.4-dev-spatialdata", "0.4"), is_family(None, "0.4"), is_family("0.45", "0.4")
    (True, True, False)
    """
    return said is None or (isinstance(said, str) and (said == name or said.startswith((f"{name}.", f"{name}-"))))


def read_content(content: Attributes, prefix: str) -> Multiscale:
    """The metadata of the first image of ``multiscales``.

    Parameters
    ----------
    content
        What holds ``multiscales`` and ``omero``.
    prefix
        Where `content` lies in the group's attributes, as ``"ome."``.

    Raises
    ------
    SourceError
        With the place of what is broken.
    """
    place = f"{prefix}multiscales"
    first = _mapping(_items(content.get("multiscales"), place)[0], place := f"{place}[0]")
    axes, units = _read_axes(first.get("axes"), f"{place}.axes")
    outer = None
    if first.get("coordinateTransformations"):
        outer = read_transform(first, len(axes), place)
    creator = content.get("_creator")
    default_z, default_t = read_defaults(content.get("omero"))
    return Multiscale(
        axes=axes,
        units=units,
        datasets=_read_datasets(first.get("datasets"), len(axes), outer, f"{place}.datasets"),
        name=_text(first.get("name")) or "",
        method=_text(first.get("type")),
        channels=read_channels(content.get("omero")),
        provenance=dict(creator) if isinstance(creator, Mapping) else {},
        default_z=default_z,
        default_t=default_t,
    )


def _read_axes(value: object, place: str) -> tuple[str, tuple[str | None, ...]]:
    """Letters and units of the axes."""
    items = _items(value, place)
    if not 2 <= len(items) <= len(AXES):
        raise SourceError(f"{place}: an image has 2 to 5 axes, and there are {len(items)}")
    letters = ""
    units = []
    for i, item in enumerate(items):
        axis = _mapping(item, f"{place}[{i}]")
        letter = _read_letter(axis, f"{place}[{i}]")
        if letter in letters:
            raise SourceError(f"{place}[{i}]: axis {letter!r} is there twice; every axis has a name of its own")
        letters += letter
        units.append(_text(axis.get("unit")))
    if not {"y", "x"} <= set(letters):
        raise SourceError(f"{place}: {letters!r} lacks y or x; an image has both")
    return letters, tuple(units)


def _read_letter(axis: Attributes, place: str) -> str:
    """The letter of an axis: its name, or what its type says."""
    name = str(axis.get("name", "")).lower()
    letter = name if len(name) == 1 and name in AXES else _LETTERS_BY_TYPE.get(str(axis.get("type")))
    if letter is None:
        raise SourceError(
            f"{place}.name: axis {_shown(axis.get('name'))} is none of t, c, z, y and x, nor of time or channel"
        )
    return letter


def _read_datasets(value: object, ndim: int, outer: Transform | None, place: str) -> tuple[Dataset, ...]:
    """The levels, each with the transformation of the whole image, `outer`, applied."""
    items = _items(value, place)
    if len(items) > MAX_LEVELS:
        raise SourceError(f"{place}: {len(items)} levels are more than the {MAX_LEVELS} that an image can have here")
    datasets = []
    for i, item in enumerate(items):
        here = f"{place}[{i}]"
        dataset = _mapping(item, here)
        path = _read_path(dataset.get("path"), f"{here}.path")
        transform = read_transform(dataset, ndim, here)
        datasets.append(Dataset(path, *(_compose(transform, outer) if outer else transform)))
    return tuple(datasets)


def _read_path(value: object, place: str) -> str:
    """A path that stays below the image's group."""
    if not isinstance(value, str) or not value:
        raise SourceError(f"{place}: the path of a level's array is text, not {_shown(value)}")
    parts = value.replace("\\", "/").split("/")
    if "" in parts or ".." in parts or "." in parts:
        raise SourceError(
            f"{place}: {_shown(value)} is not a path below the image; it may neither be absolute nor hold '..'"
        )
    return value


def read_transform(owner: Attributes, ndim: int, place: str) -> Transform:
    """Scale and translation of ``coordinateTransformations``: one scale, then at most one translation."""
    place = f"{place}.coordinateTransformations"
    found: dict[str, tuple[float, ...]] = {}
    for i, item in enumerate(_items(owner.get("coordinateTransformations"), place)):
        transform = _mapping(item, here := f"{place}[{i}]")
        kind = transform.get("type")
        if kind == "identity":
            continue
        if kind not in ("scale", "translation") or kind in found or (kind == "scale" and found):
            raise SourceError(
                f"{here}: a {_shown(kind)} does not belong here; there is one scale, then at most one translation"
            )
        found[kind] = _numbers(transform.get(kind), ndim, f"{here}.{kind}")
    if "scale" not in found:
        raise SourceError(f"{place}: there is no scale, and every level has one")
    if not all(size > 0 for size in found["scale"]):
        raise SourceError(f"{place}: a pixel's size is above 0, and the scale is {_shown(list(found['scale']))}")
    return found["scale"], found.get("translation")


def _compose(inner: Transform, outer: Transform) -> Transform:
    """`inner`, then `outer`, as one scale and one translation."""
    scale = tuple(a * b for a, b in zip(inner[0], outer[0], strict=True))
    if inner[1] is None and outer[1] is None:
        return scale, None
    moved = inner[1] or (0.0,) * len(scale)
    added = outer[1] or (0.0,) * len(scale)
    return scale, tuple(a * s + b for a, s, b in zip(moved, outer[0], added, strict=True))


def _items(value: object, place: str) -> Sequence[Any]:
    """A list that is not empty."""
    if not isinstance(value, list | tuple) or not value:
        raise SourceError(f"{place}: there must be a list with at least one item, not {_shown(value)}")
    return value


def _mapping(value: object, place: str) -> Attributes:
    if not isinstance(value, Mapping):
        raise SourceError(f"{place}: there must be an object, not {_shown(value)}")
    return value


def _numbers(value: object, count: int, place: str) -> tuple[float, ...]:
    """As many finite numbers as there are axes."""
    items = _items(value, place)
    if len(items) != count:
        raise SourceError(f"{place}: there are {len(items)} numbers for {count} axes")
    numbers = tuple(finite(item) for item in items)
    known = tuple(number for number in numbers if number is not None)
    if len(known) < count:
        raise SourceError(f"{place}: {_shown(items[numbers.index(None)])} is not a finite number")
    return known


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _shown(value: object) -> str:
    """A value as an error shows it, never longer than a line."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
