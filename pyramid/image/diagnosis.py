"""Errors for an address without an OME-Zarr: what is there, and what to do."""

from __future__ import annotations

import contextlib
import os

from pyramid.errors import SourceError, StorageError, list_some
from pyramid.hierarchy.arrays import read_facts
from pyramid.hierarchy.nodes import Node
from pyramid.hierarchy.unfinished import DOWNLOAD
from pyramid.hierarchy.within import entry_names, find_within
from pyramid.options.nearest import nearest
from pyramid.readers.diagnosis import MAX_LISTED, describe_start
from pyramid.readers.loops import convert_each, tiffs_of
from pyramid.stores import Objects
from pyramid.tables import format_shape

_CONVERT = "make an OME-Zarr of it with pyramid convert"
# The first bytes of files that are given by mistake, and what to do with each.
_SIGNS = {
    b"\x89HDF": f"it is an HDF5 file; {_CONVERT}",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), f"it is a TIFF; {_CONVERT}"),
    b"\x93NUMPY": f"it is a NumPy array; {_CONVERT}",
    b"ZISRAWFILE": f"it is a CZI of Zeiss; {_CONVERT}",
    b"\xda\xce\xbe\x0a": f"it is an ND2 of Nikon; {_CONVERT}",
    b"\x70\0\0\0": f"it is a LIF of Leica; {_CONVERT}",
    b"PK\x03\x04": "it is a zip archive; unpack it, and give the folder",
}


def explain_missing(objects: Objects, path: str, refused: StorageError | None) -> SourceError:
    """Return the error for an address without a Zarr group or array.

    Parameters
    ----------
    objects
        The objects at the URL.
    path
        Path below the URL, as a collection names it; empty for the URL itself.
    refused
        The server's refusal; None where it did not refuse access.
    """
    if path:
        return SourceError("it is named, but no such Zarr group exists; copy it again")
    if objects.location.is_local:
        return SourceError(_describe_local(objects))
    with contextlib.suppress(StorageError, OSError):  # most often no file is there
        if known := _describe_file(objects):
            return SourceError(known)
    if refused is not None:
        return SourceError(
            f"the server refuses access (403): it is private, or there is nothing; check the address and the "
            f"credentials ({refused})"
        )
    return SourceError(
        "nothing here is an OME-Zarr: the server has neither zarr.json nor .zgroup there; give the address of the "
        "folder that holds one of them"
    )


def explain_array(node: Node) -> SourceError:
    """Return the error for an array where an image should be."""
    kind = "an N5 dataset" if node.zarr_format == "n5" else "a Zarr array"
    try:
        facts = read_facts(node)
        found = f"{kind}, {format_shape(facts.shape)} of {facts.dtype}"
    except SourceError:
        found = kind
    return SourceError(
        f"it is {found}, not an image; {_CONVERT}, or, if it is a level of an image, give the group that holds it"
    )


def explain_group(objects: Objects, node: Node) -> SourceError:
    """Return the error for a group whose metadata names no image."""
    is_root = objects.location.is_folder and not node.path
    found = find_within(objects.location.path) if is_root else None
    within = list_some(found.images, MAX_LISTED) if found else ""
    if "scene" in node.ome:
        hint = f", as one of: {within}" if within else ""
        return SourceError(f"it is a scene, which places several images together; give an image in it{hint}")
    hint = f"; give one of those within: {within}" if within else ", or give an image within it"
    remedy = f"; name an array in it to pyramid convert{hint}"
    if found and not found.images and not found.arrays:
        remedy = ", and it holds neither an array nor an image; check the path"
    kind = "an N5 group" if node.zarr_format == "n5" else "a Zarr group"
    return SourceError(
        f"it is {kind}, but not an OME-Zarr: its attributes have neither multiscales nor plate nor well{remedy}"
    )


def _describe_file(objects: Objects) -> str | None:
    """Describe a file by its first bytes; return None if it is of another kind."""
    start = objects.get_range("", 0, 16)
    return next((description for sign, description in _SIGNS.items() if start.startswith(sign)), None)


def _describe_foreign(objects: Objects) -> str:
    """Describe any other file, with the remedy that `convert` gives."""
    found = describe_start(objects.get_range("", 0, 16))
    if found is None or found[0] == "text":
        return f"it is {found[0] if found else 'a file'}, and an OME-Zarr is a folder; give the path of the folder"
    return f"it is {found[0]}, not an OME-Zarr; {found[1]}"


def _describe_local(objects: Objects) -> str:
    path = objects.location.path
    if not os.path.lexists(path):
        near = nearest(os.path.basename(path), entry_names(os.path.dirname(path)), strict=True)
        return f"no such file or folder exists; {f'did you mean {near!r}?' if near else 'check the path'}"
    if objects.location.archive is not None:
        return "the archive has no zarr.json at its top, so it is not an OME-Zarr; pack the folder that holds zarr.json"
    if not os.path.isdir(path):
        return _describe_file(objects) or _describe_foreign(objects)
    names = entry_names(path)
    if not names:
        return "the folder is empty, and holds no OME-Zarr; check the path"
    if DOWNLOAD in names:
        return "its download is not finished; run the same pyramid download again, which goes on where it stopped"
    within = find_within(path)
    if within.images:
        return f"it is a folder, not an OME-Zarr; give one of those within: {list_some(within.images, MAX_LISTED)}"
    if within.arrays:
        arrays = list_some(within.arrays, MAX_LISTED)
        return f"it is a folder of Zarr arrays ({arrays}), and none is an OME-Zarr; {_CONVERT}"
    if tiffs := tiffs_of(names):
        each = convert_each(path, tiffs)
        return f"it is a folder of TIFFs, not an OME-Zarr; make one of it if it is one image, else one of each: {each}"
    return "it is a folder without zarr.json, .zgroup or .zarray, so not an OME-Zarr; give the folder that holds one"
