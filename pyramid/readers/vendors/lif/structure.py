"""Dimensions and channels of an image of a LIF, as they are stored."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from pyramid.errors import SourceError, short_repr
from pyramid.model import Shape
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.vendors.xml_tree import Element

# Letters of tifffile for the dimensions of a LIF, by their numbers: columns, rows, depths, times, emitted wavelengths,
# rotations, slices over x and over time, excited wavelengths, tiles of a mosaic, and loops.
LETTERS = {1: "X", 2: "Y", 3: "Z", 4: "T", 5: "E", 6: "A", 7: "Q", 8: "Q", 9: "E", 10: "M", 11: "Q"}
MOSAIC = "M"
INTEGER, FLOAT = "0", "1"  # types of a channel
ITEM_BYTES = {8: 1, 16: 2, 32: 4, 64: 8}  # bytes of a value, by the most bits that it has
COLOR_TAGS = ("1", "2", "3")  # of channels that are red, green and blue
DESCRIPTION = "Data/Image/ImageDescription"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of an image.

    Parameters
    ----------
    letter, count
        Its letter, and its number of pixels.
    step_bytes
        Bytes in the file from one pixel to the next.
    element
        Its XML.
    """

    letter: str
    count: int
    step_bytes: int
    element: Element = field(default_factory=Element, repr=False)


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel of an image.

    Parameters
    ----------
    dtype, offset_bytes
        The dtype of its values, and its first byte in the image.
    element
        Its XML.
    """

    dtype: np.dtype[np.generic]
    offset_bytes: int
    element: Element = field(repr=False)


@dataclass(frozen=True, slots=True)
class Structure:
    """The dimensions and the channels of an image.

    Parameters
    ----------
    dimensions
        Those of several pixels, and at least two: the slowest first.
    channels
        The channels in the order of their colours, or else of their bytes.
    notices
        Sentences about what was assumed.
    """

    dimensions: tuple[Dimension, ...]
    channels: tuple[StoredChannel, ...]
    notices: tuple[str, ...] = ()

    @property
    def plane(self) -> tuple[Dimension, Dimension]:
        """The two fastest dimensions."""
        return self.dimensions[-2], self.dimensions[-1]

    @property
    def is_interleaved(self) -> bool:
        """True if other values are between one pixel of a channel and the next."""
        return self.dimensions[-1].step_bytes > self.channels[0].dtype.itemsize

    @property
    def outer(self) -> tuple[Dimension, ...]:
        """The dimensions of planes, of which the last may be that of channels."""
        outer = self.dimensions[:-2]
        if self.is_interleaved or len(self.channels) < 2:
            return outer
        return (*outer, Dimension("C", len(self.channels), 0))

    @property
    def axes(self) -> str:
        """A letter for each dimension."""
        samples = "S" if self.is_interleaved and len(self.channels) > 1 else ""
        return "".join(each.letter for each in (*self.outer, *self.plane)) + samples

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        samples = (len(self.channels),) if self.axes.endswith("S") else ()
        return (*(each.count for each in (*self.outer, *self.plane)), *samples)

    @property
    def size_bytes(self) -> int:
        """Bytes from the first value of the image to the end of its last one."""
        last = sum((each.count - 1) * each.step_bytes for each in self.dimensions)
        return last + max(channel.offset_bytes + channel.dtype.itemsize for channel in self.channels)

    def shift(self, index: Shape, start: Shape) -> int:
        """Return the first byte of the channel of a plane, from the image's first byte.

        Parameters
        ----------
        index, start
            The index of the plane in a region, and the first index of the region, on the dimensions of planes first.
        """
        if self.is_interleaved or len(self.channels) < 2:
            return 0 if self.is_interleaved else self.channels[0].offset_bytes
        last = len(self.outer) - 1
        return self.channels[start[last] + index[last]].offset_bytes


def read_structure(file: SourceFile, name: str, image: Element) -> Structure | None:
    """Return the structure of an image; None if it has no pixels.

    Raises
    ------
    SourceError
        If its XML does not say how it is stored.
    """
    where = f"{file}: the image {short_repr(name)}"
    channels = [_channel(where, each) for each in image.find_all(f"{DESCRIPTION}/Channels/ChannelDescription")]
    found = [_dimension(where, each) for each in image.find_all(f"{DESCRIPTION}/Dimensions/DimensionDescription")]
    if not channels or not found or any(each.count < 1 for each in found):
        return None
    dimensions = sorted((each for each in found if each.count > 1 or each.letter in "XY"), key=_slowness)
    notices: tuple[str, ...] = ()
    letters = {each.letter for each in dimensions}
    if "Y" not in letters and {"X", "Z"} <= letters:
        dimensions = [replace(each, letter="Y") if each.letter == "Z" else each for each in dimensions]
        notices = ("it is a section along x and z: z is taken as y",)
    if len(dimensions) < 2:
        whole = max([each.step_bytes * each.count for each in dimensions], default=1)
        dimensions.insert(0, Dimension("Y" if "Y" not in letters else "X", 1, whole))
    colors = [each.element.get("ChannelTag") for each in channels]
    order = (lambda c: c.element.get("ChannelTag")) if sorted(colors) == list(COLOR_TAGS) else None
    ordered = sorted(channels, key=order or (lambda c: f"{c.offset_bytes:020d}"))
    made = Structure(tuple(dimensions), tuple(ordered), notices)
    _check(where, made)
    return made


def _slowness(dimension: Dimension) -> tuple[int, int]:
    """Return a key that sorts dimensions, the slowest first."""
    return -dimension.step_bytes, dimension.count


def _check(where: str, structure: Structure) -> None:
    """Raise SourceError if pixels overlap, or rows and columns are not whole values."""
    item_bytes = structure.channels[0].dtype.itemsize
    rows, columns = structure.plane
    inner = max(channel.offset_bytes for channel in structure.channels) if structure.is_interleaved else 0
    steps = [rows.step_bytes, columns.step_bytes, *(channel.offset_bytes for channel in structure.channels)]
    if any(step % item_bytes for step in steps) or columns.step_bytes < item_bytes or inner >= columns.step_bytes:
        raise SourceError(f"{where} is stored with {steps} bytes between its values, which is not known; {DAMAGED}")
    for slow, fast in itertools.pairwise(structure.dimensions):
        if slow.count > 1 and slow.step_bytes < fast.step_bytes * fast.count:
            raise SourceError(f"{where} has pixels along {slow.letter} that overlap in the file; {DAMAGED}")


def _channel(where: str, element: Element) -> StoredChannel:
    bits, kind = _count(where, element, "Resolution"), element.get("DataType")
    item_bytes = next((size for most, size in ITEM_BYTES.items() if bits <= most), 0)
    if bits < 1 or not item_bytes or kind not in (INTEGER, FLOAT) or (kind == FLOAT and item_bytes < 2):
        raise SourceError(f"{where} has values of {bits} bits of the type {short_repr(kind)}, which is not known")
    dtype = np.dtype(f"<{'f' if kind == FLOAT else 'u'}{item_bytes}")
    return StoredChannel(dtype, _count(where, element, "BytesInc"), element)


def _dimension(where: str, element: Element) -> Dimension:
    number = _count(where, element, "DimID")
    count, step = _count(where, element, "NumberOfElements"), _count(where, element, "BytesInc")
    return Dimension(LETTERS.get(number, "Q"), count, step, element)


def _count(where: str, element: Element, name: str) -> int:
    """Return an attribute that is a number from 0 on; 0 where it is missing."""
    text = element.get(name) or "0"
    if not text.isdecimal() or len(text) > 18:
        raise SourceError(f"{where}: {name} is {short_repr(text)}, not a number from 0 on; {DAMAGED}")
    return int(text)
