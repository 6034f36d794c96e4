"""Pages as the file stores them: their strips or tiles, and how each is decoded.

tifffile makes the decoders. A page is flat if the file stores its pixels in the same order as memory does. Every other
page is a grid of segments (strips or tiles), which are decoded one by one.

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

from pyramid.decoding.pictures import most_encoded_bytes
from pyramid.errors import SourceError
from pyramid.model import Shape, reduced_shape
from pyramid.readers.files.file import CUT_OFF, DAMAGED
from pyramid.readers.tiff.direct import DirectDecoder, direct_decoder
from pyramid.readers.tiff.pages import Page

# The tags that say how long segments are: StripByteCounts, TileByteCounts, and the length of an old JPEG.
BYTE_COUNTS = (279, 325, 514)


@dataclass(frozen=True, slots=True)
class Coding:
    """The storage of the pages of one keyframe.

    Parameters
    ----------
    compression
        TIFF's number of it.
    decode
        tifffile's decoder of a segment, safe to call from any thread.
    direct
        A quicker one, where there is one.
    dtype
        The dtype of the pixels in the file, with its byte order.
    jpegheader
        The header that NDPI's tiles lack to be JPEGs.
    nodata
        The value of pixels whose segment is not in the file.
    segment
        Shape of a strip or tile on the dimensions of a page.
    is_plain, is_tiled
        Whether segments are plain pixels, and whether they are tiles.
    """

    compression: int
    decode: Callable[..., Any]
    direct: DirectDecoder | None
    dtype: np.dtype[Any]
    jpegheader: bytes | None
    nodata: Any
    segment: Shape
    is_plain: bool
    is_tiled: bool


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page: its file, its shape, the bytes of each segment, and whether it is flat.

    A page that is one flat run may have the shape of the whole image.
    """

    file: str
    label: str
    shape: Shape
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    jpegtables: bytes | None
    coding: Coding
    is_flat: bool

    @property
    def grid(self) -> Shape:
        """The number of its segments on each dimension."""
        return reduced_shape(self.shape, self.coding.segment)

    def stored_shape(self, position: Shape) -> Shape:
        """Return the shape of the segment at a position of the grid.

        A tile is stored whole. The last strip of a page has only the rows that are left.
        """
        whole = self.coding.segment
        if self.coding.is_tiled:
            return whole
        rows = min(whole[2], self.shape[2] - position[2] * whole[2])
        return (*whole[:2], rows, *whole[3:])

    def possible_shapes(self, position: Shape) -> tuple[Shape, ...]:
        """Return the shapes that a picture in a segment may have.

        The first is the one that it should have. Programs cut the last ones, or fill them up, on both axes or on one.
        """
        whole = self.coding.segment
        left = tuple(min(n, end - i * n) for n, end, i in zip(whole, self.shape, position, strict=True))
        cut = (*whole[:1], *left[1:4], *whole[4:])
        return tuple(dict.fromkeys((self.stored_shape(position), whole, cut, (*cut[:3], *whole[3:]))))

    def new_array(self, shape: Shape) -> NDArray[Any]:
        """Return memory for pixels of this page, in native byte order."""
        return np.empty(shape, self.coding.dtype.newbyteorder("="))


def make_coding(page: tifffile.TiffPage) -> Coding:
    """Return the storage of the pages of a keyframe.

    Raises
    ------
    SourceError
        If the pixels or the segments have a form that is not known.
    ValueError
        If nothing can decode them.
    """
    dtype = _stored_dtype(page)
    if not page.is_final:
        page.decode(None, 0)  # without data, it only raises if nothing can decode the page
    is_plain = (
        page.compression == 1
        and page.fillorder == 1
        and page.predictor == 1
        and page.bitspersample == dtype.itemsize * 8
        and not page.is_subsampled
    )
    return Coding(
        compression=int(page.compression),
        decode=page.decode,
        direct=direct_decoder(page, dtype),
        dtype=dtype,
        jpegheader=page.jpegheader,
        nodata=page.nodata,
        segment=_segment_shape(page),
        is_plain=is_plain,
        is_tiled=page.is_tiled,
    )


def make_stored_page(page: Page, keyframe: tifffile.TiffPage, coding: Coding, shape: Shape) -> StoredPage:
    """Return a page of `shape` with the bytes of each of its segments.

    Raises
    ------
    SourceError
        If a segment is missing, or is beyond the end of the file.
    """
    offsets, counts = locate_segments(page, keyframe, coding, shape)
    # For a frame, tifffile repeats that the keyframe is one run, but a frame has its own offsets.
    one_run = keyframe.is_stk or keyframe.is_lsm or page is keyframe
    one_run = one_run or all(a + n == b for (a, b), n in zip(pairwise(offsets), counts, strict=False))
    is_flat = bool(keyframe.is_final and one_run and offsets[0])
    path = str(page.parent.filehandle.path)
    stored = StoredPage(path, f"page {page.index}", shape, offsets, counts, page.jpegtables, coding, is_flat)
    check_inside(stored, int(page.parent.filehandle.size))
    return stored


