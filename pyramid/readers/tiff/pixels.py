"""Regions of a TIFF image, read by its layout.

Flat pages are read straight into the caller's memory, others segment by segment. Each segment that a region touches is
read and decoded once, in the order of the file. Neighbours in the file are read together, so that many small strips
cost no more than a large one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.samples import copy_samples
from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import CUT_OFF, Files
from pyramid.readers.files.raw_array import ByteFile, FlatArray, flat_spans, read_exactly, read_flat
from pyramid.readers.tiff.bounded import decode_segment
from pyramid.readers.tiff.layout import TiffLayout
from pyramid.readers.tiff.stored_page import StoredPage

# The most bytes of segments that are read together: more than the call costs, and little compared with a block.
GATHER_BYTES = 1 << 22


class Segment(NamedTuple):
    """A strip or tile that a region touches.

    Parameters
    ----------
    offset, size_bytes
        Offset and number of its bytes; 0 if it is not in the file.
    number
        Its index among the page's segments.
    position
        Its index in the grid of segments.
    """

    offset: int
    size_bytes: int
    number: int
    position: Shape


class _Step(NamedTuple):
    """Segments that follow each other in the file and are read at once.

    If no decoder is needed, `plain` says what to read: the array in the file, the start of the region, and the memory
    to fill.
    """

    segments: list[Segment]
    plain: tuple[FlatArray, Shape, NDArray[Any]] | None

    @property
    def span(self) -> Span:
        """The bytes of the segments; from 0 to 0 if the only one is not in the file."""
        first, last = self.segments[0], self.segments[-1]
        return Span(first.offset, last.offset + last.size_bytes) if first.size_bytes else Span(0, 0)


def read_region(layout: TiffLayout, files: Files, box: Box, out: NDArray[Any]) -> None:
    """Fill `out` with the pixels of `box`.

    Both are on the image's dimensions, in the order of the file.

    Raises
    ------
    SourceError
        If a segment cannot be read. The error names the page, the strip or tile, and the byte offset.
    """
    filled = 0
    for page, start, view in _pages(layout, box, out):
        if np.may_share_memory(view, out):
            filled += view.size
        if layout.transform is None:
            _read_page(page, files, start, view)
        else:
            stored = page.new_array(view.shape)
            _read_page(page, files, start, stored)
            view[...] = layout.transform(stored)
    if filled != out.size:  # memory that was not filled must never reach the caller
        raise SourceError(
            f"of {out.size} pixels from {box.start} on only {filled} were read; this is a fault of the reader"
        )


def region_spans(layout: TiffLayout, box: Box, out: NDArray[Any]) -> Iterator[Span]:
    """Yield the spans that `read_region` reads, in its order; `out` is not filled."""
    for page, start, view in _pages(layout, box, out):
        target = view if layout.transform is None else page.new_array(view.shape)
        for step in _steps(page, start, target):
            if step.plain is not None:
                yield from flat_spans(*step.plain)
            elif step.span.start:
                yield step.span


def _pages(layout: TiffLayout, box: Box, out: NDArray[Any]) -> Iterator[tuple[StoredPage, Shape, NDArray[Any]]]:
    """Yield the pages that a region touches.

    Yields
    ------
    tuple
        The page, the start of the region in it, and the view of `out` that the page fills.
    """
    pages = len(layout.page_axes_shape)
    ranges = [range(a, a + n) for a, n in zip(box.start[:pages], box.shape[:pages], strict=True)]
    start = tuple(0 if d is None else box.start[d] for d in layout.dimensions)
    kept = {d for d in layout.dimensions if d is not None}
    one_page = tuple(slice(None) if d in kept else 0 for d in range(pages, len(box.shape)))
    in_page = tuple(None if d is None else slice(None) for d in layout.dimensions)
    for index in product(*ranges):
        where = tuple(i - a for i, a in zip(index, box.start[:pages], strict=True))
        view = out[(*where, *one_page, ...)][in_page]  # the ellipsis keeps it a view, even of a single pixel
        yield layout.pages[_ravel(index, layout.page_axes_shape)], start, view


def _ravel(index: Shape, shape: Shape) -> int:
    """Return the number of an index in C order, faster than NumPy does for one."""
    number = 0
    for i, n in zip(index, shape, strict=True):
        number = number * n + i
    return number


def _steps(page: StoredPage, start: Shape, out: NDArray[Any]) -> Iterator[_Step]:
    """Yield the steps that read the region of a page at `start`, in file order."""
    if page.is_flat:
        whole = Segment(page.offsets[0], page.counts[0], 0, ())
        yield _Step([whole], (FlatArray(whole.offset, page.shape, page.coding.dtype), start, out))
        return
    for run in _runs(_touched(page, start, out.shape)):
        first = run[0]
        shape = page.stored_shape(first.position)
        is_complete = first.size_bytes >= math.prod(shape) * page.coding.dtype.itemsize
        if len(run) == 1 and first.offset and page.coding.is_plain and is_complete:
            view, corner = _target(page, first, start, out)
            yield _Step(run, (FlatArray(first.offset, shape, page.coding.dtype), corner, view))
        else:
            yield _Step(run, None)


def _read_page(page: StoredPage, files: Files, start: Shape, out: NDArray[Any]) -> None:
    """Fill `out` with the region of one page at `start`."""
    try:
        file = files[page.file]
    except SourceError:  # it has changed
        raise
    except OSError as error:
        raise SourceError(
            f"{page.file} cannot be opened: {error.strerror}; it was there when the run began: "
            "check that its disk is still mounted"
        ) from error
    for step in _steps(page, start, out):
        _read_step(page, file, step, start, out)


def _read_step(page: StoredPage, file: ByteFile, step: _Step, start: Shape, out: NDArray[Any]) -> None:
    """Fill the part of `out` that the segments of a step hold.

    Encoded bytes are freed before the next step reads its own.
    """
    segment = step.segments[0]
    try:
        if step.plain is not None:
            read_flat(file, *step.plain)
        elif not step.span.start:
            _target(page, segment, start, out)[0][...] = page.coding.nodata
        else:
            encoded = _read_bytes(file, step.span)
            if _decode_strips(page, step, encoded, start, out):
                return
            for segment in step.segments:
                begin = segment.offset - step.span.start
                _decode(page, segment, bytes(encoded[begin : begin + segment.size_bytes]), start, out)
    except SourceError:
        raise
    except Exception as error:  # a decoder may raise anything over bytes that it was not made for
        raise _damaged(page, segment, error) from error


def _damaged(page: StoredPage, segment: Segment, error: Exception) -> SourceError:
    """Return the error for a segment.

    A tile is named by row and column, a strip by its number.
    """
    place = f", tile {segment.position[2:4]}" if page.coding.is_tiled else f", strip {segment.number}"
    return SourceError(
        f"{page.file}: {page.label}{'' if page.is_flat else place} at byte {segment.offset} cannot be read: "
        f"{error or type(error).__name__}; {CUT_OFF}"
    )


def _touched(page: StoredPage, start: Shape, shape: Shape) -> list[Segment]:
    """Return the segments that a region touches, in the order of the file."""
    grid = page.grid
    found = []
    for position in Box(start, shape).grid_positions(page.coding.segment):
        number = _ravel(position, grid)
        found.append(Segment(page.offsets[number], page.counts[number], number, position))
    found.sort()
    return found


def _runs(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Group segments that follow each other in the file, up to `GATHER_BYTES`."""
    run: list[Segment] = []
    for segment in segments:
        if run:
            first, last = run[0], run[-1]
            follows = last.offset + last.size_bytes == segment.offset and last.size_bytes > 0 < segment.size_bytes
            if not follows or segment.offset + segment.size_bytes - first.offset > GATHER_BYTES:
                yield run
                run = []
        run.append(segment)
    if run:
        yield run


