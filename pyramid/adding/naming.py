"""The paths of added levels, from that of level 0 and what is there."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection

from pyramid.hierarchy.nodes import Node
from pyramid.stores import Objects
from pyramid.writing.generations import generation_of

# A path with a number 0 that no digit follows: what is before and after it.
_ZERO = re.compile(r"(|.*\D)0(\D*)")


def usual_paths(base: str, count: int, prefix: str) -> tuple[str, ...]:
    """Return the paths of `count` levels, that of level 0 first.

    `prefix` begins the names of levels where level 0 has no number in its path.

    Examples
    --------
    >>> usual_paths("0", 3, ""), usual_paths("scale0/image", 2, ""), usual_paths("data", 2, "s")
    (('0', '1', '2'), ('scale0/image', 'scale1/image'), ('data', 's1'))
    """
    found = _ZERO.fullmatch(base)
    before, after = found.groups() if found else (prefix, "")
    return (base, *(f"{before}{number}{after}" for number in range(1, count)))


def free_paths(
    group: Node | None, objects: Objects, usual: tuple[str, ...], own: Collection[str], *, replaces: bool
) -> tuple[str, ...]:
    """Return paths of levels at which nothing is, that of level 0 first.

    They are the usual ones, or those in a folder where something is there.

    Parameters
    ----------
    group, objects
        The group, and the objects below it.
    usual
        The paths that follow from level 0's.
    own
        Paths that an unfinished run has written to, and that are as good as free.
    replaces
        Whether the group has other levels, which stay until the new ones are whole.
    """
    base, *others = usual
    if not replaces and all(path != base and _is_free(objects, path, own) for path in others):
        return usual
    begun = {path.partition("/")[0] for path in own}
    numbers = itertools.count(1 if group is None else generation_of(group) + 1)
    folder = next(name for name in map("v{}".format, numbers) if _is_free(objects, name, begun))
    return (base, *(f"{folder}/{_within(path)}" for path in others))


def _within(path: str) -> str:
    """Return a path without the folder of an earlier generation.

    Examples
    --------
    >>> _within("v3/1"), _within("s1")
    ('1', 's1')
    """
    return re.sub(r"^v\d+/", "", path)


def _is_free(objects: Objects, path: str, own: Collection[str]) -> bool:
    return path in own or next(iter(objects.keys(f"{path}/")), None) is None
