"""NumPy arrays, and ``.npy`` files read by region without being loaded or mapped."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, Shape, SourceSpec
from pyramid.options import parsing
from pyramid.readers.axes import FILL_REMEDY, AxisOrder
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.file import SourceFile
from pyramid.readers.files.finding import find_file
from pyramid.readers.files.raw_array import FlatArray, flat_spans, read_flat
from pyramid.readers.fingerprint import END_BYTES, digest
from pyramid.readers.labelled import Labelled, describe_array, plain_notices, unlabel
from pyramid.readers.paths import is_url, local_path, stem
from pyramid.readers.recognition import recognized_by
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.options.convert import Options


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """An array in memory, with axes in canonical order. Pickling it pickles the array."""

    spec: SourceSpec
    array: NDArray[Any]

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Copy the pixels of `box`, in native byte order."""
        out[...] = self.array[box.slices]

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of the first and the last pixels."""
        count = END_BYTES // self.array.itemsize
        return {
            "pixels": digest(np.asarray(part).tobytes() for part in (self.array.flat[:count], self.array.flat[-count:]))
        }


@dataclass(frozen=True, slots=True)
class NpySource:
    """An array in a ``.npy`` file.

    Parameters
    ----------
    spec
        What is known before a pixel is read.
    file, offset
        The file as it was when it was opened, and the byte at which its pixels begin.
    dtype
        The dtype of the pixels in the file, as NumPy writes it, with its byte order.
    order
        The axis of each of the file's dimensions, the fastest last.
    """

    spec: SourceSpec
    file: SourceFile
    offset: int
    dtype: str
    order: AxisOrder

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the file."""
        return {"file": self.file.fingerprint()}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If the file cannot be read, or ends before those pixels.
        """
        array = FlatArray(self.offset, self.order.shape, np.dtype(self.dtype))
        pieces = list(self.order.pieces(box, out))
        spans = (span for part, view in pieces for span in flat_spans(array, part.start, view))
        try:
            with self.file.reading(spans) as files:
                for part, view in pieces:
                    read_flat(files[str(self.file)], array, part.start, view)
        except SourceError:
            raise
        except (OSError, EOFError) as error:
            raise SourceError(f"{self.file} cannot be read: {error}; copy it again from where it came from") from error


@recognized_by(lambda name, _start: name.endswith(".npy"))
def open_array(source: object, options: Options) -> ArraySource | NpySource | None:
    """Open a NumPy array, or a ``.npy`` file on this machine or at a URL.

    Returns
    -------
    ArraySource | NpySource | None
        None for anything else.

    Raises
    ------
    SourceError
        For a file that is cut short or holds Python objects, and for an array that is not an image.
    """
    labelled = unlabel(source)
    if isinstance(labelled.array, np.ndarray):
        parsing.check_one_image(options.series, "an array")
        return _open_ndarray(labelled, options.axes)
    file = _npy_file(source, options)
    if file is None:
        return None
    parsing.check_one_image(options.series, "a .npy file")
    return _open_npy(file, options.axes)


def _npy_file(source: object, options: Options) -> SourceFile | None:
    path = local_path(source)
    if path is None and not is_url(source):
        return None
    name = (str(path) if path is not None else locate(str(source)).path).lower()
    file = find_file(source, options) if name.endswith((".npy", ".npz")) else None
    if file is not None and name.endswith(".npz"):
        raise SourceError(
            f"{file.name} is a .npz, which may hold several arrays; save the array to convert with numpy.save"
        )
    return file


def _open_ndarray(labelled: Labelled, axes: str | None) -> ArraySource:
    array: NDArray[Any] = labelled.array
    if isinstance(array, np.ma.MaskedArray):
        raise SourceError(f"a masked array would lose its mask; {FILL_REMEDY}")
    spec, order = describe_array(labelled, array.shape, array.dtype, axes)
    canonical = np.asarray(array).transpose([order.letters.index(axis) for axis in order.axes])
    return ArraySource(replace(spec, notices=(*spec.notices, *plain_notices(array))), canonical)


def _open_npy(file: SourceFile, axes: str | None) -> NpySource:
    with file.open() as stream:
        try:
            shape, in_fortran, stored = _header(stream)
            offset, size_bytes = stream.tell(), stream.seek(0, io.SEEK_END)
            if stored.hasobject:
                raise ValueError("it holds Python objects")
            if min(shape, default=0) < 0:
                raise ValueError(f"its shape is {shape}")
            if offset + math.prod(shape) * stored.itemsize > size_bytes:
                raise ValueError(f"its pixels go past its end at byte {size_bytes}")
        except SourceError:
            raise
        except Exception as error:  # a header is Python's own syntax, which fails in many ways
            raise _explain_npy(file, stream, error) from error
    labelled = Labelled(None, name=stem(PurePath(file.name)), notices=file.notices)
    try:
        spec, order = describe_array(labelled, shape, stored, axes)
    except SourceError as error:
        raise SourceError(f"{file}: {error}") from error
    if in_fortran:  # in Fortran's order the first dimension is the fastest
        order = AxisOrder(order.letters[::-1], order.shape[::-1])
    return NpySource(replace(spec, location=str(file)), file, offset, stored.str, order)


def _explain_npy(file: SourceFile, stream: io.RawIOBase, error: Exception) -> SourceError:
    """Return the error for a file that has no header of a plain array."""
    stream.seek(0)
    start = stream.read(16) or b""
    reason, remedy = str(error) or type(error).__name__, "it is damaged, or does not hold a plain array"
    if not start or not np.lib.format.MAGIC_PREFIX.startswith(start[: len(np.lib.format.MAGIC_PREFIX)]):
        what, remedy = describe_start(start) or (f"of another kind, and begins with {start[:6]!r}", "copy it again")
        reason = f"it is {what}"
    return SourceError(f"{file} cannot be read as .npy: {reason}; {remedy}")


def _header(stream: io.RawIOBase) -> tuple[Shape, bool, np.dtype[Any]]:
    """Read the header of a ``.npy``: shape, whether in Fortran's order, and dtype."""
    version = np.lib.format.read_magic(stream)
    # Version 3 differs from 2 only in field names beyond ASCII, and a plain array has no fields.
    read_long = np.lib.format.read_array_header_2_0
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): read_long, (3, 0): read_long}
    if version not in readers:
        raise ValueError(f"its version {version[0]}.{version[1]} is not known")
    return readers[version](stream)
