"""Files of NumPy, ``.npy`` and ``.npz``, read by region without being loaded."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.errors import SourceError
from pyramid.model import Shape
from pyramid.options.series import check_one_image
from pyramid.readers.axes import AxisOrder
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.file import SourceFile
from pyramid.readers.files.finding import find_file
from pyramid.readers.files.unpacked import UnpackedFile
from pyramid.readers.flat import FlatSource
from pyramid.readers.inside import split_inside
from pyramid.readers.labelled import Labelled, describe_array
from pyramid.readers.npz import find_member
from pyramid.readers.paths import is_url, local_path, stem
from pyramid.readers.recognition import recognized_by
from pyramid.stores import locate

if TYPE_CHECKING:
    from pyramid.options.convert import Options


@recognized_by(lambda name, _start: name.endswith((".npy", ".npz")))
def open_npy(source: object, options: Options) -> FlatSource | None:
    """Open a ``.npy`` file or a member of an ``.npz``, on this machine or at a URL.

    Returns
    -------
    FlatSource | None
        None for anything else.

    Raises
    ------
    SourceError
        For a file that is cut short or holds Python objects, and for an ``.npz`` of several arrays of which none is
        chosen.
    """
    found, inside = split_inside(source)
    path = local_path(found)
    if path is None and not is_url(found):
        return None
    name = (str(path) if path is not None else locate(str(found)).path).lower()
    is_npz = name.endswith(".npz")
    if not is_npz and not (name.endswith(".npy") and inside is None):
        return None
    file = find_file(found, options)
    if file is None:
        return None
    check_one_image(options.series, "an array of an .npz" if is_npz else "a .npy file")
    source = _open(find_member(file, inside) if is_npz else file, options.axes)
    # The only array of an archive is mostly named arr_0.
    return source if inside else replace(source, spec=replace(source.spec, name=stem(PurePath(file.name))))


def _open(file: SourceFile, axes: str | None) -> FlatSource:
    with file.open() as stream:
        try:
            shape, in_fortran, stored = _header(stream)
            offset = stream.tell()
            if stored.hasobject:
                raise ValueError("it holds Python objects")
            if min(shape, default=0) < 0:
                raise ValueError(f"its shape is {shape}")
            stop = offset + math.prod(shape) * stored.itemsize
            size_bytes = file.size_bytes if isinstance(file, UnpackedFile) else stream.seek(0, io.SEEK_END)
            if stop > size_bytes:
                raise ValueError(f"its pixels go past its end at byte {size_bytes}")
        except SourceError:
            raise
        except Exception as error:  # a header is Python's own syntax, which fails in many ways
            raise _explain(file, stream, error) from error
    labelled = Labelled(None, name=stem(PurePath(file.name)), notices=file.notices)
    try:
        spec, order = describe_array(labelled, shape, stored, axes)
    except SourceError as error:
        raise SourceError(f"{file}: {error}") from error
    if in_fortran:  # in Fortran's order the first dimension is the fastest
        order = AxisOrder(order.letters[::-1], order.shape[::-1])
    return FlatSource(replace(spec, location=str(file)), file, offset, stored.str, order)


def _explain(file: SourceFile, stream: io.RawIOBase, error: Exception) -> SourceError:
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
