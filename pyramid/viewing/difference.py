"""The difference of two images, as an image that subtracts when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError
from pyramid.hierarchy.dtypes import StoredDtype
from pyramid.image import Collection, Image, ImageLevel
from pyramid.tables import format_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)
class DifferenceLevel(ImageLevel):
    """The absolute difference of two levels of one shape.

    Parameters
    ----------
    one, other
        The levels.
    """

    one: ImageLevel
    other: ImageLevel

    @property
    def stored_bytes(self) -> int | None:
        """None, as a difference is not stored."""
        return None

    def read(self, index: tuple[int | slice | Sequence[int], ...]) -> NDArray[Any]:
        """Read both levels, and subtract."""
        return subtract(self.one.read(index), self.other.read(index), self.dtype)


def subtract(one: NDArray[Any], other: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the absolute difference of two arrays, exact for integers of one dtype.

    Parameters
    ----------
    one, other
        Arrays of one shape.
    dtype
        The dtype of the result: unsigned for two arrays of integers of that size, else a float.

    Examples
    --------
    >>> import numpy as np
    >>> subtract(np.int8([-128, 3]), np.int8([127, 5]), np.dtype("uint8")).tolist()
    [255, 2]
    >>> subtract(np.complex64([3 + 4j]), np.complex64([3 + 1j]), np.dtype("float64")).tolist()
    [3.0]
    """
    import numpy as np  # noqa: PLC0415  (as above)

    if "c" in (one.dtype.kind, other.dtype.kind):
        return np.asarray(np.abs(one.astype(np.complex128) - other.astype(np.complex128)).astype(dtype))
    if dtype.kind == "u":
        return np.asarray(np.maximum(one, other).astype(dtype) - np.minimum(one, other).astype(dtype))
    return np.asarray(np.abs(one.astype(dtype) - other.astype(dtype)))


def difference(one: Image | Collection, other: Image | Collection) -> Image:
    """Return the difference of two images, whose levels are those that have one shape.

    Raises
    ------
    OptionError
        If they are not two images of one size, with axes in one order.
    """
    if not (isinstance(one, Image) and isinstance(other, Image)):
        raise OptionError("diff: one of the two is a collection; give two images")
    pairs = list(zip(one.levels, other.levels, strict=False))
    same = [pair for pair in pairs if pair[0].shape == pair[1].shape]
    if one.axes != other.axes or not pairs or not same or same[0] is not pairs[0]:
        sizes = " and ".join(f"{image.axes} {format_shape(image.levels[0].shape)}" for image in (one, other))
        raise OptionError(f"diff: the images differ in size: {sizes}; give two of one size, or leave diff=True out")
    levels = tuple(_level(*pair) for pair in same)
    metadata = replace(
        one.metadata, name=f"difference of {one.name} and {other.name}", channels=_without_windows(one), label=None
    )
    return replace(one, metadata=metadata, levels=levels, labels=(), notices=())


def _level(one: ImageLevel, other: ImageLevel) -> DifferenceLevel:
    facts = replace(one.facts, dtype=_dtype(one.facts.dtype, other.facts.dtype), shards=None)
    return DifferenceLevel(one.path, one.scale, one.translation, facts, one.address, one, other)


def _dtype(one: StoredDtype, other: StoredDtype) -> StoredDtype:
    """Return the dtype of a difference."""
    if (one.kind, one.itemsize) == (other.kind, other.itemsize) and one.kind in "iub":
        return StoredDtype("u", one.itemsize)
    return StoredDtype("f", one.itemsize) if one.name == other.name and one.kind == "f" else StoredDtype("f", 8)


def _without_windows(image: Image) -> tuple[Any, ...]:
    """Return channels without windows, as those are not of the difference."""
    return tuple(replace(channel, window=None, inverted=False) for channel in image.channels)
