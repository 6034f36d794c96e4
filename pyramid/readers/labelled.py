"""Arrays with named dimensions, as those of xarray: the pixels, the names, and what is left out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_LISTED = 6


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """An array, and what is known of it besides.

    Parameters
    ----------
    array
        What holds the pixels.
    dimensions
        Names of the dimensions; empty where they have none.
    name
        What the image is called; empty where it has no name.
    notices
        Sentences that the user should see: what is left out.
    """

    array: Any
    dimensions: tuple[object, ...] = ()
    name: str = ""
    notices: tuple[str, ...] = ()


def unlabel(source: object) -> Labelled:
    """Take an array of xarray apart; anything else is the array itself.

    Pixels that xarray has not read yet are read, unless they are a Dask array.
    """
    xarray = sys.modules.get("xarray")  # where nobody has imported xarray, nothing is an array of it
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
    """Return a notice where an array is of a class that may hold more than pixels, as their unit."""
    kind = type(array)
    if kind.__module__.partition(".")[0] == "numpy":
        return ()
    return (f"of the {kind.__module__}.{kind.__qualname__}, the pixels are taken; a unit of theirs is not kept",)


def _listed(names: Iterable[object]) -> str:
    words = [str(name)[:40] for name in names]
    more = len(words) - MAX_LISTED
    return ", ".join(words[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
