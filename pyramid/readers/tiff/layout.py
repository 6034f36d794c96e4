"""The layout of a TIFF image in its file: its pages, and their strips and tiles.

tifffile finds the pages and makes the decoders. This module keeps the parts that reading needs. A page is flat if the
file stores its pixels in the same order as memory does. Every other page is a grid of segments (strips or tiles), which
are decoded one by one.

Shapes of pages have the five dimensions of tifffile's ``shaped``: separate samples, depth, length, width, samples
within a pixel.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Shape
from pyramid.readers.tiff.pages import JPEG, Page, PageFile, settle_pages


@dataclass(frozen=True, slots=True)
class Coding:
    """The storage of the pages of one keyframe.

    Parameters
    ----------
    decode
        tifffile's decoder of a segment, safe to call from any thread.
    dtype
        The dtype of the pixels in the file, with its byte order.
    jpegheader
        The header that NDPI's tiles lack to be JPEGs.
    nodata
        The value of pixels whose segment is not in the file.
    segment
        Shape of a strip or tile on the dimensions of a page.
    is_jpeg, is_plain, is_tiled
        Whether the decoder takes tables, whether segments are plain pixels, and whether segments are tiles.
    """

    decode: Callable[..., Any]
    dtype: np.dtype[Any]
    jpegheader: bytes | None
    nodata: Any
    segment: Shape
    is_jpeg: bool
    is_plain: bool
    is_tiled: bool


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page: its file, the bytes of each segment, and whether it is flat."""

    file: str
    label: str
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    jpegtables: bytes | None
    coding: Coding
    is_flat: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """An image's pages in order, and the relation of its dimensions to theirs.

    Parameters
    ----------
    page_axes_shape
        Shape of the image's dimensions that count pages.
    plane_shape
        Shape of one page: tifffile's five dimensions, or all of the image's if it is one flat run.
    dimensions
        For each dimension of a page, the image's dimension that it is; None if it has one pixel.
    planes
        A page for each index into `page_axes_shape`, with its own strips or tiles.
    transform
        Turns decoded pixels into the image's; None if they are the same.
    """

    page_axes_shape: Shape
    plane_shape: Shape
    dimensions: tuple[int | None, ...]
    planes: tuple[StoredPage, ...]
    transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None

    def grid(self, plane: StoredPage) -> Shape:
        """Return how many segments a page has on each dimension."""
        return _grid(self.plane_shape, plane.coding.segment)

    def decoded_at_once(self, dimensions: int) -> Shape:
        """Return how many pixels are decoded together, on each of the `dimensions`.

        It is 1 on a dimension that can be cut anywhere.
        """
        at_once = [1] * dimensions
        first = self.planes[0]
        cut_anywhere = first.is_flat or (first.coding.is_plain and not first.coding.is_tiled)
        if not cut_anywhere:
            largest = tuple(map(max, zip(*{plane.coding.segment for plane in self.planes}, strict=True)))
            for dimension, extent, whole in zip(self.dimensions, largest, self.plane_shape, strict=True):
                if dimension is not None:
                    at_once[dimension] = min(extent, whole)
        return tuple(at_once)


def make_layout(series: tifffile.TiffPageSeries, file: PageFile) -> Layout:
    """Return the layout of an image of an open file.

    Raises
    ------
    SourceError
        If the pages do not make up the image, differ, are beyond the end of their file, or cannot be decoded.
    """
    keyframe = series.keyframe
    shape = tuple(int(n) for n in series.shape)
    pages, offset = settle_pages(series, file)
    if offset is not None:
        return _one_run(series, shape, offset)
    page_shape = tuple(int(n) for n in keyframe.shaped)
    split = _split(shape, len(pages), page_shape)
    dimensions = iter(i for i in range(split, len(shape)) if shape[i] != 1)
    return Layout(
        page_axes_shape=shape[:split],
        plane_shape=page_shape,
        dimensions=tuple(next(dimensions) if n != 1 else None for n in page_shape),
        planes=_planes(pages, page_shape),
        transform=series.transform,
    )


