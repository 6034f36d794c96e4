"""NRRD volumes, whose headers pynrrd reads."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pyramid.errors import OptionError, SourceError, short_repr
from pyramid.ngff.axis_names import axis_letter
from pyramid.options.units import unit as unit_name
from pyramid.readers.files.file import DAMAGED, LocalFile, SourceFile, local_file
from pyramid.readers.files.part import PartFile
from pyramid.readers.files.unpacked import UnpackedFile
from pyramid.readers.optional import load_optional
from pyramid.readers.volumes.header import Header
from pyramid.readers.volumes.placing import Placed, place

# The longest header that is read.
MAX_HEAD_BYTES = 1 << 20
MAGIC = b"NRRD000"
METHODS = {"gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
SPACE_KINDS = ("domain", "space")
TIME_KINDS = ("time",)
_WIDTHS = {"char": 1, "short": 2, "int": 4, "longlong": 8, "long": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
_KNOWN = {
    *("type", "dimension", "sizes", "encoding", "endian", "spacings", "space directions", "space origin", "kinds"),
    *("space", "space dimension", "space units", "units", "labels", "data file", "datafile", "byte skip", "line skip"),
    *("centerings", "centers", "content", "block size"),
}


def read_nrrd(file: SourceFile, start: bytes) -> Header:
    """Read the header of an NRRD.

    Parameters
    ----------
    file, start
        The file, and its first `MAX_HEAD_BYTES`.

    Raises
    ------
    SourceError
        If it is damaged, or its pixels are stored as text or in several files.
    """
    nrrd = load_optional("nrrd", "volumes", f"{file} is NRRD")
    stream = io.BytesIO(start)
    try:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            header: dict[str, Any] = dict(nrrd.read_header(stream))
        shape = tuple(int(n) for n in header["sizes"])
        dtype = _dtype(str(header["type"]), str(header.get("endian", "little")))
        dimensions = int(header["dimension"])
    except SourceError as error:
        raise SourceError(f"{file}: {error}") from error
    except Exception as error:  # a damaged header fails in many ways
        raise SourceError(f"{file} cannot be read as NRRD: {error!r}; {DAMAGED}") from error
    if dimensions != len(shape) or min(shape, default=0) < 0:
        raise SourceError(f"{file} has {dimensions} dimensions and the sizes {short_repr(shape)}; {DAMAGED}")
    try:
        placed, letters = _letters(header, shape)
        scale, units, origin, notices = _sizes(header, placed, letters)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise SourceError(f"{file}: its header does not fit its {dimensions} dimensions: {error}; {DAMAGED}") from error
    pixels, offset = _pixels(file, header, stream.tell(), math.prod(shape) * dtype.itemsize)
    left = sorted(str(key)[:40] for key in header if key not in _KNOWN)
    notices += [f"not carried over from the NRRD: {', '.join(left[:6])}"] if left else []
    shown = tuple(letter if n > 1 or letter in ("x", "y") else "" for letter, n in zip(letters, shape, strict=True))
    return Header(shown[::-1], shape[::-1], dtype, pixels, offset, scale, units, origin, tuple(notices))


def _dtype(name: str, endian: str) -> np.dtype[Any]:
    """Return the dtype that a header names, as ``unsigned short`` or ``uint16``."""
    order = ">" if endian.strip().lower() == "big" else "<"
    words = name.strip().lower().removesuffix("_t").replace("long long", "longlong").split()
    if words in (["float"], ["double"]):
        return np.dtype(f"{order}f{4 if words == ['float'] else 8}")
    unsigned = words[0].startswith("u")
    kept = [word for word in words if word not in ("signed", "unsigned")]
    if len(kept) == 2 and kept[1] == "int":
        kept = kept[:1]
    word = kept[0].removeprefix("u") if kept else "int"
    if len(kept) > 1 or word not in _WIDTHS:
        raise SourceError(f"its type {short_repr(name)} is not one of numbers; save it as one")
    return np.dtype(f"{order}{'u' if unsigned else 'i'}{_WIDTHS[word]}")


def _letters(header: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[Placed | None, list[str]]:
    """Return the axes of the dimensions, the fastest first."""
    kinds = [str(kind).lower() for kind in header.get("kinds", [])] or ["domain"] * len(shape)
    directions = header.get("space directions")
    labels = [axis_letter(str(label)) or "" for label in header.get("labels", [])]
    rows = (
        [None] * len(shape)
        if directions is None
        else [None if row is None else [float(v) for v in row] for row in directions]
    )
    rows = [None if row is None or any(map(math.isnan, row)) else row for row in rows]
    spatial = [i for i, row in enumerate(rows) if row is not None]
    if len(labels) == len(shape) and len(set(labels)) == len(labels) and {"x", "y"} <= set(labels):
        return None, labels
    placed = None
    if spatial and len(rows) == len(shape) and all(len(rows[i] or ()) == 3 for i in spatial):
        origin = [float(v) for v in header.get("space origin", (0.0, 0.0, 0.0))]
        placed = place([rows[i] or () for i in spatial], origin) if len(origin) == 3 else None
    letters = iter(placed.letters if placed is not None else "xyz")
    if placed is None:
        spatial = [i for i, kind in enumerate(kinds) if kind in SPACE_KINDS][:3]
    others = iter("ct")
    names = [
        next(letters) if i in spatial else "t" if kind in TIME_KINDS else next(others, "")
        for i, kind in enumerate(kinds)
    ]
    return placed, names[: len(shape)]


def _sizes(
    header: Mapping[str, Any], placed: Placed | None, letters: list[str]
) -> tuple[dict[str, float], dict[str, str], dict[str, float], list[str]]:
    notices: list[str] = []
    scale: dict[str, float] = {}
    origin: dict[str, float] = {}
    given: dict[str, str] = {}
    if placed is not None:
        scale, origin = (
            dict(zip(placed.letters, placed.sizes, strict=True)),
            dict(zip(placed.letters, placed.origins, strict=True)),
        )
        given = dict(zip("xyz", map(str, header.get("space units", [])), strict=False))
        notices += [_orientation(header, placed)]
    spacings = header.get("spacings")
    for axis, size in zip(letters, [] if spacings is None else spacings, strict=False):
        if axis and axis != "c" and axis not in scale and 0 < float(size) < math.inf:
            scale[axis] = float(size)
    given |= {axis: str(text) for axis, text in zip(letters, header.get("units", []), strict=False) if str(text)}
    units = {}
    for axis, text in given.items():
        try:
            if axis in scale and text.strip("\"' "):
                units[axis] = unit_name(axis, text.strip("\"' "))
        except OptionError:
            notices.append(f"the unit {text[:40]!r} of {axis} is not known; its size is kept without a unit")
    return scale, units, origin, notices


def _orientation(header: Mapping[str, Any], placed: Placed) -> str:
    if placed.oblique:
        return "its space directions are oblique: the turn and the origin are not carried over, only sizes of voxels"
    signs = ", ".join(
        f"{axis} {'forwards' if sign > 0 else 'backwards'}"
        for axis, sign in zip(placed.letters, placed.signs, strict=True)
    )
    space = str(header.get("space", "") or "of the file")
    return f"orientation in the space {space[:60]}: {signs}; origins are counted in these directions"


def _pixels(file: SourceFile, header: Mapping[str, Any], stop: int, size_bytes: int) -> tuple[SourceFile, int]:
    """Return the file of the pixels and their first byte."""
    named = header.get("data file", header.get("datafile"))
    encoding, skip = str(header.get("encoding", "")).strip().lower(), int(header.get("byte skip", 0))
    if int(header.get("line skip", 0)):
        raise SourceError(f"{file}: its pixels begin after lines of text (line skip), which is not read; save it again")
    where, offset = (file, stop) if named is None else (_data_file(file, str(named)), 0)
    with where.open() as stream:
        whole = stream.seek(0, io.SEEK_END)
    if encoding == "raw":
        return where, (whole - size_bytes if skip == -1 else offset + skip)
    if encoding not in METHODS:
        raise SourceError(f"{file} stores its pixels as {encoding[:20] or 'nothing known'!r}; save it as raw or gzip")
    packed = where if named is not None else PartFile(where, offset, max(0, whole - offset))
    return UnpackedFile(packed, METHODS[encoding]), max(0, skip)


def _data_file(file: SourceFile, name: str) -> SourceFile:
    """Return the file of the pixels of a detached header, which must be in its folder."""
    if name.strip().upper().startswith("LIST") or "%" in name:
        raise SourceError(f"{file} names several files of pixels; save it as one .nrrd")
    if not isinstance(file, LocalFile):
        raise SourceError(
            f"{file} names another file, {short_repr(name)}, which is not read from a URL; copy both here"
        )
    path = Path(file.path).parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise SourceError(
            f"{file} names the file {short_repr(name)}, which is not in its folder, and not read; copy it there"
        )
    if not path.is_file():
        raise SourceError(f"{file} names the file {short_repr(name)}, which is missing; copy it there")
    return local_file(path)
