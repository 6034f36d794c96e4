"""MRC volumes of electron microscopes, with headers as mrcfile lays them out."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyramid.errors import SourceError
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.optional import load_optional
from pyramid.readers.volumes.header import Header

HEAD_BYTES = 1024
UNIT = "angstrom"
PACKED_MODE = 101  # of two pixels a byte
VOLUMES = range(401, 631)  # space groups that mean a stack of volumes
_LITTLE, _BIG = (0x44, 0x41), (0x11,)  # machine stamps, by their first byte


def is_mrc(start: bytes) -> bool:
    """Return whether a file's first bytes are those of an MRC of 2000 or later."""
    return start[208:211] == b"MAP"


def read_mrc(file: SourceFile, start: bytes) -> Header:
    """Read the header of an MRC.

    Parameters
    ----------
    file, start
        The file, and its first bytes.

    Raises
    ------
    SourceError
        If it is damaged, or its pixels are packed.
    """
    mrcfile = load_optional("mrcfile", "volumes", f"{file} is MRC")
    dtypes = load_optional("mrcfile.dtypes", "volumes", f"{file} is MRC")
    if len(start) < HEAD_BYTES:
        raise SourceError(f"{file} has {len(start)} bytes, fewer than a header of MRC; {DAMAGED}")
    order = ">" if start[212] in _BIG else "<"
    header = np.frombuffer(start[:HEAD_BYTES], np.dtype(dtypes.HEADER_DTYPE).newbyteorder(order))[0]
    mode = int(header["mode"])
    try:
        dtype = np.dtype(mrcfile.utils.dtype_from_mode(mode)).newbyteorder(order)
    except ValueError as error:
        packed = ": two pixels of 4 bits a byte" if mode == PACKED_MODE else ""
        raise SourceError(
            f"{file} is MRC of mode {mode}{packed}, which is not read; save it as 8 bits or more"
        ) from error
    shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
    extended = int(header["nsymbt"])
    if min(shape) < 0 or extended < 0:
        raise SourceError(f"{file} has the shape {shape} after {extended} bytes; {DAMAGED}")
    letters, notices = _letters(header)
    scale, origin = _sizes(header)
    if extended:
        notices.append(f"the extended header of {extended} bytes is not carried over")
    letters, shape = _volumes(header, letters, shape, notices)
    kept = tuple(letter if n > 1 or letter in ("x", "y") else "" for letter, n in zip(letters, shape, strict=True))
    offset = HEAD_BYTES + extended
    return Header(kept, shape, dtype, file, offset, scale, dict.fromkeys(scale, UNIT), origin, tuple(notices))


def _letters(header: Any) -> tuple[tuple[str, ...], list[str]]:  # noqa: ANN401
    """Return the axes of sections, rows and columns."""
    numbers = [int(header[name]) for name in ("maps", "mapr", "mapc")]
    if sorted(numbers) == [1, 2, 3]:
        return tuple("xyz"[n - 1] for n in numbers), []
    known = [] if not any(numbers) else [f"the axes of the MRC are {numbers}, not 1 to 3; they are taken as zyx"]
    return ("z", "y", "x"), known


def _sizes(header: Any) -> tuple[dict[str, float], dict[str, float]]:  # noqa: ANN401
    """Return size and centre of the first voxel, by axis, in angstroms."""
    scale, origin = {}, {}
    for axis in "xyz":
        length, intervals = float(header["cella"][axis]), int(header[f"m{axis}"])
        size = length / intervals if intervals > 0 else 0.0
        if not 0 < size < float("inf"):
            continue
        scale[axis] = size
        start = float(header["origin"][axis])
        origin[axis] = start if np.isfinite(start) and start else int(header[f"n{axis}start"]) * size
    return scale, origin


def _volumes(
    header: Any,  # noqa: ANN401
    letters: tuple[str, ...],
    shape: tuple[int, ...],
    notices: list[str],
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return axes and shape, with the volumes of a stack as a dimension."""
    depth = int(header["mz"])
    if int(header["ispg"]) not in VOLUMES or depth < 1 or shape[0] % depth:
        return letters, shape
    notices.append(f"it is a stack of {shape[0] // depth} volumes, which are taken as times")
    return ("t", *letters), (shape[0] // depth, depth, *shape[1:])
