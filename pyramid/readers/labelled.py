"""Arrays with named dimensions, such as xarray's, as pixels and names."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramid.model import Shape, SourceSpec
from pyramid.readers.axes import AxisOrder, array_order, check_dtype, doubtful_axes
from pyramid.tables import format_list

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
            f"{format_list([str(name)[:40] for name in left_out], MAX_LISTED)}; "
            "give the size of a pixel as scale=...",
        )
    return Labelled(labelled.data, tuple(labelled.dims), str(getattr(labelled, "name", None) or ""), notices)


def plain_notices(array: object) -> tuple[str, ...]:
    """Return a notice for a class that may hold more than pixels, such as their unit."""
    kind = type(array)
    if kind.__module__.partition(".")[0] == "numpy":
        return ()
    return (f"of the {kind.__module__}.{kind.__qualname__}, the pixels are taken; a unit of theirs is not kept",)


def describe_array(
    labelled: Labelled, shape: Shape, dtype: np.dtype[Any], axes: str | None
) -> tuple[SourceSpec, AxisOrder]:
    """Return an array's description, without sizes, and the order of its axes.

    Parameters
    ----------
    labelled
        Name, names of the dimensions, and notices.
    shape, dtype
        Those of its pixels.
    axes
        The user's letters, in the array's order; None if the user gives none.

    Raises
    ------
    OptionError, SourceError
        As `check_dtype` and `array_order` do.
    """
    name = check_dtype(dtype)
    order = array_order(shape, axes, labelled.dimensions)
    nothing = (None,) * len(shape)
    notices = (*doubtful_axes(shape, axes, labelled.dimensions), *labelled.notices)
    chunks, title = (1,) * len(shape), labelled.name or "image"
    return SourceSpec(order.axes, order.axes_shape, name, chunks, nothing, nothing, title, notices=notices), order
