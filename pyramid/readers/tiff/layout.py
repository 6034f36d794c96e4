"""The layout of a TIFF image: its pages, and its dimensions in terms of theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Shape
from pyramid.readers.files.file import LocalFile, local_file
from pyramid.readers.tiff.pages import Page, PageFile, keyframe_of, settle_pages
from pyramid.readers.tiff.stored_page import (
    Coding,
    StoredPage,
    check_inside,
    locate_segments,
    make_coding,
    make_stored_page,
)

# Kinds of whole-slide scanners whose missing tiles are glass, and so white.
BRIGHT_FIELD = frozenset({"svs", "philips", "bif"})
RGB_SAMPLES = 3  # of a pixel, at least, in an image of transmitted light
GDAL_NODATA = 42113  # the tag of the value of missing pixels


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """An image's pages in order, and the relation of its dimensions to theirs.

    Parameters
    ----------
    page_axes_shape
        Shape of the image's dimensions that count pages.
    dimensions
        For each dimension of a page, the image's dimension that it is; None if it has one pixel.
    pages
        A page for each index into `page_axes_shape`, with its own strips or tiles.
    transform
        Turns decoded pixels into the image's; None if they are the same.
    others
        The files of the pages as they are now, where they are several.
    """

    page_axes_shape: Shape
    dimensions: tuple[int | None, ...]
    pages: tuple[StoredPage, ...]
    transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    others: Mapping[str, LocalFile] = field(default_factory=dict)

    def decoded_at_once(self, dimensions: int) -> Shape:
        """Return how many pixels are decoded together, on each of the `dimensions`.

        It is 1 on a dimension that can be cut anywhere.
        """
        at_once = [1] * dimensions
        first = self.pages[0]
        cut_anywhere = first.is_flat or (first.coding.is_plain and not first.coding.is_tiled)
        if not cut_anywhere:
            largest = tuple(map(max, zip(*{page.coding.segment for page in self.pages}, strict=True)))
            for dimension, extent, whole in zip(self.dimensions, largest, first.shape, strict=True):
                if dimension is not None:
                    at_once[dimension] = min(extent, whole)
        return tuple(at_once)


def make_layout(series: tifffile.TiffPageSeries, file_of: Callable[[tifffile.TiffFile], PageFile]) -> TiffLayout:
    """Return the layout of an image, whose files `file_of` finds by their `TiffFile`.

    Raises
    ------
    SourceError
        If the pages do not make up the image, differ, are beyond the end of their file, or cannot be decoded.
    """
    shape = tuple(int(n) for n in series.shape)
    pages, offset = settle_pages(series, file_of)
    if offset is not None:
        run = _one_run(series.keyframe, shape, offset)
        return TiffLayout((), tuple(range(len(shape))), (run,), series.transform)
    page_shape = tuple(int(n) for n in series.keyframe.shaped)
    split = _split(shape, len(pages), page_shape)
    dimensions = iter(i for i in range(split, len(shape)) if shape[i] != 1)
    stored = _stored_pages(pages, page_shape)
    files = {page.file for page in stored}
    return TiffLayout(
        page_axes_shape=shape[:split],
        dimensions=tuple(next(dimensions) if n != 1 else None for n in page_shape),
        pages=tuple(replace(page, coding=_with_background(page.coding, series)) for page in stored),
        transform=series.transform,
        others={path: local_file(path) for path in files} if len(files) > 1 else {},
    )


def _one_run(keyframe: tifffile.TiffPage, shape: Shape, offset: int) -> StoredPage:
    """Return an image whose pages follow without a gap as one flat page."""
    coding = make_coding(keyframe)
    size_bytes = math.prod(shape) * coding.dtype.itemsize
    if not (keyframe.is_stk or keyframe.is_lsm):  # their first page counts the strips of all pages
        locate_segments(keyframe, keyframe, coding, tuple(int(n) for n in keyframe.shaped))
    file = keyframe.parent.filehandle
    page = StoredPage(str(file.path), "pixels", shape, (offset,), (size_bytes,), None, coding, is_flat=True)
    check_inside(page, int(file.size))
    return page


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


def _stored_pages(pages: list[Page | None], shape: Shape) -> tuple[StoredPage, ...]:
    missing = pages.count(None)
    if missing:
        raise SourceError(
            f"{missing} of its {len(pages)} planes are missing, the first is number {pages.index(None)}; "
            "put all files of the image into one folder, or copy them again from where they came from"
        )
    codings: dict[int, Coding] = {}
    stored = []
    for page in pages:
        assert page is not None  # missing pages were refused above
        keyframe = keyframe_of(page)
        if id(keyframe) not in codings:
            codings[id(keyframe)] = make_coding(keyframe)
        stored.append(make_stored_page(page, keyframe, codings[id(keyframe)], shape))
    _check_last(stored)
    return tuple(stored)


def _with_background(coding: Coding, series: tifffile.TiffPageSeries) -> Coding:
    """Return the coding with white for missing tiles, where a slide has glass.

    Scanners leave out tiles without tissue. A file that gives the value of missing pixels has it in its coding.
    """
    page = series.keyframe
    is_colors = int(page.samplesperpixel) >= RGB_SAMPLES and coding.dtype == np.uint8
    if series.kind in BRIGHT_FIELD and is_colors and GDAL_NODATA not in page.tags:
        return replace(coding, nodata=np.iinfo(np.uint8).max)
    return coding


def _check_last(pages: Sequence[StoredPage]) -> None:
    """Raise SourceError if the last pages have no pixels, and others have.

    A program that writes pages in turn leaves them so until it comes to them.
    """
    empty = 0
    while empty < len(pages) and not any(pages[-1 - empty].offsets):
        empty += 1
    if 0 < empty < len(pages):
        raise SourceError(
            f"the last {empty} of its {len(pages)} pages have no pixels yet; it is still being written, or its writing "
            "was cut off: wait, or write it again"
        )
