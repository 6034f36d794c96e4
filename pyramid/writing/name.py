"""Targets that can be refused by their name, without a look at what is there."""

from __future__ import annotations

import os

from pyramid.errors import TargetError
from pyramid.stores import Location

# Endings of files, with which a TARGET is a mistake: it is a folder of many files.
FILE_ENDINGS = (
    *(".tif", ".tiff", ".btf", ".svs", ".npy", ".png", ".jpg", ".jpeg"),
    *(".czi", ".nd2", ".lif", ".h5", ".hdf5", ".ims", ".ozx", ".zip", ".yaml", ".json"),
    *(".npz", ".nii", ".nii.gz", ".nrrd", ".mrc"),
)


# The ending of folders of each format, with which a reader takes the other for one.
FORMAT_ENDINGS = {"n5": ".n5", "ome-zarr": ".zarr"}


def check_name(location: Location, format: str = "ome-zarr") -> None:
    """Raise TargetError for a web address, or a name of a file or of another format.

    A folder that exists may have any name.
    """
    if location.scheme in ("http", "https"):
        raise TargetError(f"{location}: cannot write to http(s) URLs; give a path or an s3://, gs:// or az:// URL")
    archive = location.archive
    if archive is not None and archive != location:
        raise TargetError(f"{location} is in the archive {archive}, which is not changed in place; give another target")
    file, mark, _ = location.path.partition("::")
    if mark and file.lower().endswith(FILE_ENDINGS):
        raise TargetError(
            f"{location} is a path within a file, but an OME-Zarr is a folder of its own; give a TARGET for it"
        )
    name = location.path.rpartition("/")[2].lower()
    other = next((other for other, ending in FORMAT_ENDINGS.items() if other != format and name.endswith(ending)), None)
    if other is not None:
        raise TargetError(
            f"{location} is named as one of format {other!r}, and {format!r} is given; give a TARGET that ends in "
            f"{FORMAT_ENDINGS[format]}, or leave the format out"
        )
    ending = next((ending for ending in FILE_ENDINGS if name.endswith(ending)), None)
    if ending is not None and not (location.is_local and os.path.lexists(location.path)):
        raise TargetError(
            f"{location} ends in {ending} as a file does, but an OME-Zarr is a folder; give a TARGET that ends in "
            ".ome.zarr (SOURCE comes first, then TARGET)"
        )