def _one_run(series: tifffile.TiffPageSeries, shape: Shape, offset: int) -> Layout:
    """Return the layout of an image whose pages follow without a gap: one flat plane."""
    keyframe = series.keyframe
    size = math.prod(shape) * _stored(keyframe).itemsize
    coding = _coding(keyframe)
    if not (keyframe.is_stk or keyframe.is_lsm):  # their first page counts the strips of all pages
        _places(keyframe, keyframe, math.prod(_grid(tuple(keyframe.shaped), coding.segment)))
    plane = StoredPage(str(keyframe.parent.filehandle.path), "pixels", (offset,), (size,), None, coding, is_flat=True)
    _check_inside(plane, int(keyframe.parent.filehandle.size))
    return Layout((), shape, tuple(range(len(shape))), (plane,), series.transform)


def _split(shape: Shape, pages: int, page_shape: Shape) -> int:
    """Return how many of the image's dimensions count pages."""
    of_page = [n for n in page_shape if n != 1]
    for split in range(len(shape) + 1):
        if math.prod(shape[:split]) == pages and [n for n in shape[split:] if n != 1] == of_page:
            return split
    raise SourceError(
        f"its {pages} pages of shape {page_shape} do not make up an image of shape {shape}; the file is damaged, "
        "or its metadata is wrong"
    )


def _segment(page: tifffile.TiffPage) -> Shape:
    """Return the shape of a strip or tile on the dimensions of a page."""
    samples = page.shaped[4]
    inner = (
        (page.tiledepth, page.tilelength, page.tilewidth) if page.is_tiled else (1, page.rowsperstrip, page.imagewidth)
    )
    if min(inner) < 1:
        raise SourceError(f"its strips or tiles have the shape {inner} (depth, length, width): the file is damaged")
    return (1, *(int(n) for n in inner), samples)


