"""Parser of coordinate transformations, to one scale and one translation.

Lists of any version or draft are read. A list is read up to the first transformation that turns, mirrors or shears, or
is of a kind that is not known. Those after it apply to other axes than the pixels'. Parts that are not read are named,
and the rest is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pyramid.errors import list_some, short_repr
from pyramid.ngff.axis_names import axis_letter
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.values import finite, list_or_empty, mapping_or_empty

# The deepest nesting and the longest list that are read: metadata comes from anyone.
MAX_DEPTH = 8
MAX_TRANSFORMS = 1000
# The smallest and largest size of a pixel, and its largest offset: products of larger ones could overflow a float.
MIN_SIZE, MAX_SIZE = 1e-100, 1e100
MAX_OFFSET = 1e200
# The most unread parts that a notice names: more would hide the rest.
MAX_NAMED = 4


@dataclass(frozen=True)
class Placement:
    """The size of pixels and the place of the first one, along their axes.

    Parameters
    ----------
    scale, translation
        Size of a pixel, and the centre of the first one, on each axis; 1 and 0 where they are not known.
    unknown
        The axes whose size could not be read, by their numbers.
    unread
        The places of parts that were not read, each with the reason.
    whole
        Whether all transformations were read, so that others may follow.
    has_scale, has_translation
        Whether there was any scale, and any translation.
    """

    scale: tuple[float, ...]
    translation: tuple[float, ...]
    unknown: frozenset[int] = frozenset()
    unread: tuple[str, ...] = ()
    whole: bool = True
    has_scale: bool = False
    has_translation: bool = False


def identity(ndim: int) -> Placement:
    """Return the placement that changes nothing."""
    return Placement((1.0,) * ndim, (0.0,) * ndim)


def compose(inner: Placement, outer: Placement) -> Placement:
    """Return `inner`, then `outer`, as one placement.

    Sizes out of range become unknown.
    """
    scale = [a * b for a, b in zip(inner.scale, outer.scale, strict=True)]
    moved = [a * s + b for a, s, b in zip(inner.translation, outer.scale, outer.translation, strict=True)]
    lost = frozenset(i for i, size in enumerate(scale) if not MIN_SIZE <= size <= MAX_SIZE)
    unknown = inner.unknown | outer.unknown | lost
    return Placement(
        tuple(1.0 if i in unknown else size for i, size in enumerate(scale)),
        tuple(offset if abs(offset) <= MAX_OFFSET else 0.0 for offset in moved),
        unknown,
        (*inner.unread, *outer.unread, *(f"the size of a pixel on axis {i}, {scale[i]:g}" for i in sorted(lost))),
        inner.whole and outer.whole,
        inner.has_scale or outer.has_scale,
        inner.has_translation or outer.has_translation,
    )


def read_list(value: object, axes: str, place: str, depth: int = MAX_DEPTH) -> Placement:
    """Return the placement that a list of transformations gives to pixels.

    Parameters
    ----------
    value
        The list, as anyone wrote it.
    axes
        Letters of the image's axes, in its order.
    place
        The place of the list in the attributes.
    depth
        The deepest nesting that is read.

    Examples
    --------
    >>> read_list([{"type": "scale", "scale": [2, 3]}, {"type": "translation", "translation": [0, 5]}], "yx", "t").scale
    (2.0, 3.0)
    >>> read_list([{"type": "scale", "scale": [2, 0]}, {"type": "mapAxis"}], "yx", "t").unread
    ('t[0].scale: 0 on x', "t[1]: a 'mapAxis'")
    """
    placed = identity(len(axes))
    if not isinstance(value, list | tuple) or len(value) > MAX_TRANSFORMS or depth == 0:
        return _lose(placed, f"{place}: {short_repr(value)}")
    for i, item in enumerate(value):
        placed = compose(placed, _read(item, axes, f"{place}[{i}]", depth))
        if not placed.whole:
            rest = range(i + 1, len(value))
            return replace(placed, unread=(*placed.unread, *(f"{place}[{k}]" for k in rest)))
    return placed


def read_outer(value: object, axes: str, place: str) -> Placement:
    """Return the placement by the transformations of a whole image, after its levels'.

    If several name their output, they lead to several coordinate systems, and none of these is the pixels' own.
    """
    listed = list_or_empty(value)
    if sum(mapping_or_empty(item).get("output") is not None for item in listed) < 2:
        return read_list(value, axes, place)
    moving = [i for i, item in enumerate(listed) if mapping_or_empty(item).get("type") != "identity"]
    return replace(identity(len(axes)), unread=tuple(f"{place}[{i}]: {_kind(listed[i])}" for i in moving))


def describe_unread(unread: Sequence[str]) -> Iterator[str]:
    """Yield one notice that names the parts not read, or none if all were."""
    if unread:
        named = list_some(unread, MAX_NAMED, "; ")
        yield f"not read: {named} (transformations of the pixels to their size and place)"


def _lose(placed: Placement, reason: str) -> Placement:
    return replace(placed, unread=(*placed.unread, reason), whole=False)


def _kind(transform: object) -> str:
    return f"a {short_repr(transform.get('type'))}" if isinstance(transform, Mapping) else short_repr(transform)


def _read(transform: object, axes: str, place: str, depth: int) -> Placement:
    """Return the placement of one transformation."""
    placed = None
    if isinstance(transform, Mapping) and _is_between(transform, axes):
        kind = transform.get("type")
        if kind == "sequence":
            return read_list(transform.get("transformations"), axes, f"{place}.transformations", depth - 1)
        if isinstance(kind, str) and kind in _READERS:
            placed = _READERS[kind](transform, axes, place)
    return placed or _lose(identity(len(axes)), f"{place}: {_kind(transform)}")


def _is_between(transform: Attributes, axes: str) -> bool:
    """Return whether a transformation keeps the image's axes, as far as it names them."""
    for key in ("input", "output"):
        named = mapping_or_empty(transform.get(key)).get("axes")
        if isinstance(named, list | tuple) and len(named) <= MAX_TRANSFORMS:
            names = [axis.get("name") if isinstance(axis, Mapping) else axis for axis in named]
            if [axis_letter(name) for name in names] != list(axes):
                return False
    return True


