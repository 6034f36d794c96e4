"""The opener of HDF5 files, which recognizes them cheaply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyramid.errors import SourceError, explaining
from pyramid.readers.diagnosis import describe_start
from pyramid.readers.files.finding import find_file
from pyramid.readers.inside import MARK, split_inside
from pyramid.readers.paths import is_url, local_path
from pyramid.readers.recognition import recognized_by
from pyramid.stores import locate

if TYPE_CHECKING:
    from typing import Any

    from pyramid.model import Source
    from pyramid.options.convert import Options
    from pyramid.readers.files.file import SourceFile

# Suffixes of HDF5 files: a file with one of them is refused if it is not HDF5.
SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5", ".ims")
OTHERS = (".zarr", ".npz")  # suffixes of other kinds that have paths inside
MAGIC = b"\x89HDF\r\n\x1a\n"
# Where the first bytes of the format may be: after a block of the user's, as MATLAB writes.
STARTS = (0, 512, 1024, 2048)


@recognized_by(lambda name, start: name.endswith(SUFFIXES) or start.startswith(MAGIC))
def open_hdf5(source: object, options: Options) -> Source | None:
    """Open an array or image of an HDF5 file at a path or URL.

    A local file is recognized by its first bytes. One at a URL is recognized by its suffix, or by a path in it. The
    XML of BigDataViewer is recognized by its root element.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        If it cannot be read, if the path in it leads nowhere, or if it holds several arrays and none is chosen. So it
        is if h5py is not installed.
    """
    h5py = sys.modules.get("h5py")  # if h5py is not imported, nothing is its dataset
    if h5py is not None and isinstance(source, h5py.Dataset):
        return _open_object(source, options)
    found, inside = split_inside(source)
    file = _find(found, inside, options)
    if file is None:
        return None
    if not _is_hdf5(file):
        return _open_other(file, inside, options)
    from pyramid.readers.hdf5.library import session  # noqa: PLC0415  (only where there is such a file)
    from pyramid.readers.hdf5.opening import open_file  # noqa: PLC0415

    with explaining(SourceError, f"{file} cannot be read as HDF5"), session():
        return open_file(file, inside, options)


def _find(source: object, inside: str | None, options: Options) -> SourceFile | None:
    if local_path(source) is not None:
        return find_file(source, options)
    if not is_url(source):
        return None
    name = locate(str(source)).path.lower()
    named = name.endswith(SUFFIXES)
    if not named and (inside is None or any(part.endswith(OTHERS) for part in name.split("/"))):
        return None
    return find_file(source, options, must_exist=named)


def _is_hdf5(file: SourceFile) -> bool:
    with file.open() as stream:
        for start in STARTS:
            stream.seek(start)
            if stream.read(len(MAGIC)) == MAGIC:
                return True
    return False


def _open_other(file: SourceFile, inside: str | None, options: Options) -> Source | None:
    """Open the XML of BigDataViewer; refuse a file that only has the name of HDF5."""
    name = file.name.lower()
    if name.endswith(".xml"):
        from pyramid.readers.hdf5.bdv import is_bdv_xml, open_bdv  # noqa: PLC0415  (only where there is such a file)
        from pyramid.readers.hdf5.library import session  # noqa: PLC0415

        with explaining(SourceError, f"{file} cannot be read as BigDataViewer's"), session():
            return open_bdv(file, options) if inside is None and is_bdv_xml(file) else None
    if not name.endswith(SUFFIXES):
        return None
    with file.open() as stream:
        start = stream.read(16) or b""
    what, remedy = describe_start(start) or (f"of another kind, and begins with {start[:4]!r}", "copy it again")
    raise SourceError(f"{file} is not HDF5, though its name says so: it is {what}; {remedy}")


def _open_object(dataset: Any, options: Options) -> Source | None:  # noqa: ANN401  (h5py is not typed)
    """Open a dataset of h5py by its file; None if only the object can be read."""
    file = dataset.file
    name = str(file.filename)
    path = local_path(name)
    if file.driver not in ("sec2", "stdio") or file.mode != "r" or path is None or not path.is_file():
        return None
    return open_hdf5(f"{path}{MARK}{dataset.name}", options)
