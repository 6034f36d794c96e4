"""The images of a LIF, read from their blocks by rows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError, list_some
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, DAMAGED, SourceFile
from pyramid.readers.files.raw_array import FlatArray, flat_spans, read_flat
from pyramid.readers.tiff.description import Description
from pyramid.readers.vendors.lif.blocks import read_blocks
from pyramid.readers.vendors.lif.metadata import describe_image
from pyramid.readers.vendors.lif.structure import MOSAIC, Dimension, Structure, read_structure
from pyramid.readers.vendors.stored import StoredImage, UnreadableImage
from pyramid.readers.vendors.xml_tree import Element

MAX_LISTED = 4  # types in an error
MAX_IMAGES = 100_000  # of a file, with the tiles of its mosaics


def find_images(files: Sequence[SourceFile]) -> list[StoredImage]:
    """Return the images of a LIF; each tile of a mosaic is one of its own.

    An image that cannot be read is among them, as the others can be.

    Raises
    ------
    SourceError
        If the file is damaged.
    """
    (file,) = files
    header, blocks = read_blocks(file)
    found: list[StoredImage] = []
    for name, element in _image_elements(header):
        try:
            structure = read_structure(file, name, element)
        except SourceError as error:
            found.append(UnreadableImage(name, error))
            continue
        block = blocks.get(element.find("Memory").get("MemoryBlockID"))
        if structure is None or block is None or block.stop <= block.start:
            continue  # it has no pixels, as an image that was not acquired
        image = LifImage(file, name, element, structure, block)
        tiles = next((each for each in structure.dimensions if each.letter == MOSAIC), None)
        if tiles is not None and structure.size_bytes > block.stop - block.start:
            raise SourceError(f"{file}: the tiles of {name!r} are more than its block holds; {DAMAGED}")
        found += [image] if tiles is None else image.tiles(tiles)
        if len(found) > MAX_IMAGES:
            raise SourceError(f"{file} has more than {MAX_IMAGES} images and tiles; {DAMAGED}")
    return found


def _image_elements(header: Element) -> Iterator[tuple[str, Element]]:
    """Yield the path and the element of each image, in the order of the XML."""
    outermost = list(header.find_all("Element"))
    stack = [("", element) for element in reversed(outermost)]
    while stack:
        folder, element = stack.pop()
        name = f"{folder}{element.get('Name')}"
        if element.find("Data/Image").name:
            yield name, element
        within = (
            "" if any(element is each for each in outermost) else f"{name}/"
        )  # the outermost element is the file itself
        stack += [(within, child) for child in reversed(list(element.find_all("Children/Element")))]


@dataclass(eq=False)
class LifImage:
    """An image of a LIF.

    Parameters
    ----------
    file, name, element
        The file, the path of the image in it, and its XML.
    structure
        Dimensions and channels, as they are stored.
    block
        The bytes of the image in the file.
    tile
        The number of a tile of a mosaic; None for an image that is not one.
    """

    file: SourceFile
    name: str
    element: Element = field(repr=False)
    structure: Structure
    block: Span
    tile: int | None = None

    def tiles(self, mosaic: Dimension) -> list[LifImage]:
        """Return the tiles of a mosaic as images."""
        rest = replace(
            self.structure, dimensions=tuple(each for each in self.structure.dimensions if each is not mosaic)
        )
        return [
            replace(
                self,
                name=f"{self.name}, tile {number}",
                structure=rest,
                block=Span(self.block.start + number * mosaic.step_bytes, self.block.stop),
                tile=number,
            )
            for number in range(mosaic.count)
        ]

    @property
    def axes(self) -> str:
        """A letter for each dimension."""
        return self.structure.axes

    @property
    def shape(self) -> Shape:
        """Pixels on each dimension."""
        return self.structure.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the first channel in the file."""
        return self.structure.channels[0].dtype

    @property
    def chunks(self) -> Shape:
        """One pixel on each dimension, as all can be cut anywhere, except samples."""
        return tuple(n if letter == "S" else 1 for letter, n in zip(self.axes, self.shape, strict=True))

    def describe(self) -> Description:
        """Return sizes, channels and the place of the image."""
        dtypes = sorted({str(channel.dtype) for channel in self.structure.channels})
        if len(dtypes) > 1:
            raise SourceError(
                f"{self.file}: the channels of {self.name!r} are of several types "
                f"({list_some(dtypes, MAX_LISTED)}), which are not one image; export each channel in LAS X"
            )
        with self.file.open() as stream:
            size_bytes = stream.seek(0, io.SEEK_END)
        end = self.block.start + self.structure.size_bytes
        if end > size_bytes:
            raise SourceError(
                f"{self.file} has {size_bytes} bytes, and the image {self.name!r} ends at byte {end}; {CUT_OFF}"
            )
        if end > self.block.stop:
            raise SourceError(f"{self.file}: the pixels of {self.name!r} are more than its block holds; {DAMAGED}")
        return describe_image(self.element, self.structure, self.tile)

    def read(self, file: SourceFile, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the region `box`."""
        parts = list(self._parts(box, out))
        with file.reading(span for part in parts for span in flat_spans(part.flat, part.start, part.pixels())) as files:
            for part in parts:
                pixels = part.pixels()
                read_flat(files[str(file)], part.flat, part.start, pixels)
                if part.samples is not None:
                    gathered = pixels.reshape(len(pixels), -1, part.spacing)[..., part.samples]
                    part.target[...] = gathered.reshape(part.target.shape)

    def _parts(self, box: Box, out: NDArray[Any]) -> Iterator[_Part]:
        """Yield the parts of planes that a region takes."""
        structure, dtype = self.structure, self.dtype.newbyteorder("<")
        rows, columns = structure.plane
        spacing = columns.step_bytes // dtype.itemsize
        outer = len(structure.outer)
        row_items = rows.step_bytes // dtype.itemsize
        offsets = [channel.offset_bytes // dtype.itemsize for channel in structure.channels]
        start = (box.start[outer], box.start[outer + 1] * spacing)
        samples = None
        if structure.is_interleaved:
            samples = offsets[box.start[-1] : box.stop[-1]] if len(offsets) > 1 else offsets
        for index in np.ndindex(*box.shape[:outer]):
            at = sum((a + i) * each.step_bytes for a, i, each in zip(box.start, index, structure.outer, strict=False))
            at += structure.shift(index, box.start)
            flat = FlatArray(self.block.start + at, (rows.count, row_items), dtype)
            yield _Part(flat, start, spacing, samples, out[index])


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows and columns of a plane.

    Parameters
    ----------
    flat, start
        The plane as rows of values, and the first row and value that are taken.
    spacing
        Values from one pixel to the next.
    samples
        The values of a pixel that are taken; None if a pixel is one value.
    target
        Memory of rows and columns, and of samples if there are several.
    """

    flat: FlatArray
    start: Shape
    spacing: int
    samples: list[int] | None
    target: NDArray[Any]

    def pixels(self) -> NDArray[Any]:
        """Return memory for the values of all those pixels."""
        if self.samples is None:
            return self.target
        rows, columns = self.target.shape[:2]
        return np.empty((rows, columns * self.spacing), self.target.dtype)
