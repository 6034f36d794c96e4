"""Arrays with named dimensions, such as xarray's, as pixels and names."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Shape, SourceSpec
from pyramid.readers.attributes import keep_attributes
from pyramid.readers.axes import AxisOrder, array_order, check_dtype, doubtful_axes
from pyramid.readers.coordinates import Coordinate, read_coordinate, with_coordinates
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
    coordinates
        Those of each dimension, or None; empty if there are none.
    attributes
        Those that are carried over, as the JSON of an object; empty for none.
    """

    array: Any
    dimensions: tuple[object, ...] = ()
    name: str = ""
    notices: tuple[str, ...] = ()
    coordinates: tuple[Coordinate | None, ...] = ()
    attributes: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LazyVariable:
    """Pixels that xarray reads from a file by region."""

    variable: Any

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        return tuple(self.variable.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        dtype: np.dtype[Any] = np.dtype(self.variable.dtype)
        return dtype

    @property
    def chunks(self) -> object:
        """Pixels that the file stores together, as far as xarray knows."""
        return self.variable.encoding.get("chunksizes")

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """Read a region."""
        return np.asarray(self.variable[index])


def unlabel(source: object) -> Labelled:
    """Take an array of xarray apart into pixels, names, coordinates and notices.

    Anything else is returned as the array itself.
    """
    xarray = sys.modules.get("xarray")  # if xarray is not imported, nothing is its array
    if xarray is None or not isinstance(source, (xarray.DataArray, xarray.Variable)):
        return Labelled(source)
    labelled: Any = source
    coords: Any = getattr(labelled, "coords", None) or {}
    coordinates = tuple(_coordinate(coords, name) for name in labelled.dims)
    taken = {name for name, found in zip(labelled.dims, coordinates, strict=True) if found is not None}
    kept, lost = keep_attributes(labelled.attrs)
    left_out = [*(name for name in coords if name not in taken), *lost]
    notices: tuple[str, ...] = ()
    if left_out:
        notices = (
            f"of the {type(source).__name__}, the pixels, the dimensions and their coordinates are taken, and not "
            f"{format_list([str(name)[:40] for name in left_out], MAX_LISTED)}",
        )
    variable = getattr(labelled, "variable", labelled)
    is_read = variable.chunks is not None or getattr(variable, "_in_memory", True)
    array = variable.data if is_read else LazyVariable(variable)
    name = str(getattr(labelled, "name", None) or "")
    return Labelled(array, tuple(labelled.dims), name, notices, coordinates, kept)


def _coordinate(coords: Any, name: object) -> Coordinate | None:  # noqa: ANN401  (xarray is not typed)
    """Return the coordinates of a dimension; None if it has none."""
    if name not in coords:
        return None
    values = np.asarray(coords[name].values)
    return read_coordinate(str(name), values, coords[name].attrs) if values.ndim == 1 and values.size else None


def plain_notices(array: object) -> tuple[str, ...]:
    """Return a notice for a class that may hold more than pixels, such as their unit."""
    kind = type(array)
    if kind.__module__.partition(".")[0] == "numpy":
        return ()
    return (f"of the {kind.__module__}.{kind.__qualname__}, the pixels are taken; a unit of theirs is not kept",)


def describe_array(
    labelled: Labelled, shape: Shape, dtype: np.dtype[Any], axes: str | None, sized: Collection[str] = ()
) -> tuple[SourceSpec, AxisOrder]:
    """Return an array's description, and the order of its axes.

    Parameters
    ----------
    labelled
        Name, names of the dimensions, and notices.
    shape, dtype
        Those of its pixels.
    axes
        The user's letters, in the array's order; None if the user gives none.
    sized
        Axes whose size the user gives.

    Raises
    ------
    OptionError, SourceError
        As `check_dtype`, `array_order` and `with_coordinates` do.
    """
    name = check_dtype(dtype)
    order = array_order(shape, axes, labelled.dimensions)
    nothing = (None,) * len(shape)
    notices = (*doubtful_axes(shape, axes, labelled.dimensions), *labelled.notices)
    chunks, title = (1,) * len(shape), labelled.name or "image"
    spec = SourceSpec(
        order.axes,
        order.axes_shape,
        name,
        chunks,
        nothing,
        nothing,
        title,
        notices=notices,
        attributes=labelled.attributes,
    )
    return with_coordinates(spec, order, labelled.coordinates, sized), order
