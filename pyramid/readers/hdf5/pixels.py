"""Regions of a dataset, read from the bytes of its file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.decoding.codecs import DecodeError
from pyramid.decoding.pictures import most_encoded_bytes
from pyramid.decoding.rows import copy_rows
from pyramid.errors import SourceError
from pyramid.model import Box, Shape
from pyramid.readers.files.byte_ranges import Span
from pyramid.readers.files.file import DAMAGED, Files
from pyramid.readers.files.raw_array import FlatArray, flat_spans, read_exactly, read_flat
from pyramid.readers.hdf5.filters import decode_chunk
from pyramid.readers.hdf5.library import session
from pyramid.readers.hdf5.stored import MISSING, Chunks, StoredDataset


def read_dataset(stored: StoredDataset, box: Box, out: NDArray[Any]) -> None:
    """Fill `out` with the region of a dataset.

    Parameters
    ----------
    stored
        The dataset.
    box
        Region of the dataset, on its own dimensions.
    out
        Memory of the dataset's dtype in native byte order; it may be strided.

    Raises
    ------
    SourceError
        If the file cannot be read, or a chunk is damaged.
    """
    file, layout = stored.place.file, stored.layout
    try:
        if layout is None:
            file.open().close()  # raises if the file has changed
            _read_by_library(stored, box, out)
            return
        with file.reading(_spans(layout, box, out)) as files:
            if isinstance(layout, FlatArray):
                read_flat(files[str(file)], layout, box.start, out)
            else:
                _read_chunks(stored, layout, files, box, out)
    except SourceError:
        raise
    except (EOFError, DecodeError) as error:
        raise SourceError(f"{stored.place}: {error}; {DAMAGED}") from error
    except Exception as error:  # the library raises errors of many kinds over a damaged file
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        region = f"the region from {box.start} to {box.stop}"
        raise SourceError(f"{stored.place}: {region} cannot be read: {reason}; {DAMAGED}") from error


def _read_by_library(stored: StoredDataset, box: Box, out: NDArray[Any]) -> None:
    dtype = stored.dtype.newbyteorder("=")
    with session():
        dataset = stored.place.read()
        if out.flags.c_contiguous and out.dtype == dtype and out.size:
            dataset.read_direct(out, box.slices)
        else:
            out[...] = dataset[box.slices]


def _spans(layout: FlatArray | Chunks, box: Box, out: NDArray[Any]) -> Iterator[Span]:
    if isinstance(layout, FlatArray):
        yield from flat_spans(layout, box.start, out)
        return
    for index in box.grid_positions(layout.shape):
        if layout.offsets[index] != MISSING:
            offset = int(layout.offsets[index])
            yield Span(offset, offset + int(layout.sizes[index]))


def _read_chunks(stored: StoredDataset, layout: Chunks, files: Files, box: Box, out: NDArray[Any]) -> None:
    file = files[str(stored.place.file)]
    for index in box.grid_positions(layout.shape):
        chunk = Box(tuple(i * c for i, c in zip(index, layout.shape, strict=True)), layout.shape)
        shared = box.intersection(chunk)
        view = out[_within(shared, box)]
        if layout.offsets[index] == MISSING:
            view[...] = layout.fill_value
            continue
        encoded_bytes = int(layout.sizes[index])
        if encoded_bytes > most_encoded_bytes(math.prod(layout.shape) * stored.dtype.itemsize):
            raise DecodeError(f"the chunk at {chunk.start} has {encoded_bytes} bytes, as none of its shape can have")
        data = np.empty(encoded_bytes, np.uint8)
        read_exactly(file, int(layout.offsets[index]), data)
        try:
            pixels = _pixels(layout, data, index, stored.dtype)
        except DecodeError as error:
            raise DecodeError(f"the chunk at {chunk.start} is damaged: {error}") from error
        copy_rows(pixels[_within(shared, chunk)], view)


def _pixels(layout: Chunks, data: NDArray[np.uint8], index: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    size_bytes = math.prod(layout.shape) * dtype.itemsize
    decoded = decode_chunk(data, layout.filters, int(layout.skipped[index]), dtype.itemsize, size_bytes)
    return np.frombuffer(decoded, dtype).reshape(layout.shape)


def _within(box: Box, holder: Box) -> tuple[slice, ...]:
    """Return the index of `box` in an array that holds `holder`."""
    return Box(tuple(a - b for a, b in zip(box.start, holder.start, strict=True)), box.shape).slices