def _grid(shape: Shape, segment: Shape) -> Shape:
    return tuple(-(-n // m) for n, m in zip(shape, segment, strict=True))


def _planes(pages: list[Page | None], page_shape: Shape) -> tuple[StoredPage, ...]:
    codings: dict[int, Coding] = {}
    planes: list[StoredPage] = []
    missing = pages.count(None)
    if missing:
        raise SourceError(
            f"{missing} of its {len(pages)} planes are missing, the first is number {pages.index(None)}; "
            "put all files of the image into one folder, or copy them again from where they came from"
        )
    for page in pages:
        assert page is not None  # missing pages were refused above
        keyframe = page.keyframe
        if keyframe is None:
            raise SourceError(f"page {page.index} does not fit the others; the file is damaged")
        if id(keyframe) not in codings:
            codings[id(keyframe)] = _coding(keyframe)
        plane = _plane(page, keyframe, codings[id(keyframe)], page_shape)
        _check_inside(plane, int(page.parent.filehandle.size))
        planes.append(plane)
    return tuple(planes)


def _plane(page: Page, keyframe: tifffile.TiffPage, coding: Coding, page_shape: Shape) -> StoredPage:
    offsets, counts = _places(page, keyframe, math.prod(_grid(page_shape, coding.segment)))
    # For a frame, tifffile repeats that the keyframe is one run, but a frame has its own offsets.
    one_run = keyframe.is_stk or keyframe.is_lsm or page is keyframe
    one_run = one_run or all(a + n == b for (a, b), n in zip(pairwise(offsets), counts, strict=False))
    return StoredPage(
        file=str(page.parent.filehandle.path),
        label=f"page {page.index}",
        offsets=offsets,
        counts=counts,
        jpegtables=page.jpegtables,
        coding=coding,
        is_flat=bool(keyframe.is_final and one_run and offsets[0]),
    )


def _places(page: Page, keyframe: tifffile.TiffPage, segments: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the offset and the byte count of each of a page's strips or tiles.

    Raises
    ------
    SourceError
        If one is missing.
    """
    offsets, counts = tuple(map(int, page.dataoffsets)), tuple(map(int, page.databytecounts))
    what = "tiles" if keyframe.is_tiled else "strips"
    if not offsets:
        raise SourceError(f"page {page.index} does not say where its pixels are; the file is damaged")
    if not any(code in keyframe.tags for code in (279, 325, 514)) and len(offsets) > 1:
        if len(offsets) == segments and _is_plain(keyframe):
            return offsets, _plain_counts(keyframe, segments)
        raise SourceError(
            f"page {page.index} does not say how long its {what} are (StripByteCounts); the file is damaged, or "
            "its program leaves that out: save it again with another program"
        )
    one_run = keyframe.is_stk or keyframe.is_lsm or (keyframe.is_final and len(offsets) == len(counts) == 1)
    if min(len(offsets), len(counts)) < segments and not one_run:
        raise SourceError(
            f"page {page.index} has {segments} {what}, but {len(offsets)} offsets and {len(counts)} byte counts, so "
            f"that {what[:-1]} {min(len(offsets), len(counts))} is missing; the file is damaged: "
            "copy it again from where it came from"
        )
    return offsets, counts


def _is_plain(page: tifffile.TiffPage) -> bool:
    """Return whether strips and tiles hold plain pixels, as memory does."""
    return bool(
        page.compression == 1
        and page.fillorder == 1
        and page.predictor == 1
        and page.dtype is not None
        and page.bitspersample == page.dtype.itemsize * 8
        and not page.is_subsampled
    )


def _plain_counts(page: tifffile.TiffPage, segments: int) -> tuple[int, ...]:
    """Return the byte counts of plain strips or tiles, which some programs leave out."""
    _, depth, length, width, samples = _segment(page)
    row_bytes = depth * width * samples * _stored(page).itemsize
    if page.is_tiled:
        return (length * row_bytes,) * segments
    strips = -(-int(page.imagelength) // length)
    rows = (min(length, int(page.imagelength) - number % strips * length) for number in range(segments))
    return tuple(count * row_bytes for count in rows)


def _check_inside(plane: StoredPage, size_bytes: int) -> None:
    """Raise SourceError for pixels beyond the end of a file.

    The same goes for a segment of which only one of offset and byte count is 0.
    """
    inside = max(map(operator.add, plane.offsets, plane.counts)) <= size_bytes
    if inside and (plane.is_flat or (0 not in plane.counts and 0 not in plane.offsets)):
        return
    for number, (offset, count) in enumerate(zip(plane.offsets, plane.counts, strict=False)):
        what = f"{plane.file}: {plane.label}, {'tile' if plane.coding.is_tiled else 'strip'} {number}"
        if offset + count > size_bytes:
            raise SourceError(
                f"{what} takes bytes {offset} to {offset + count}, but the file ends at {size_bytes}; it is cut off or "
                "damaged: copy it again from where it came from"
            )
        if (offset == 0) != (count == 0) and not plane.is_flat:
            raise SourceError(
                f"{what} has the offset {offset} and {count} bytes, but only both together may be 0; the file is "
                "damaged: copy it again from where it came from"
            )


def _stored(page: tifffile.TiffPage) -> np.dtype[Any]:
    """Return the dtype of the pixels in the file."""
    if page.dtype is None:
        raise SourceError(f"pixels of {page.bitspersample} bits, sample format {page.sampleformat}, are not known")
    return page.dtype.newbyteorder(page.parent.byteorder)


def _coding(page: tifffile.TiffPage) -> Coding:
    dtype = _stored(page)
    if not page.is_final:
        page.decode(None, 0)  # without data, it only raises if nothing can decode the page
    return Coding(
        decode=page.decode,
        dtype=dtype,
        jpegheader=page.jpegheader,
        nodata=page.nodata,
        segment=_segment(page),
        is_jpeg=page.compression in JPEG,
        is_plain=_is_plain(page),
        is_tiled=page.is_tiled,
    )
