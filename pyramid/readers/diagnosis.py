"""Errors for a SOURCE that cannot be read: what is there, and what to do."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from pyramid.errors import SourceError, list_some
from pyramid.hierarchy.within import entry_names, find_within
from pyramid.options.nearest import nearest

# How many names an error lists.
MAX_LISTED = 3
# The kinds that can be read, for errors: a list of all is the remedy where none fits.
KINDS = (
    "a TIFF, a folder of TIFFs, CZI, LIF, ND2, HDF5 (also of Imaris and BigDataViewer), .npy, .npz, NIfTI, NRRD or MRC "
    "file, a Zarr array or an OME-Zarr image; in Python also an array of NumPy, Dask, xarray or Zarr"
)
_EXPORT = "save it as OME-TIFF, as Fiji or bfconvert of Bio-Formats do, and convert that"
_PICTURE = "save it as TIFF, as Fiji does, and convert that"
# The first bytes of files that people try, what each is, and what to do with it.
_SIGNS = {
    b"\xff\xd8\xff": ("a JPEG", _PICTURE),
    b"\x89PNG": ("a PNG", _PICTURE),
    b"GIF8": ("a GIF", _PICTURE),
    b"\0\0\0\x0cjP": ("a JPEG 2000", _PICTURE),
    b"ZISRAWFILE": ("a CZI of Zeiss", "rename it to end in .czi"),
    b"\xda\xce\xbe\x0a": ("an ND2 of Nikon", "rename it to end in .nd2"),
    b"\x70\0\0\0": ("a LIF of Leica", "rename it to end in .lif"),
    b"\xd0\xcf\x11\xe0": ("an OLE file, as OIB and ZVI are", _EXPORT),
    b"\x89HDF": ("an HDF5 file", "rename it to end in .h5"),
    b"PK\x03\x04": ("a zip archive", "unpack it, and give what is in it"),
    b"\x1f\x8b": ("compressed by gzip", "unpack it, and give what is in it"),
    b"BZh": ("compressed by bzip2", "unpack it, and give what is in it"),
    b"\xfd7zXZ": ("compressed by xz", "unpack it, and give what is in it"),
    b"%PDF": ("a PDF", "give the image itself"),
    b"II*\0": ("a TIFF", "rename it to end in .tif"),
    b"MM\0*": ("a TIFF", "rename it to end in .tif"),
    b"<": ("XML or HTML, perhaps a page of a website that was saved", "download the image itself"),
}
_WITH_PATHS = (b"\x89HDF", b"PK\x03\x04")  # the first bytes of files with arrays that have paths
_SEPARATORS = ":#/"  # that people write between a file and the path of an array in it
_ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")


def describe_start(start: bytes) -> tuple[str, str] | None:
    """Return what a file is by its first bytes, and what to do with it.

    Returns
    -------
    tuple[str, str] or None
        None where the bytes say nothing.

    Examples
    --------
    >>> describe_start(b"")
    ('empty (0 bytes)', 'copy it again')
    """
    if not start:
        return "empty (0 bytes)", "copy it again"
    for sign, found in _SIGNS.items():
        if start.startswith(sign):
            return found
    try:
        is_text = start.decode("ascii").replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable()
    except UnicodeDecodeError:
        return None
    return ("text", "give the image itself") if is_text else None


def explain_missing(path: Path) -> SourceError:
    """Return the error for a path where nothing is, with the name that may be meant."""
    hint = "check the spelling, and that its disk is mounted"
    if (file := _file_before(str(path))) is not None:
        return SourceError(f"the file or folder {path} does not exist; {_hint_of(*file)}")
    names = entry_names(str(path.parent))
    same = unicodedata.normalize("NFC", path.name)
    if any(letter in path.name for letter in "*?[") and path.parent.exists():
        hint = "as a glob, it names no TIFF either: check its folder, and that it is between quotes"
    elif any(unicodedata.normalize("NFC", name) == same for name in names):
        hint = "a name in that folder looks alike and is spelled with other Unicode letters: rename it, or use Tab"
    elif near := nearest(path.name, names, strict=True):
        hint = f"did you mean {near!r}?"
    elif not path.parent.exists():
        hint = f"there is not even its folder {path.parent}: {hint}"
    return SourceError(f"the file or folder {path} does not exist; {hint}")


def has_file_before(text: str) -> bool:
    """Return whether a path goes on after the name of a file or a Zarr."""
    return _file_before(text) is not None


def _file_before(text: str) -> tuple[Path, str] | None:
    """Return the file or Zarr that a path begins with, and the rest of it, or None."""
    for place in reversed([place for place, letter in enumerate(text) if place and letter in _SEPARATORS]):
        path = Path(text[:place].rstrip())
        if path.is_file() or (path.is_dir() and text[place] != "/" and _is_zarr(path)):
            return path, text[place:].strip(f"{_SEPARATORS} ")
    return None


def _is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in _ZARR_MARKS)


def _hint_of(path: Path, rest: str) -> str:
    """Return the remedy for a path that goes on after a file that is there."""
    if path.is_file():
        with path.open("rb") as file:
            if not file.read(16).startswith(_WITH_PATHS):
                return f"{path} is a file, and not a folder: give only that"
    return f"an array in it is named after two colons: {path}::{rest}"


def explain_folder(path: Path) -> SourceError:
    """Return the error for a folder that is neither a Zarr array nor an image."""
    names = sorted(entry_names(str(path)))
    begin = f"the folder {path}"
    if not names:
        return SourceError(f"{begin} is empty; check the path, and that its disk is mounted")
    zarrs = sources_within(path)
    if zarrs:
        return SourceError(f"{begin} is not an image, but holds {_listed(zarrs)}; give one, as {path / zarrs[0]}")
    if "attributes.json" in names:
        return SourceError(f"{begin} is N5, which cannot be read; {_EXPORT}")
    return SourceError(
        f"{begin} is neither a Zarr array nor an OME-Zarr image, and holds {_listed(names)}; give {KINDS}"
    )


def sources_within(path: Path) -> list[str]:
    """Return the paths of images and Zarr arrays in a folder, the images first."""
    within = find_within(str(path))
    return [*within.images, *within.arrays]


def explain_file(path: Path) -> SourceError:
    """Return the error for a file that no reader recognizes."""
    if path.name in _ZARR_MARKS:
        return SourceError(f"{path} is only the metadata of a Zarr; give its folder, {path.parent}")
    with path.open("rb") as file:
        found = describe_start(file.read(16))
    if found is None:
        return SourceError(f"{path} is not of a kind that can be read; give {KINDS}")
    return SourceError(f"{path} is not of a kind that can be read: it is {found[0]}; {found[1]}")


def explain_inside(file: object, inside: str) -> SourceError:
    """Return the error for a path in a file of a kind that has no paths."""
    return SourceError(
        f"{file} is not of a kind with paths in it, so {inside!r} names nothing; leave out ::{inside}, or give HDF5, "
        ".npz or Zarr"
    )


def explain_refusal(where: object, error: OSError) -> SourceError:
    """Return the error for a file or folder that the system does not open."""
    hint = (
        "ask its owner for the right to read it"
        if isinstance(error, PermissionError)
        else "check the path, and that its disk works"
    )
    return SourceError(f"{error.filename or where} cannot be read: {error.strerror or error}; {hint}")


def _listed(names: list[str]) -> str:
    return list_some(names, MAX_LISTED)
