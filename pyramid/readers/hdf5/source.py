"""Datasets of an HDF5 file as a `Source`."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Shape, SourceSpec
from pyramid.readers.axes import AxisOrder
from pyramid.readers.files.file import SourceFile
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.hdf5.library import session
from pyramid.readers.hdf5.links import find_place
from pyramid.readers.hdf5.pixels import read_dataset
from pyramid.readers.hdf5.stored import StoredDataset, find_dataset

_stored: LastUsed[tuple[int, SourceFile, str], StoredDataset] = LastUsed(most=64)


@dataclass(frozen=True, slots=True)
class Volumes:
    """Datasets of one dtype that together are an image.

    Parameters
    ----------
    pattern
        The path of a dataset, with a place for each of its numbers (`str.format`).
    numbers
        The numbers on each of the outer dimensions, such as time and channel; empty for a single dataset.
    shape
        Pixels of each dataset that belong to the image: it may be stored with more of them.
    dtype
        The dtype as which the pixels of the file are taken, with its byte order.
    """

    pattern: str
    numbers: tuple[tuple[int, ...], ...]
    shape: Shape
    dtype: str

    @property
    def full_shape(self) -> Shape:
        """Pixels on the outer dimensions, then on those of a dataset."""
        return (*map(len, self.numbers), *self.shape)

    def path(self, index: Shape) -> str:
        """Return the path of the dataset at an index of the outer dimensions."""
        return self.pattern.format(*(numbers[i] for numbers, i in zip(self.numbers, index, strict=True)))


@dataclass(frozen=True, slots=True)
class Hdf5Source:
    """An image of an HDF5 file. It pickles as the file's address and the paths in it.

    Parameters
    ----------
    spec, order
        What is known before a pixel is read, and the axis of each dimension of `volumes`.
    file, volumes
        The file as it was when it was opened, and the datasets of the image.
    levels
        The coarser levels that the file has of the image, as sources of their own, the largest first.
    """

    spec: SourceSpec
    order: AxisOrder
    file: SourceFile
    volumes: Volumes
    levels: tuple[Hdf5Source, ...] = field(default=(), repr=False)

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the file, and the datasets."""
        return {"file": self.file.fingerprint(), "datasets": repr(self.volumes)}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If the file cannot be read, or a part of it is damaged.
        """
        outer = len(self.volumes.numbers)
        for part, view in self.order.pieces(box, out):
            starts, stops = part.start[:outer], part.stop[:outer]
            inner = Box(part.start[outer:], part.shape[outer:])
            for index in itertools.product(*(range(a, b) for a, b in zip(starts, stops, strict=True))):
                stored = stored_dataset(self.file, self.volumes.path(index))
                target = view[tuple(i - a for i, a in zip(index, starts, strict=True))]
                read_dataset(stored, inner, _as_stored(target, stored, self.volumes.dtype))


def _as_stored(target: NDArray[Any], stored: StoredDataset, dtype: str) -> NDArray[Any]:
    """Return memory of pixels as memory of the type that the file stores them as."""
    native = stored.dtype.newbyteorder("=")
    if stored.dtype.itemsize != np.dtype(dtype).itemsize:
        raise SourceError(f"{stored.place} holds {stored.dtype}, and the image {np.dtype(dtype)}; it is damaged")
    return target if target.dtype == native else target.view(native)


def stored_dataset(file: SourceFile, path: str) -> StoredDataset:
    """Return the dataset at a path, which the process keeps."""
    with session():
        return _stored.find((os.getpid(), file, path), lambda: find_dataset(find_place(file, path)))


def with_levels(source: Hdf5Source, levels: list[Hdf5Source]) -> Hdf5Source:
    """Return a source that knows the coarser levels of its file."""
    return replace(source, levels=tuple(levels))
