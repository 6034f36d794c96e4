"""The words that all floors share: frozen, small, free of Dask, Zarr and files.

Axes are letters of ``tczyx`` in that order, and every tuple here has one item an axis.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

AXES = "tczyx"
SPACE = "zyx"

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A region of an array: where it starts and how far it reaches, in pixels.

    Parameters
    ----------
    start, shape
        First pixel and extent on each axis.

    Examples
    --------
    >>> Box((0, 4), (2, 4)).slices
    (slice(0, 2, None), slice(4, 8, None))
    """

    start: Shape
    shape: Shape

    @property
    def stop(self) -> Shape:
        """The first pixel past the box on each axis."""
        return tuple(a + n for a, n in zip(self.start, self.shape, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as an index."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size_px(self) -> int:
        """How many pixels the box holds."""
        return math.prod(self.shape)

    def intersection(self, other: Box) -> Box:
        """Return the intersection of two overlapping boxes."""
        start = tuple(map(max, self.start, other.start))
        stop = map(min, self.stop, other.stop)
        return Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))

    def split(self, edge: Shape) -> Iterator[Box]:
        """The box in pieces of shape `edge` from its start on, in C order; what is left at its end is smaller.

        Examples
        --------
        >>> [piece.slices for piece in Box((4,), (5,)).split((3,))]
        [(slice(4, 7, None),), (slice(7, 9, None),)]
        """
        for start in itertools.product(*(range(a, b, e) for a, b, e in zip(self.start, self.stop, edge, strict=True))):
            shape = (min(e, b - a) for a, b, e in zip(start, self.stop, edge, strict=True))
            yield Box(start, tuple(shape))

    def grid_positions(self, tile: Shape) -> Iterator[Shape]:
        """Grid positions, in C order, of the tiles of shape `tile` that the box touches."""
        yield from itertools.product(
            *(
                range(a // t, -(-b // t)) if b > a else range(0)
                for a, b, t in zip(self.start, self.stop, tile, strict=True)
            )
        )


def reduced_shape(shape: Shape, factors: Shape) -> Shape:
    """The shape of the level made from one of `shape`.

    Examples
    --------
    >>> reduced_shape((5, 8), (2, 2))
    (3, 4)
    """
    return tuple(-(-n // f) for n, f in zip(shape, factors, strict=True))


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's name, its colour, and how the source has it shown.

    Parameters
    ----------
    name, color
        Colour as six hexadecimal digits; None where the source has none.
    inverted
        Whether the least value is shown brightest.
    shown
        The values from which and to which the source has it shown; None where it does not say.
    active
        Whether it is shown at first, if there are not too many.
    """

    name: str | None = None
    color: str | None = None
    inverted: bool = False
    shown: tuple[float, float] | None = field(default=None, repr=False)
    active: bool = field(default=True, repr=False)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What is known of a source before a pixel is read.

    Parameters
    ----------
    axes
        Letters of ``tczyx``, in that order.
    shape
        Pixels on each axis.
    dtype
        NumPy name of the dtype in native byte order, as ``"uint16"``.
    chunks
        What the source decodes at once on each axis (TIFF tile, strip or page; Zarr chunk or shard;
        1 where it can be cut anywhere). Blocks are widened to whole ones where memory allows.
    scale
        Physical size of a pixel on each axis, in `units`; None where the source does not say.
    units
        UDUNITS long name on each axis, None where there is none.
    name
        What the image is called.
    channels
        One for each index on ``c``, or one where there is no such axis; empty where nothing is known.
    location
        Absolute path or URL, None for an array in memory. It never holds a secret.
    notices
        Sentences that the user should see: what was left out, or guessed.
    translation
        Centre of the first pixel on each axis, in `units`; empty where it is the origin.
    """

    axes: str
    shape: Shape
    dtype: str
    chunks: Shape
    scale: tuple[float | None, ...]
    units: tuple[str | None, ...]
    name: str = "image"
    channels: tuple[Channel, ...] = ()
    location: str | None = None
    notices: tuple[str, ...] = ()
    translation: tuple[float, ...] = ()


@runtime_checkable
class Source(Protocol):
    """An image that can be read by region, from any thread or process.

    A source opens its files lazily in the process that reads, so that it pickles small.
    """

    @property
    def spec(self) -> SourceSpec:
        """What is known before a pixel is read."""
        ...

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out`, of the box's shape and the spec's dtype, with the pixels of `box`.

        `out` may be strided. Raises SourceError with the place of what cannot be decoded.
        """
        ...
