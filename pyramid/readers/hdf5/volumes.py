"""Datasets of z, y and x, one for each time and channel, as one image."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from pyramid.errors import OptionError, SourceError, list_some
from pyramid.model import Shape, SourceSpec
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.hdf5.library import opened
from pyramid.readers.hdf5.source import Hdf5Source, Volumes, stored_dataset
from pyramid.readers.hdf5.stored import StoredDataset
from pyramid.readers.paths import stem

AXES = "tczyx"  # of the dimensions of volumes
MAX_LISTED = 6  # missing volumes in an error


def find_volumes(
    file: SourceFile, pattern: str, numbers: tuple[Sequence[int], Sequence[int]], shape: Shape | None, dtype: str = ""
) -> Volumes:
    """Return the volumes of an image, each of which is looked at.

    Parameters
    ----------
    file, pattern
        The file, and the path of a dataset with places for the numbers of time and channel.
    numbers
        Those numbers.
    shape
        Pixels of the image on z, y and x, which a dataset may have more of; None for all of it.
    dtype
        The dtype as which the pixels are taken; empty for that of the file.

    Raises
    ------
    SourceError
        If a volume is missing, or is of another type or smaller than the image.
    """
    pairs = list(itertools.product(*numbers))
    missing = [pattern.format(*pair) for pair in pairs if not _is_there(file, pattern.format(*pair))]
    if missing:
        raise SourceError(
            f"{file} lacks {len(missing)} of {len(pairs)} volumes of the image: {list_some(missing, MAX_LISTED)}; "
            "they are not filled in: copy the file again, or choose another image"
        )
    first = stored_dataset(file, pattern.format(*pairs[0]))
    if len(first.shape) != len("zyx"):
        raise SourceError(f"{first.place} has {len(first.shape)} dimensions, not z, y and x; {DAMAGED}")
    wanted = first.shape if shape is None else shape
    for pair in pairs:
        _check(stored_dataset(file, pattern.format(*pair)), first, wanted)
    taken = np.dtype(dtype).newbyteorder(first.dtype.byteorder) if dtype else first.dtype
    return Volumes(pattern, (tuple(numbers[0]), tuple(numbers[1])), wanted, taken.str)


def _is_there(file: SourceFile, path: str) -> bool:
    try:
        return opened(file).get(path, getlink=True) is not None
    except (KeyError, ValueError):
        return False


def _check(stored: StoredDataset, first: StoredDataset, wanted: Shape) -> None:
    if stored.dtype != first.dtype:
        raise SourceError(f"{stored.place} holds {stored.dtype}, and {first.place.path} {first.dtype}; {DAMAGED}")
    if len(stored.shape) != len(wanted) or any(n < w for n, w in zip(stored.shape, wanted, strict=True)) or 0 in wanted:
        raise SourceError(f"{stored.place} has the shape {stored.shape}, and the image {wanted}; {DAMAGED}")


def source_of(
    file: SourceFile, volumes: Volumes, axes: str | None, kind: str, letters: tuple[str, ...] | None = None
) -> Hdf5Source:
    """Return the source of volumes, without sizes.

    Axes of one pixel are left out, except y and x.

    Parameters
    ----------
    file, volumes
        The file and its datasets.
    axes
        The axes that the user gives, if any.
    kind
        The kind of file, for errors.
    letters
        The axis of each dimension; None to leave out those of one pixel.
    """
    shape = volumes.full_shape
    if letters is None:
        letters = tuple(axis if n > 1 or axis in "yx" else "" for axis, n in zip(AXES, shape, strict=True))
    order = AxisOrder(letters, shape)
    if axes is not None and axes != order.axes:
        raise OptionError(f'axes="{axes}": the axes of {kind} are known, and are {order.axes}; leave axes=... out')
    check_extent(order.axes, order.axes_shape)
    first = stored_dataset(file, volumes.path((0, 0)))
    nothing = (None,) * len(order.axes)
    chunks = order.by_axis((1, 1, *map(min, first.chunks, volumes.shape)))
    spec = SourceSpec(
        order.axes,
        order.axes_shape,
        check_dtype(np.dtype(volumes.dtype)),
        chunks,
        nothing,
        nothing,
        name=stem(PurePath(file.name)),
        location=str(file),
        notices=file.notices,
    )
    return Hdf5Source(spec, order, file, volumes)