def locate_segments(
    page: Page, keyframe: tifffile.TiffPage, coding: Coding, shape: Shape
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the offset and the byte count of each strip or tile of a page of `shape`.

    Raises
    ------
    SourceError
        If one is missing.
    """
    segments = math.prod(reduced_shape(shape, coding.segment))
    offsets, counts = tuple(map(int, page.dataoffsets)), tuple(map(int, page.databytecounts))
    kind = "tile" if coding.is_tiled else "strip"
    if not offsets:
        raise SourceError(f"page {page.index} does not say where its pixels are; {DAMAGED}")
    if not any(code in keyframe.tags for code in BYTE_COUNTS) and len(offsets) > 1:
        if len(offsets) == segments and coding.is_plain:
            return offsets, _plain_counts(keyframe, coding, segments)
        raise SourceError(
            f"page {page.index} does not say how long its {kind}s are (StripByteCounts); the file is damaged, or "
            "its program leaves that out: save it again with another program"
        )
    one_run = keyframe.is_stk or keyframe.is_lsm or (keyframe.is_final and len(offsets) == len(counts) == 1)
    found = min(len(offsets), len(counts))
    if found < segments and not one_run:
        raise SourceError(
            f"page {page.index} has {segments} {kind}s, but {len(offsets)} offsets and {len(counts)} byte counts, so "
            f"that {kind} {found} is missing; {DAMAGED}"
        )
    return offsets, counts


def check_inside(page: StoredPage, size_bytes: int) -> None:
    """Raise SourceError for pixels beyond the end of a file.

    The same goes for a segment of which only one of offset and byte count is 0.
    """
    if not page.is_flat and not page.coding.is_plain:
        _check_counts(page)
    inside = max(map(operator.add, page.offsets, page.counts)) <= size_bytes
    if inside and (page.is_flat or (0 not in page.counts and 0 not in page.offsets)):
        return
    for number, (offset, count) in enumerate(zip(page.offsets, page.counts, strict=False)):
        what = f"{page.file}: {page.label}, {'tile' if page.coding.is_tiled else 'strip'} {number}"
        if offset + count > size_bytes:
            raise SourceError(
                f"{what} takes bytes {offset} to {offset + count}, but the file ends at {size_bytes}; {CUT_OFF}"
            )
        if (offset == 0) != (count == 0) and not page.is_flat:
            raise SourceError(
                f"{what} has the offset {offset} and {count} bytes, but only both together may be 0; {DAMAGED}"
            )


def _check_counts(page: StoredPage) -> None:
    """Raise SourceError for a segment with far more bytes than its pixels."""
    most = most_encoded_bytes(math.prod(page.coding.segment) * page.coding.dtype.itemsize)
    count = max(page.counts)
    if count > most:
        kind = "tile" if page.coding.is_tiled else "strip"
        raise SourceError(
            f"{page.file}: {page.label}, {kind} {page.counts.index(count)} has {count} bytes, and a {kind} of "
            f"{page.coding.segment[1:]} (depth, length, width, samples) has at most {most}; {DAMAGED}"
        )


def _stored_dtype(page: tifffile.TiffPage) -> np.dtype[Any]:
    """Return the dtype of the pixels in the file."""
    if page.dtype is None:
        raise SourceError(f"pixels of {page.bitspersample} bits, sample format {page.sampleformat}, are not known")
    return page.dtype.newbyteorder(page.parent.byteorder)


def _segment_shape(page: tifffile.TiffPage) -> Shape:
    """Return the shape of a strip or tile on the dimensions of a page."""
    strip = (1, page.rowsperstrip, page.imagewidth)
    inner = (page.tiledepth, page.tilelength, page.tilewidth) if page.is_tiled else strip
    if min(inner) < 1:
        raise SourceError(f"its strips or tiles have the shape {inner} (depth, length, width); {DAMAGED}")
    return (1, *(int(n) for n in inner), page.shaped[4])


def _plain_counts(page: tifffile.TiffPage, coding: Coding, segments: int) -> tuple[int, ...]:
    """Return the byte counts of plain strips or tiles, which some programs leave out."""
    _, depth, length, width, samples = coding.segment
    row_bytes = depth * width * samples * coding.dtype.itemsize
    if coding.is_tiled:
        return (length * row_bytes,) * segments
    strips = -(-int(page.imagelength) // length)
    rows = (min(length, int(page.imagelength) - number % strips * length) for number in range(segments))
    return tuple(count * row_bytes for count in rows)
