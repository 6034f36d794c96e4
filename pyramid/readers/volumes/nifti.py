"""NIfTI volumes, versions 1 and 2, whose headers nibabel reads.

The affine places voxels in millimetres that grow to the right, the front and the top of a body (RAS).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from pyramid.errors import SourceError, short_repr
from pyramid.readers.files.file import DAMAGED, LocalFile, SourceFile, local_file
from pyramid.readers.optional import load_optional
from pyramid.readers.volumes.header import Header
from pyramid.readers.volumes.placing import Placed, place

UNITS = {"mm": "millimeter", "meter": "meter", "micron": "micrometer"}
TIMES = {"sec": "second", "msec": "millisecond", "usec": "microsecond"}
# Words for the ends of x, y and z: where a dimension runs along its axis, and against it.
ENDS = {"x": ("right", "left"), "y": ("front", "back"), "z": ("top", "bottom")}
LETTERS = ("x", "y", "z", "t", "c")  # of the dimensions, where nothing else is said; the fastest first
COLORS = ("R", "G", "B", "A")


def is_nifti(start: bytes) -> bool:
    """Return whether a file's first bytes are those of a NIfTI."""
    return start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0")


def read_nifti(file: SourceFile, start: bytes) -> Header:
    """Read the header of a NIfTI.

    Parameters
    ----------
    file, start
        The file, and its first bytes.

    Raises
    ------
    SourceError
        If it is damaged, or its pixels are in a file that is missing.
    """
    nibabel = load_optional("nibabel", "volumes", f"{file} is NIfTI")
    kind = nibabel.Nifti2Header if start[4:7] in (b"n+2", b"ni2") else nibabel.Nifti1Header
    try:
        header = kind.from_fileobj(io.BytesIO(start), check=False)
        shape = tuple(map(int, header.get_data_shape()))
        dtype = np.dtype(header.get_data_dtype())
        # An integer is stored there as a float in version 1.
        offset = int(header["vox_offset"])
    except Exception as error:  # a damaged header fails in many ways
        raise SourceError(f"{file} cannot be read as NIfTI: {error}; {DAMAGED}") from error
    if not 1 <= len(shape) <= 7 or min(shape) < 0 or offset < 0:
        raise SourceError(f"{file} has the shape {short_repr(shape)} from byte {offset} on; {DAMAGED}")
    pair = start[344:347] == b"ni1" or start[4:7] == b"ni2"
    placed, notices = _placed(header, shape)
    letters = [*placed.letters, *LETTERS[3:], "", ""][: len(shape)] if placed else [*LETTERS, "", ""][: len(shape)]
    letters = [letter if n > 1 or letter in ("x", "y") else "" for letter, n in zip(letters, shape, strict=True)]
    scale, units, origin = _sizes(header, placed, shape)
    notices += [f"the times are in {header.get_xyzt_units()[1]}, and not taken"] if _no_time(header, shape) else []
    dtype, letters, shape = _colors(dtype, letters, shape)
    return Header(
        tuple(letters[::-1]),
        shape[::-1],
        dtype,
        _pixels_of(file) if pair else file,
        offset,
        scale,
        units,
        origin,
        tuple(notices + _calibration(header)),
    )


def _placed(header: Any, shape: tuple[int, ...]) -> tuple[Placed | None, list[str]]:  # noqa: ANN401
    """Return the axes of three dimensions, or None if unknown, and notices."""
    if len(shape) < 3:
        return None, []
    if not (int(header["sform_code"]) or int(header["qform_code"])):
        return None, []
    try:
        affine = np.asarray(header.get_best_affine(), float)
    except Exception as error:  # a quaternion that is none
        return None, [f"its affine cannot be read ({str(error)[:80]}); sizes of voxels are taken without it"]
    placed = place([tuple(column) for column in affine[:3, :3].T], tuple(affine[:3, 3]))
    if placed is None:
        return None, ["its affine has an axis without length; sizes of voxels are taken without it"]
    if placed.oblique:
        return placed, ["its affine is oblique: the turn and the origin are not carried over, only sizes of voxels"]
    ends = [f"{axis} to the {ENDS[axis][sign < 0]}" for axis, sign in zip(placed.letters, placed.signs, strict=True)]
    return placed, [f"orientation, by its affine: {', '.join(ends)}; origins are counted in these directions"]


def _sizes(
    header: Any,  # noqa: ANN401
    placed: Placed | None,
    shape: tuple[int, ...],
) -> tuple[dict[str, float], dict[str, str], dict[str, float]]:
    space, time = header.get_xyzt_units()
    zooms = [abs(float(zoom)) for zoom in header["pixdim"][1 : len(shape) + 1]]
    letters = placed.letters if placed is not None else LETTERS[: min(3, len(shape))]
    sizes = placed.sizes if placed is not None else tuple(zooms[: len(letters)])
    scale = {axis: size for axis, size in zip(letters, sizes, strict=True) if 0 < size < float("inf")}
    units = {axis: UNITS[space] for axis in scale if space in UNITS}
    if len(shape) > 3 and shape[3] > 1 and 0 < zooms[3] < float("inf") and time in TIMES:
        scale["t"], units["t"] = zooms[3], TIMES[time]
    origin = dict(zip(letters, placed.origins, strict=True)) if placed is not None else {}
    return scale, units, origin


def _no_time(header: Any, shape: tuple[int, ...]) -> bool:  # noqa: ANN401
    return len(shape) > 3 and shape[3] > 1 and header.get_xyzt_units()[1] not in (*TIMES, "unknown")


def _colors(
    dtype: np.dtype[Any], letters: list[str], shape: tuple[int, ...]
) -> tuple[np.dtype[Any], list[str], tuple[int, ...]]:
    """Return dtype, axes and shape, with colours as the fastest dimension."""
    if dtype.names is None or dtype.names != COLORS[: len(dtype.names)]:
        return dtype, letters, shape
    return np.dtype("u1"), ["c", *(letter if letter != "c" else "" for letter in letters)], (len(dtype.names), *shape)


def _calibration(header: Any) -> list[str]:  # noqa: ANN401
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or not np.isfinite(intercept) or slope == 0 or (slope, intercept) == (1.0, 0.0):
        return []
    return [f"pixels are kept as stored: the calibration {slope:g} * value + {intercept:g} of the NIfTI is not applied"]


def _pixels_of(file: SourceFile) -> SourceFile:
    """Return the file of the pixels next to a header of its own."""
    if not isinstance(file, LocalFile):
        raise SourceError(f"{file} is a pair of .hdr and .img, which is not read from a URL; copy both to this machine")
    path = Path(file.path).with_suffix(".img")
    if not path.is_file():
        raise SourceError(
            f"{file} holds only the header, and the pixels are in {path.name}, which is missing; copy it there"
        )
    return local_file(path)
