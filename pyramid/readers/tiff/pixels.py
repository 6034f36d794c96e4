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

from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import Files
from pyramid.readers.files.raw_array import ByteFile, FlatArray, flat_spans, read_exactly, read_flat
from pyramid.readers.tiff.layout import Layout, StoredPage

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


def read_region(layout: Layout, files: Files, box: Box, out: NDArray[Any]) -> None:
    """Fill `out` with the pixels of `box`.

    Both are on the image's dimensions, in the order of the file.

    Raises
    ------
    SourceError
        If a segment cannot be read. The error names the page, the strip or tile, and the byte offset.
    """
    filled = 0
    for plane, start, view in _pages(layout, box, out):
        if np.may_share_memory(view, out):
            filled += view.size
        if layout.transform is None:
            _read_plane(layout, plane, files, start, view)
        else:
            stored = _stored(plane, view)
            _read_plane(layout, plane, files, start, stored)
            view[...] = layout.transform(stored)
    if filled != out.size:  # memory that was not filled must never reach the caller
        raise SourceError(
            f"of {out.size} pixels from {box.start} on only {filled} were read; this is a fault of the reader"
        )


def region_spans(layout: Layout, box: Box, out: NDArray[Any]) -> Iterator[Span]:
    """Yield the spans that `read_region` reads, in its order; `out` is not filled."""
    for plane, start, view in _pages(layout, box, out):
        target = view if layout.transform is None else _stored(plane, view)
        if plane.is_flat:
            yield from flat_spans(_flat(layout, plane), start, target)
            continue
        for run in _runs(_touched(layout, plane, start, view.shape)):
            yield from _run_spans(layout, plane, run, (start, target))


def _pages(layout: Layout, box: Box, out: NDArray[Any]) -> Iterator[tuple[StoredPage, Shape, NDArray[Any]]]:
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
        yield layout.planes[_ravel(index, layout.page_axes_shape)], start, view


def _stored(plane: StoredPage, view: NDArray[Any]) -> NDArray[Any]:
    """Return memory for stored pixels, before they are transformed into `view`."""
    return np.empty(view.shape, plane.coding.dtype.newbyteorder("="))


def _flat(layout: Layout, plane: StoredPage) -> FlatArray:
    return FlatArray(plane.offsets[0], layout.plane_shape, plane.coding.dtype)


def _ravel(index: Shape, shape: Shape) -> int:
    number = 0
    for i, n in zip(index, shape, strict=True):
        number = number * n + i
    return number


def _read_plane(layout: Layout, plane: StoredPage, files: Files, start: Shape, out: NDArray[Any]) -> None:
    """Fill `out` with the region of one page at `start`."""
    try:
        file = files[plane.file]
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(
            f"{plane.file} cannot be opened: {error.strerror}; it was there when the run began: "
            "check that its disk is still mounted"
        ) from error
    if plane.is_flat:
        try:
            read_flat(file, _flat(layout, plane), start, out)
        except SourceError:
            raise
        except (EOFError, OSError, OverflowError) as error:
            raise _damaged(plane, "", plane.offsets[0], error) from error
        return
    for run in _runs(_touched(layout, plane, start, out.shape)):
        _read_run(layout, plane, file, run, (start, out))


def _damaged(plane: StoredPage, place: str, offset: int, error: Exception) -> SourceError:
    what = ", ".join(filter(None, (plane.label, place)))
    return SourceError(
        f"{plane.file}: {what} at byte {offset} cannot be read: {error or type(error).__name__}; "
        "the file is damaged or cut short: copy it again from where it came from"
    )


def _touched(layout: Layout, plane: StoredPage, start: Shape, shape: Shape) -> list[Segment]:
    """Return the segments that a region touches, in the order of the file."""
    grid = layout.grid(plane)
    found = []
    for position in Box(start, shape).grid_positions(plane.coding.segment):
        number = _ravel(position, grid)
        found.append(Segment(plane.offsets[number], plane.counts[number], number, position))
    found.sort()
    return found


def _place(plane: StoredPage, segment: Segment) -> str:
    """Name a segment for errors: a tile by row and column, a strip by its number."""
    return f"tile {segment.position[2:4]}" if plane.coding.is_tiled else f"strip {segment.number}"


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


