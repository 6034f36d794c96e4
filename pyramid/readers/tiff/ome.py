"""The images of an OME-TIFF, with the file and the page of each plane.

The rules are those of OME's schema. tifffile reads planes that it does not find as 0, and trusts the sizes in the XML.
This module refuses an image if a plane has no page, or if the pages are not as the XML says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress

import numpy as np
import tifffile

from pyramid.errors import SourceError, short_repr
from pyramid.model import Shape
from pyramid.readers.tiff.file_set import FileSet, missing_files
from pyramid.readers.tiff.ome_xml import DAMAGED_XML, OmeDocument, OmeImage, TiffData
from pyramid.readers.tiff.pages import Page, PageFile, check_alike, keyframe_of

# The orders of dimensions that OME's schema allows, the fastest first.
ORDERS = frozenset(["XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"])
# NumPy's names of OME's pixel types; those that are not here have the same name in both.
DTYPES = {
    "bit": ("bool", "uint8"),
    "float": ("float32",),
    "double": ("float64",),
    "complex": ("complex64",),
    "double-complex": ("complex128",),
}


@dataclass(frozen=True, slots=True)
class OmeSeries:
    """An image that OME-XML describes, whose pages are not read yet.

    It has the attributes of tifffile's series.

    Parameters
    ----------
    document, number
        The XML, and the number of the image in it.
    files
        The files of the pages.
    """

    document: OmeDocument
    number: int
    files: FileSet
    kind: str = "ome"

    @property
    def image(self) -> OmeImage:
        """The image as the XML describes it."""
        return self.document.images[self.number]

    @property
    def name(self) -> str:
        """The image's name."""
        return self.image.name

    @property
    def axes(self) -> str:
        """Letters of the dimensions in the order of the file, those of planes first."""
        return "".join(reversed(_order(self.image)))

    @property
    def shape(self) -> Shape:
        """Pixels on each of `axes`."""
        return tuple(_size(self.image, axis) for axis in self.axes)

    @property
    def dtype(self) -> str:
        """OME's word for the type of the pixels."""
        return self.image.pixels.get("Type", self.image.pixels.get("PixelType", ""))

    def open(self) -> tuple[tifffile.TiffPageSeries, list[str]]:
        """Find the page of each plane, and check the pages against the XML.

        Returns
        -------
        tuple
            The image as a series of tifffile, and notices.

        Raises
        ------
        SourceError
            If files or pages are missing, planes have no page, or pages are not as the XML says.
        """
        first = self._first_page()
        samples = _samples(self.image, first)
        axes = self.axes[:-2]
        page_axes_shape = tuple(_size(self.image, axis) // (samples if axis == "C" else 1) for axis in axes)
        numbers, notices = self._number_pages(axes, page_axes_shape)
        pages = [file.page(index) for file, index in numbers]
        _check_pages(self.image, pages)
        return self._series(pages, axes, page_axes_shape), notices

    def _first_page(self) -> Page:
        """Return the page of the first plane that has one."""
        self.files.find_all((data.uuid, data.file) for data in self.image.data)
        if self.files.missing:
            raise missing_files(list(self.files.missing), folder=self.files.folder is not None)
        for data in self._data():
            file = self.files.find(data.uuid, data.file)
            if file is not None and data.ifd < len(file):
                return file.page(data.ifd)
        raise SourceError(
            "the pages that its OME-XML names are missing; the file is cut off, or its metadata is of another image"
        )

    def _number_pages(self, axes: str, page_axes_shape: Shape) -> tuple[list[tuple[PageFile, int]], list[str]]:
        """Return each plane's file and page number, and a notice of elements left out."""
        numbers: list[tuple[PageFile, int] | None] = [None] * math.prod(page_axes_shape)
        outside = 0
        for data in self._data():
            first = [data.first.get(axis, 0) for axis in axes]
            if any(i >= n for i, n in zip(first, page_axes_shape, strict=True)):
                outside += 1
                continue
            file = self.files.find(data.uuid, data.file)
            assert file is not None  # missing files were refused in _first_page
            _fill(numbers, int(np.ravel_multi_index(first, page_axes_shape)) if page_axes_shape else 0, data, file)
        found = [number for number in numbers if number is not None]
        if len(found) < len(numbers):
            where = dict(zip(axes, np.unravel_index(numbers.index(None), page_axes_shape), strict=True))
            plane = ", ".join(f"{axis}={int(i)}" for axis, i in where.items())
            raise SourceError(
                f"its OME-XML describes {len(numbers)} planes, and {len(numbers) - len(found)} of them have no page, "
                f"the first at {plane}; the file is cut off, or its metadata is of another image"
            )
        notices = [f"{outside} TiffData elements of its OME-XML are beyond the image and not read"] if outside else []
        return found, notices

    def _data(self) -> list[TiffData]:
        """Return the pages of planes, by default image after image in order."""
        before = self.document.images[: self.number]
        default = TiffData({}, sum(math.prod(_size(image, axis) for axis in "ZCT") for image in before), None)
        return self.image.data or [default]

    def _series(self, pages: list[Page], axes: str, page_axes_shape: Shape) -> tifffile.TiffPageSeries:
        keyframe = keyframe_of(pages[0])
        modulo = next((self.document.modulo[ref] for ref in self.image.annotations if ref in self.document.modulo), {})
        shape, letters = _divide((*page_axes_shape, *keyframe.shape), axes + keyframe.axes, modulo)
        long = [n > 1 or letter in "YX" for n, letter in zip(shape, letters, strict=True)]
        shape, letters = tuple(compress(shape, long)), "".join(compress(letters, long))
        several = len({id(page.parent) for page in pages}) > 1
        return tifffile.TiffPageSeries(
            pages, shape, keyframe.dtype, letters, parent=keyframe.parent, name=self.name, multifile=several, kind="ome"
        )


def _order(image: OmeImage) -> str:
    order = image.pixels.get("DimensionOrder", "")
    if order not in ORDERS:
        raise SourceError(
            f"its OME-XML gives the order of dimensions as {short_repr(order)}, which is not valid; {DAMAGED_XML}"
        )
    return order


def _size(image: OmeImage, axis: str) -> int:
    text = image.pixels.get(f"Size{axis}", "").strip()
    if not (text.isascii() and text.isdigit() and 0 < int(text[:19]) < 1 << 31):
        raise SourceError(
            f"its OME-XML says Size{axis}={short_repr(text)}, which is not a number of pixels; {DAMAGED_XML}"
        )
    return int(text)


def _samples(image: OmeImage, page: Page) -> int:
    """Return the samples per pixel; raise SourceError if the channels disagree."""
    samples = int(keyframe_of(page).samplesperpixel)
    in_xml = {channel.get("SamplesPerPixel", "1") for channel in image.channels}
    channels = _size(image, "C")
    if channels % samples or (len(in_xml) > 1 and samples > 1) or not in_xml <= {str(samples), "1"}:
        raise SourceError(
            f"its OME-XML describes {channels} channels of {', '.join(sorted(in_xml)) or '1'} samples, and its pages "
            f"have {samples} samples of a pixel; the metadata is of another image"
        )
    return samples


def _fill(numbers: list[tuple[PageFile, int] | None], first: int, data: TiffData, file: PageFile) -> None:
    """Assign pages to the planes from `first` on."""
    rest = len(numbers) - first
    count = min(rest, max(0, len(file) - data.ifd)) if data.count is None else data.count
    if count > rest:
        raise SourceError(f"its OME-XML places {count} planes where the image has {rest} left; {DAMAGED_XML}")
    if data.ifd + count > len(file):
        raise SourceError(
            f"its OME-XML places planes in pages {data.ifd} to {data.ifd + count - 1} of {file.tif.filehandle.name}, "
            f"which has {len(file)} pages; it is cut off, or its metadata is of another image"
        )
    for i in range(count):
        number = (file, data.ifd + i)
        if numbers[first + i] not in (None, number):
            raise SourceError(f"its OME-XML names two pages for plane {first + i}; {DAMAGED_XML}")
        numbers[first + i] = number


def _check_pages(image: OmeImage, pages: list[Page]) -> None:
    """Check the pages against each other, and against the XML's sizes and type."""
    check_alike(pages)
    keyframe = keyframe_of(pages[0])
    wanted = _size(image, "X"), _size(image, "Y")
    found = int(keyframe.imagewidth), int(keyframe.imagelength)
    if wanted != found:
        raise SourceError(
            f"its OME-XML says planes of {wanted[0]}x{wanted[1]} pixels, but its pages have {found[0]}x{found[1]}; "
            "the metadata is of another image"
        )
    kind = image.pixels.get("Type", image.pixels.get("PixelType", "")).lower()
    dtype = None if keyframe.dtype is None else keyframe.dtype.newbyteorder("=").name
    if kind and dtype not in DTYPES.get(kind, (kind,)):
        raise SourceError(
            f"its OME-XML says pixels of type {short_repr(kind)}, but its pages hold {dtype}; "
            "the metadata is of another image"
        )


def _divide(shape: Shape, axes: str, modulo: Mapping[str, tuple[str, int]]) -> tuple[Shape, str]:
    """Divide each axis that holds two, as ``ModuloAlongT`` and the like say.

    Examples
    --------
    >>> _divide((6, 5, 4), "TYX", {"T": ("lifetime", 3)})
    ((2, 3, 5, 4), 'THYX')
    """
    for axis, (kind, length) in modulo.items():
        letter = tifffile.TIFF.AXES_CODES.get(kind, "Q")
        at = axes.find(axis)
        if at < 0 or length < 1 or shape[at] % length:
            raise SourceError(
                f"its OME-XML divides axis {axis} by {length}, which does not fit its length; {DAMAGED_XML}"
            )
        if shape[at] == length:
            axes = axes.replace(axis, letter, 1)
        else:
            shape = (*shape[:at], shape[at] // length, length, *shape[at + 1 :])
            axes = axes.replace(axis, axis + letter, 1)
    return shape, axes