def _read_identity(_transform: Attributes, axes: str, _place: str) -> Placement:
    return identity(len(axes))


def _read_scale(transform: Attributes, axes: str, place: str) -> Placement | None:
    sizes, unread = _read_by_axis(transform.get("scale"), axes, f"{place}.scale", MIN_SIZE, MAX_SIZE)
    if sizes is None:
        return None
    return replace(
        identity(len(axes)),
        scale=tuple(1.0 if size is None else size for size in sizes),
        unknown=frozenset(i for i, size in enumerate(sizes) if size is None),
        unread=unread,
        has_scale=True,
    )


def _read_translation(transform: Attributes, axes: str, place: str) -> Placement | None:
    key = "translation"
    offsets, unread = _read_by_axis(transform.get(key), axes, f"{place}.{key}", -MAX_OFFSET, MAX_OFFSET)
    if offsets is None:
        return None
    translation = tuple(offset or 0.0 for offset in offsets)
    return replace(identity(len(axes)), translation=translation, unread=unread, has_translation=True)


def _read_by_axis(
    value: object, axes: str, place: str, least: float, greatest: float
) -> tuple[list[float | None] | None, tuple[str, ...]]:
    """Read one number for each axis, with the places of those that are out of range.

    These are None, and so is the list if it has another length.
    """
    if not isinstance(value, list | tuple) or len(value) != len(axes):
        return None, ()
    known = [number if number is not None and least <= number <= greatest else None for number in map(finite, value)]
    rows = zip(value, axes, known, strict=True)
    return known, tuple(f"{place}: {short_repr(given)} on {axis}" for given, axis, number in rows if number is None)


def _read_affine(transform: Attributes, axes: str, _place: str) -> Placement | None:
    """Return the placement of a matrix that only scales and translates.

    Any other matrix gives None.
    """
    ndim = len(axes)
    rows = _matrix(transform.get("affine"), (ndim, ndim + 1), ndim + 1)
    if rows is None or (len(rows) > ndim and rows[ndim] != [0.0] * ndim + [1.0]):
        return None
    square = [row[:ndim] for row in rows[:ndim]]
    scale = tuple(square[i][i] for i in range(ndim))
    if not _is_diagonal(square) or not all(MIN_SIZE <= size <= MAX_SIZE for size in scale):
        return None
    offsets = tuple(row[ndim] for row in rows[:ndim])
    return replace(identity(ndim), scale=scale, translation=offsets, has_scale=True, has_translation=any(offsets))


def _read_rotation(transform: Attributes, axes: str, _place: str) -> Placement | None:
    ndim = len(axes)
    rows = _matrix(transform.get("rotation"), (ndim,), ndim)
    turns = rows is None or not _is_diagonal(rows) or any(rows[i][i] != 1 for i in range(ndim))
    return None if turns else identity(ndim)


def _read_axis_map(transform: Attributes, axes: str, _place: str) -> Placement | None:
    mapped: Any = transform.get("mapAxis")
    if isinstance(mapped, Mapping):
        return identity(len(axes)) if all(old == new for old, new in mapped.items()) and mapped else None
    return identity(len(axes)) if isinstance(mapped, list) and mapped == list(range(len(axes))) else None


def _matrix(value: object, heights: tuple[int, ...], width: int) -> list[list[float]] | None:
    """Return the rows of a matrix of finite numbers, or None for anything else."""
    if not isinstance(value, list | tuple) or len(value) not in heights:
        return None
    rows = []
    for row in value:
        if not isinstance(row, list | tuple) or len(row) != width:
            return None
        numbers = [number for number in map(finite, row) if number is not None and abs(number) <= MAX_OFFSET]
        if len(numbers) < width:
            return None
        rows.append(numbers)
    return rows


def _is_diagonal(rows: Sequence[Sequence[float]]) -> bool:
    return all(number == 0 for i, row in enumerate(rows) for k, number in enumerate(row) if i != k)


Reader: TypeAlias = Callable[[Attributes, str, str], "Placement | None"]

# The readers of transformations by their types; the types that are not here cannot be read.
_READERS: Mapping[str, Reader] = {
    "identity": _read_identity,
    "scale": _read_scale,
    "translation": _read_translation,
    "affine": _read_affine,
    "rotation": _read_rotation,
    "mapAxis": _read_axis_map,
}
