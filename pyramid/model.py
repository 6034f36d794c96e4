"""The types that all modules share: small, frozen, without Dask, Zarr or files.

Axes are letters of ``tczyx`` in that order. Every tuple here has one item for each axis.
"""

from __future__ import annotations

import itertools
import math
import operator
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dask.array as da
    from numpy.typing import NDArray

AXES = "tczyx"  # all axes, in the order of OME-Zarr
SPACE = "zyx"  # those whose pixels have a length
# Most pixels of a window, not reached: below it sums of 64-bit pixels, kept in two halves, cannot overflow.
MAX_WINDOW_PX = 2**30

Shape: TypeAlias = tuple[int, ...]
# The formats of arrays and groups: Zarr 2, Zarr 3, and N5.
StoreFormat: TypeAlias = Literal[2, 3, "n5"]


@dataclass(frozen=True, slots=True)
class Box:
    """A region of an array, in pixels.

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
        return tuple(map(operator.add, self.start, self.shape))

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as an index."""
        return tuple(map(slice, self.start, self.stop))

    @property
    def size_px(self) -> int:
        """Number of pixels in the box."""
        return math.prod(self.shape)

    def intersection(self, other: Box) -> Box:
        """Return the intersection of two overlapping boxes."""
        start = tuple(map(max, self.start, other.start))
        return Box(start, tuple(map(operator.sub, map(min, self.stop, other.stop), start)))

    def split(self, edge: Shape) -> Iterator[Box]:
        """Yield the box in pieces of shape `edge`, in C order.

        The first piece begins at the start of the box. Pieces at its end may be smaller.

        Examples
        --------
        >>> [piece.slices for piece in Box((4,), (5,)).split((3,))]
        [(slice(4, 7, None),), (slice(7, 9, None),)]
        """
        for start in itertools.product(*(range(a, b, e) for a, b, e in zip(self.start, self.stop, edge, strict=True))):
            shape = (min(e, b - a) for a, b, e in zip(start, self.stop, edge, strict=True))
            yield Box(start, tuple(shape))

    def grid_positions(self, tile: Shape) -> Iterator[Shape]:
        """Yield the grid positions, in C order, of the tiles that the box touches.

        Parameters
        ----------
        tile
            Shape of a tile. The grid begins at the origin of the array.
        """
        yield from itertools.product(
            *(
                range(a // t, -(-b // t)) if b > a else range(0)
                for a, b, t in zip(self.start, self.stop, tile, strict=True)
            )
        )


def reduced_shape(shape: Shape, factors: Shape) -> Shape:
    """Return the shape of a level that is reduced from `shape` by `factors`.

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
        Name, and colour as six hexadecimal digits; None if the source does not have one.
    inverted
        True if the least value is shown brightest.
    shown
        The first and the last value of the display range; None if the source gives none.
    active
        True if the channel is shown at first, as far as a viewer shows that many.
    dye
        Name of the dye, where the source gives it besides the channel's name.
    emission_nm
        Wavelength of the light that the channel holds, in nm; None if the source gives none.
    """

    name: str | None = None
    color: str | None = None
    inverted: bool = False
    shown: tuple[float, float] | None = field(default=None, repr=False)
    active: bool = field(default=True, repr=False)
    dye: str | None = field(default=None, repr=False)
    emission_nm: float | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """The description of a source that is known before any pixel is read.

    Parameters
    ----------
    axes
        Letters of ``tczyx``, in that order.
    shape
        Pixels on each axis.
    dtype
        NumPy name of the dtype in native byte order, as ``"uint16"``.
    chunks
        Pixels that the source decodes at once on each axis (TIFF tile, strip or page; Zarr chunk or shard). 1 if the
        axis can be cut anywhere. Blocks are widened to whole chunks if memory allows.
    scale
        Physical size of a pixel on each axis, in `units`; None if the source does not give it.
    units
        UDUNITS long name of the unit on each axis, or None.
    name
        Name of the image.
    channels
        One for each index on ``c``, or a single one if the image does not have that axis. Empty if nothing is known.
    location
        Absolute path or URL; None for an array in memory. It never holds a secret.
    notices
        Sentences for the user about everything that was left out or guessed.
    translation
        Centre of the first pixel on each axis, in `units`; empty if it is the origin.
    chunks_at_once
        Number of `chunks` that one reading decodes at a time. The plan counts their memory.
    chunk_starts
        Pixels of the first chunk that are before the image on each axis; empty if the image begins with whole chunks.
    inner_chunks
        Pixels on each axis of the parts of `chunks` that are decoded one by one (the chunks of a shard); empty if a
        chunk is decoded as a whole.
    read_bytes
        Memory that one reading takes besides that of `chunks`, in bytes.
    skipped
        Number of pixels, of the size in `scale`, that a selection leaves out before the first one on each axis. Empty
        for none.
    edits
        Pairs of an option and its value, by which the pixels differ from those of the file or array.
    attributes
        Attributes that OME-Zarr has no meaning for and that are carried over, as the JSON of an object; empty for none.
    details
        Facts of the acquisition that OME-Zarr has no place for, as pairs of a name and a text. They are shown.
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
    chunks_at_once: int = 1
    chunk_starts: Shape = ()
    inner_chunks: Shape = ()
    read_bytes: int = 0
    skipped: tuple[float, ...] = ()
    edits: tuple[tuple[str, str], ...] = ()
    attributes: str = field(default="", repr=False)
    details: tuple[tuple[str, str], ...] = ()

    @property
    def item_bytes(self) -> int:
        """Size of a pixel's value in bytes, computed from the name of the dtype."""
        return 1 if self.dtype == "bool" else int(self.dtype.lstrip(string.ascii_lowercase)) // 8


@runtime_checkable
class Source(Protocol):
    """An image that can be read by region, from any thread or process.

    A source opens its files only when a process reads, so that it pickles small.
    """

    @property
    def spec(self) -> SourceSpec:
        """The description that is known before any pixel is read."""
        ...

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out`, of the box's shape and the spec's dtype, with the pixels of `box`.

        Parameters
        ----------
        box
            Region of the image.
        out
            May be strided.

        Raises
        ------
        SourceError
            If pixels cannot be read or decoded. It says where.
        """
        ...


def dask_array_of(source: Source) -> da.Array | None:
    """Return the Dask array whose chunks are a source's pixels.

    A source may have it as its attribute ``dask_array``. The engine then hands over the chunks and never calls `read`.
    Returns None for a source that reads its pixels itself.
    """
    return getattr(source, "dask_array", None)


def own_levels_of(source: Source) -> tuple[Source, ...]:
    """Return the smaller levels that a source has of its own, the largest first.

    A source may have them as its attribute ``levels``: sources of the same axes and dtype, whose specs have their own
    shape and chunks. A level whose scale is not that of its extent gives it in its spec. They are read only with
    ``level_source="reuse"``.
    """
    return getattr(source, "levels", ())
