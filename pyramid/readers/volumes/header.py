"""The header of a volume, whatever its format, and the source that it makes."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from pyramid.errors import SourceError
from pyramid.model import AXES, Shape, SourceSpec
from pyramid.readers.axes import AxisOrder, array_order, check_dtype, check_extent
from pyramid.readers.files.file import CUT_OFF, SourceFile
from pyramid.readers.files.unpacked import UnpackedFile
from pyramid.readers.flat import FlatSource

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Header:
    """The content of a volume's header.

    Parameters
    ----------
    letters, shape
        The axis of each dimension and its pixels, the slowest first. A dimension of one pixel may have no axis.
    dtype
        The dtype in the file, with its byte order.
    file, offset
        The file of the pixels, and their first byte.
    scale, units, origin
        By axis; without those that are not known.
    notices
        Sentences about what was not taken.
    """

    letters: tuple[str, ...]
    shape: Shape
    dtype: np.dtype[Any]
    file: SourceFile
    offset: int
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def name_of(file: SourceFile) -> str:
    """Return the name of an image without the suffixes of volumes."""
    name = PurePath(file.name)
    return PurePath(name.stem).stem if name.suffix.lower() in (".gz", ".bz2") else name.stem


def source_of(header: Header, axes: str | None, where: SourceFile) -> FlatSource:
    """Return the source of a volume.

    Parameters
    ----------
    header
        What the file says.
    axes
        The axes that the user gives, in the order of the dimensions that have more than one pixel, the slowest first.
    where
        The file that the user gave.

    Raises
    ------
    SourceError
        If the file ends before its pixels do, or it is not an image.
    """
    order = _order(header, axes)
    check_extent("".join(letter for letter in order.letters), order.shape)
    dtype = check_dtype(header.dtype)
    needed = header.offset + math.prod(header.shape) * header.dtype.itemsize
    file = header.file
    if isinstance(file, UnpackedFile):
        file = replace(file, size_bytes=needed)
    else:
        with file.open() as stream:
            size_bytes = stream.seek(0, 2)
        if size_bytes < needed:
            raise SourceError(f"{file} has {size_bytes} bytes, and its header says {needed}; {CUT_OFF}")
    kept = {axis for axis in order.axes if axes is None or axis in header.letters}
    scale = tuple(header.scale.get(axis) if axis in kept else None for axis in order.axes)
    origin = tuple(header.origin.get(axis, 0.0) if axis in kept else 0.0 for axis in order.axes)
    spec = SourceSpec(
        order.axes,
        order.axes_shape,
        dtype,
        (1,) * len(order.axes),
        scale,
        tuple(
            header.units.get(axis) if size is not None else None for axis, size in zip(order.axes, scale, strict=True)
        ),
        name_of(where),
        location=str(where),
        notices=(*file.notices, *header.notices),
        translation=origin if any(origin) else (),
    )
    return FlatSource(spec, file, header.offset, header.dtype.str, order)


def _order(header: Header, axes: str | None) -> AxisOrder:
    if axes is None:
        logger.info("axes: %s, by the header", "".join(header.letters))
        known = [letter for letter in header.letters if letter]
        if len(set(known)) < len(known) or not {"y", "x"} <= set(known):
            raise SourceError(f"{header.file}: its dimensions are {''.join(known)}, not an image; give axes=...")
        return AxisOrder(header.letters, header.shape)
    real = [i for i, n in enumerate(header.shape) if n > 1 or header.letters[i]]
    given = array_order(tuple(header.shape[i] for i in real), axes)
    letters = ["" for _ in header.shape]
    for i, letter in zip(real, given.letters, strict=True):
        letters[i] = letter
    return AxisOrder(tuple(letters), header.shape)


def canonical(letters: tuple[str, ...]) -> bool:
    """Return whether letters are axes of an image, each once."""
    known = [letter for letter in letters if letter]
    return set(known) <= set(AXES) and len(set(known)) == len(known)
