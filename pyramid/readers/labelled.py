"""Arrays with named dimensions, such as xarray's, as pixels and names."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_LISTED = 6  # names in a notice, which is to stay one readable line


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """An array with the names of its dimensions.

    Parameters
    ----------
    array
        The array that holds the pixels.
    dimensions
        Names of the dimensions; empty if they have none.
    name
        Name of the image; empty if it has none.
    notices
        Sentences for the user that say what is left out.
    """

    array: Any
    dimensions: tuple[object, ...] = ()
    name: str = ""
    notices: tuple[str, ...] = ()


def unlabel(source: object) -> Labelled:
    """Take an array of xarray apart into pixels, names and notices.

    Anything else is returned as the array itself. Pixels that xarray has not read yet are read, unless they are a Dask
    array.
    """
    xarray = sys.modules.get("xarray")  # if xarray is not imported, nothing is its array
    if xarray is None or not isinstance(source, (xarray.DataArray, xarray.Variable)):
        return Labelled(source)
    labelled: Any = source
    left_out = [*(getattr(labelled, "coords", None) or ()), *labelled.attrs]
    notices: tuple[str, ...] = ()
    if left_out:
        notices = (
            f"of the {type(source).__name__}, the pixels and the names of the dimensions are taken, and not "
            f"{_listed(left_out)}; give the size of a pixel with --scale",
        )
    return Labelled(labelled.data, tuple(labelled.dims), str(getattr(labelled, "name", None) or ""), notices)


def plain_notices(array: object) -> tuple[str, ...]:
    """Return a notice for a class that may hold more than pixels, such as their unit."""
    kind = type(array)
    if kind.__module__.partition(".")[0] == "numpy":
        return ()
    return (f"of the {kind.__module__}.{kind.__qualname__}, the pixels are taken; a unit of theirs is not kept",)


def _listed(names: Iterable[object]) -> str:
    words = [str(name)[:40] for name in names]
    more = len(words) - MAX_LISTED
    return ", ".join(words[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
