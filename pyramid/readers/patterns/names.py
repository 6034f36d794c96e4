"""The name of the file of each place, made of a pattern and lists of values.

A pickle travels to each worker. So a name is kept only where pattern and values do not make it, compressed.
"""

from __future__ import annotations

import functools
import itertools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pyramid.model import Shape


@dataclass(frozen=True, slots=True)
class Names:
    """The names of files by their place.

    Parameters
    ----------
    parts
        Literal texts, and the numbers of axes whose value is there.
    texts
        The text of each value, by axis.
    others
        The names that are made otherwise, and the places without a file, compressed.

    Examples
    --------
    >>> names = make_names(("z", 0, ".tif"), (("1", "2", "3"),), {0: "z1.tif", 2: "Z3.TIF"})
    >>> names.at((0,)), names.at((1,)), names.at((2,))
    ('z1.tif', None, 'Z3.TIF')
    """

    parts: tuple[str | int, ...]
    texts: tuple[tuple[str, ...], ...]
    others: bytes = b""

    @property
    def shape(self) -> Shape:
        """Places on each axis."""
        return tuple(map(len, self.texts))

    def at(self, index: Shape) -> str | None:
        """Return the name of the file at a place; None if it has no file."""
        if self.others:
            others = _unpacked(self.others)
            place = place_of(index, self.shape)
            if place in others:
                return others[place]
        return self.regular(index)

    def regular(self, index: Shape) -> str:
        """Return the name that pattern and values make of a place."""
        return "".join(
            part if isinstance(part, str) else self.texts[part][index[part]]  # each axis has its own text
            for part in self.parts
        )


def make_names(parts: tuple[str | int, ...], texts: tuple[tuple[str, ...], ...], files: Mapping[int, str]) -> Names:
    """Return the names of some files by the number of their place, in C order."""
    regular = Names(parts, texts)
    others: dict[int, str | None] = {}
    for place, index in enumerate(itertools.product(*map(range, regular.shape))):
        name = files.get(place)
        if name != regular.regular(index):
            others[place] = name
    packed = zlib.compress(json.dumps([list(others), list(others.values())]).encode()) if others else b""
    return Names(parts, texts, packed)


def place_of(index: Shape, shape: Shape) -> int:
    """Return the number of a place in C order.

    Examples
    --------
    >>> place_of((1, 2), (4, 3))
    5
    """
    place = 0
    for i, n in zip(index, shape, strict=True):
        place = place * n + i
    return place


def index_of(place: int, shape: Shape) -> Shape:
    """Return the index of a place by its number in C order.

    Examples
    --------
    >>> index_of(5, (4, 3))
    (1, 2)
    """
    index = []
    for n in reversed(shape):
        place, i = divmod(place, n)
        index.append(i)
    return tuple(reversed(index))


@functools.lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> dict[int, str | None]:
    places, names = json.loads(zlib.decompress(packed))
    return dict(zip(places, names, strict=True))
