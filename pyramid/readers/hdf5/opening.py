"""The image of an HDF5 file: a dataset, that of Imaris, or a setup."""

from __future__ import annotations

from pyramid.model import Source
from pyramid.options.convert import Options
from pyramid.readers.files.file import SourceFile
from pyramid.readers.hdf5.bdv import is_bdv, open_bdv_file
from pyramid.readers.hdf5.imaris import is_imaris, open_imaris
from pyramid.readers.hdf5.library import opened
from pyramid.readers.hdf5.links import find_place
from pyramid.readers.hdf5.listing import only_array
from pyramid.readers.hdf5.plain import open_dataset


def open_file(file: SourceFile, inside: str | None, options: Options) -> Source:
    """Open the image of an HDF5 file.

    Parameters
    ----------
    file, inside
        The file, and the path in it that the user gives; None or empty if there is none.
    options
        As for `open_hdf5`.
    """
    root = opened(file)["/"]
    if not (inside or "").strip("/"):
        if is_imaris(root):
            return open_imaris(file, options)
        if is_bdv(root):
            return open_bdv_file(file, options)
    return open_dataset(only_array(find_place(file, inside or "/")), options, file)
