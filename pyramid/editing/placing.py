"""Write the size and place of the pixels of each level into existing metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyramid.errors import OptionError, SourceError
from pyramid.ngff.metadata import Dataset, Multiscale
from pyramid.ngff.values import mappings
from pyramid.ngff.writing import make_transformations

# The transformations that are rewritten; others move pixels in ways that a scale and a translation cannot say.
_SIMPLE = ("scale", "translation", "identity", "sequence")


def moved(image: Multiscale, scale: Mapping[str, float], translation: Mapping[str, float]) -> Multiscale:
    """Return an image with other sizes of its level-0 pixels, and another origin.

    Each level keeps its factor to level 0. Its distance from the origin grows with the pixels; the origin stays unless
    it is given.

    Examples
    --------
    >>> levels = (Dataset("0", (1.0,), None), Dataset("1", (2.0,), (0.5,)))
    >>> moved(Multiscale("x", (None,), levels), {"x": 3.0}, {}).datasets[1]
    Dataset(path='1', scale=(6.0,), translation=(1.5,))
    """
    for axis in {*scale, *translation} - {*image.axes}:
        raise OptionError(f"the image has no axis {axis}; give some of {', '.join(image.axes)}")
    first = image.datasets[0]
    if first.scale is None:
        raise OptionError("its version of OME-Zarr has no sizes of pixels; first run pyramid upgrade")
    new = tuple(scale.get(axis, old) for axis, old in zip(image.axes, first.scale, strict=True))
    origin = first.translation or (0.0,) * len(new)
    target = tuple(translation.get(axis, old) for axis, old in zip(image.axes, origin, strict=True))
    return replace(image, datasets=tuple(_moved(level, first.scale, new, origin, target) for level in image.datasets))


def _moved(
    level: Dataset, old: Sequence[float], new: Sequence[float], origin: Sequence[float], target: Sequence[float]
) -> Dataset:
    sizes = level.scale or tuple(old)
    # Divided first: a level is larger by a whole factor, so that no digit is lost.
    scale = tuple(
        size if after == before else after * (size / before)
        for size, before, after in zip(sizes, old, new, strict=True)
    )
    at = level.translation or tuple(origin)
    offsets = tuple(
        where if after == before and start == end else end + (where - start) / before * after
        for where, before, after, start, end in zip(at, old, new, origin, target, strict=True)
    )
    return Dataset(level.path, scale, offsets if level.translation or any(offsets) else None)


def place_levels(item: dict[str, Any], image: Multiscale, system: str | None) -> None:
    """Replace the transformations of all levels in an item of ``multiscales``.

    Parameters
    ----------
    item
        The item; all its other keys stay.
    image
        The sizes and places of its levels.
    system
        The coordinate system of the levels, from 0.6 on; None before.

    Raises
    ------
    SourceError
        If a level has a transformation that a scale and a translation cannot replace.
    """
    check_simple(item, image)
    translated = any(any(level.translation or ()) for level in image.datasets)
    for dataset, level in zip(item["datasets"], image.datasets, strict=True):
        moves = make_transformations(level, len(image.axes), translated=translated)
        dataset["coordinateTransformations"] = moves if system is None else [_as_one(moves, level.path, system)]
    if system is None:
        item.pop("coordinateTransformations", None)  # those of all levels are in each level's now


def _as_one(moves: list[dict[str, Any]], path: str, system: str) -> dict[str, Any]:
    whole = moves[0] if len(moves) == 1 else {"type": "sequence", "transformations": moves}
    return {**whole, "input": {"path": path}, "output": {"name": system}}


def check_simple(item: Mapping[str, Any], image: Multiscale) -> None:
    """Raise SourceError if a level is moved by more than scales and translations."""
    waiting = [move for dataset in mappings(item.get("datasets")) for move in _moves(dataset)]
    if image.systems == ():
        waiting += _moves(item)
    while waiting:
        move = waiting.pop()
        if move.get("type") not in _SIMPLE or ("path" in move and move.get("type") != "sequence"):
            raise SourceError(
                f"a level has a transformation of type {move.get('type')!r} or one that is kept in an array, which is "
                "not rewritten here; change it by hand"
            )
        waiting += mappings(move.get("transformations"))


def _moves(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return mappings(holder.get("coordinateTransformations"))