def _run_spans(
    layout: Layout, plane: StoredPage, run: list[Segment], target: tuple[Shape, NDArray[Any]]
) -> Iterator[Span]:
    """Yield the spans that `_read_run` reads."""
    first, last = run[0], run[-1]
    if not first.offset or not first.size_bytes:
        return
    if len(run) == 1 and _is_plain(layout, plane, first):
        view, corner = _target(plane, first, target)
        yield from flat_spans(_plain(layout, plane, first), corner, view)
        return
    yield Span(first.offset, last.offset + last.size_bytes)


def _read_run(
    layout: Layout, plane: StoredPage, file: ByteFile, run: list[Segment], target: tuple[Shape, NDArray[Any]]
) -> None:
    """Read segments that follow each other, and copy the wanted part of each."""
    first, last = run[0], run[-1]
    segment = first
    try:
        if not first.offset or not first.size_bytes:
            for segment in run:
                _target(plane, segment, target)[0][...] = plane.coding.nodata
            return
        if len(run) == 1 and _is_plain(layout, plane, first):
            view, corner = _target(plane, first, target)
            read_flat(file, _plain(layout, plane, first), corner, view)
            return
        encoded = _read_bytes(file, first.offset, last.offset + last.size_bytes - first.offset)
        for segment in run:
            begin = segment.offset - first.offset
            _decode(plane, segment, encoded[begin : begin + segment.size_bytes], target)
    except SourceError:
        raise
    except Exception as error:  # a decoder may raise anything over bytes that it was not made for
        raise _damaged(plane, _place(plane, segment), segment.offset, error) from error


def _read_bytes(file: ByteFile, offset: int, count: int) -> bytes:
    """Return bytes of a file; raise EOFError before taking memory if it is too short."""
    end = file.seek(0, os.SEEK_END)
    if offset + count > end:
        raise EOFError(f"bytes {offset} to {offset + count} are needed, but the file ends at {end}")
    buffer = np.empty(count, np.uint8)
    read_exactly(file, offset, buffer)
    return buffer.tobytes()


def _plain(layout: Layout, plane: StoredPage, segment: Segment) -> FlatArray:
    return FlatArray(segment.offset, _stored_shape(layout, plane, segment), plane.coding.dtype)


def _is_plain(layout: Layout, plane: StoredPage, segment: Segment) -> bool:
    """Return whether a segment is complete and holds plain pixels."""
    size = math.prod(_stored_shape(layout, plane, segment)) * plane.coding.dtype.itemsize
    return plane.coding.is_plain and segment.size_bytes >= size


def _stored_shape(layout: Layout, plane: StoredPage, segment: Segment) -> Shape:
    """Return the shape of a segment in the file.

    A tile is stored whole. The last strip of a page has only the rows that are left.
    """
    whole = plane.coding.segment
    if plane.coding.is_tiled:
        return whole
    rows = min(whole[2], layout.plane_shape[2] - segment.position[2] * whole[2])
    return (*whole[:2], rows, *whole[3:])


def _target(plane: StoredPage, segment: Segment, target: tuple[Shape, NDArray[Any]]) -> tuple[NDArray[Any], Shape]:
    """Return the part of the target that a segment fills, and its start there."""
    start, out = target
    parts, corner = [], []
    for first, extent, index, length in zip(start, out.shape, segment.position, plane.coding.segment, strict=True):
        begin = index * length - first
        parts.append(slice(max(begin, 0), min(begin + length, extent)))
        corner.append(max(-begin, 0))
    return out[tuple(parts)], tuple(corner)


def _decode(plane: StoredPage, segment: Segment, encoded: bytes, target: tuple[Shape, NDArray[Any]]) -> None:
    """Decode one segment into its part of the target."""
    view, corner = _target(plane, segment, target)
    tables = {"jpegtables": plane.jpegtables, "jpegheader": plane.coding.jpegheader} if plane.coding.is_jpeg else {}
    decoded = plane.coding.decode(encoded, segment.number, **tables)[0]
    wanted = decoded[tuple(slice(a, a + n) for a, n in zip(corner[1:], view.shape[1:], strict=True))]
    if wanted.shape != view.shape[1:]:
        raise ValueError(f"it decodes to shape {decoded.shape}, which is too small")
    view[0] = wanted