def _read_bytes(file: ByteFile, span: Span) -> memoryview:
    """Return bytes of a file; raise EOFError before taking memory if it is too short."""
    end = file.seek(0, os.SEEK_END)
    if span.stop > end:
        raise EOFError(f"bytes {span.start} to {span.stop} are needed, but the file ends at {end}")
    buffer = np.empty(span.stop - span.start, np.uint8)
    read_exactly(file, span.start, buffer)
    return buffer.data


def _target(page: StoredPage, segment: Segment, start: Shape, out: NDArray[Any]) -> tuple[NDArray[Any], Shape]:
    """Return the part of `out` that a segment fills, and its start in the segment."""
    parts, corner = [], []
    for first, extent, index, length in zip(start, out.shape, segment.position, page.coding.segment, strict=True):
        begin = index * length - first
        parts.append(slice(max(begin, 0), min(begin + length, extent)))
        corner.append(max(-begin, 0))
    return out[tuple(parts)], tuple(corner)


def _decode_strips(page: StoredPage, step: _Step, encoded: memoryview, start: Shape, out: NDArray[Any]) -> bool:
    """Decode strips that follow each other in `out` too, and return whether it worked.

    It takes few Python calls a strip, which cost more than decoding where strips are short.
    """
    coding, first, count = page.coding, step.segments[0], len(step.segments)
    if coding.direct is None or coding.is_tiled or count == 1:
        return False
    rows = coding.segment[2]
    begin = first.position[2] * rows - start[2]
    end = min((first.position[2] + count) * rows, page.shape[2]) - start[2]
    follow = all(segment.number == first.number + number for number, segment in enumerate(step.segments))
    if not follow or begin < 0 or end > out.shape[2] or (count - 1) * rows >= end - begin:
        return False
    view = out[first.position[0] - start[0], first.position[1] - start[1], begin:end]
    if view.shape[1:] != coding.segment[3:] or view.dtype != coding.dtype:
        return False
    begins = ((segment.offset - step.span.start, segment.size_bytes) for segment in step.segments)
    return coding.direct((encoded[a : a + n] for a, n in begins), rows, view)


def _decode(page: StoredPage, segment: Segment, encoded: bytes, start: Shape, out: NDArray[Any]) -> None:
    """Decode one segment into its part of `out`."""
    view, corner = _target(page, segment, start, out)
    coding = page.coding
    if coding.direct is not None and view.shape == page.stored_shape(segment.position) and view.dtype == coding.dtype:
        lines = view.shape[1] * view.shape[2]
        if view.flags.c_contiguous and coding.direct([encoded], lines, view.reshape(lines, *view.shape[3:])):
            return
    decoded = decode_segment(page, encoded, segment.number, page.possible_shapes(segment.position))
    wanted = decoded[tuple(slice(a, a + n) for a, n in zip(corner[1:], view.shape[1:], strict=True))]
    if wanted.shape != view.shape[1:]:
        raise ValueError(f"it decodes to shape {decoded.shape}, which is too small")
    copy_samples(wanted, view[0])
