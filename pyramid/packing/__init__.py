"""`pack` and `unpack`: an OME-Zarr as one zipped file (RFC-9), and back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from pyramid.errors import SourceError, StorageError, TargetError, ending_with_remedy, with_remedy
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.packing.archiving import check_archive_free, check_archive_name, write_archive
from pyramid.packing.listing import list_objects
from pyramid.packing.progress import PackProgress, PackTally
from pyramid.packing.result import Packed
from pyramid.packing.unpacking import check_folder, check_keys, write_folder
from pyramid.stores import Location, locate, missing_folder, open_file, open_objects, path_or_url

__all__ = ["Packed", "pack", "unpack"]


@ending_with_remedy()
def pack(
    source: str | os.PathLike[str],
    archive: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool | Callable[[PackProgress], object] | None = None,
) -> Packed:
    """Write an OME-Zarr as one zipped file (RFC-9), whose entries are its objects.

    Parameters
    ----------
    source
        A path or URL of an OME-Zarr 0.5 or 0.6 whose objects can be listed.
    archive
        The path or URL of the file, which ends in ``.ozx``.
    overwrite
        Whether a file that is there is replaced, once the new one is whole.
    storage_options
        Options of whichever of the two is at a URL.
    progress
        True to show progress, False for none, or a function that receives it. None shows it in a notebook only.

    Raises
    ------
    SourceError
        If the source is not a finished OME-Zarr of Zarr 3, holds a link, or cannot be read.
    TargetError
        If the file exists, is in the source, has another ending, or cannot be written.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/a.ome.zarr")
    >>> pack(f"{folder}/a.ome.zarr", f"{folder}/a.ozx").objects
    5
    >>> pyramid.open(f"{folder}/a.ozx").levels[1].shape
    (150, 200)
    """
    began_s = time.perf_counter()
    place, target = path_or_url(source, "source"), path_or_url(archive, "archive")
    check_archive_name(locate(target))
    _check_apart(locate(place), locate(target))
    try:
        objects = open_objects(place, _options_of(place, storage_options))
        listed, comment = list_objects(objects)
    except StorageError as error:
        raise SourceError(with_remedy(error, "check the address and the credentials")) from error
    file = open_file(target, _options_of(target, storage_options))
    if not overwrite:
        check_archive_free(file)
    give_notices(missing_folder(locate(target)))
    with showing_progress(progress, "pack") as callback:
        size_bytes = write_archive(objects, listed, comment, file, callback)
    return Packed(str(objects.location), str(file.location), len(listed), size_bytes, time.perf_counter() - began_s)


@ending_with_remedy()
def unpack(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool | Callable[[PackProgress], object] | None = None,
) -> Packed:
    """Write the objects of a zipped OME-Zarr (RFC-9) as the files of a folder.

    Parameters
    ----------
    archive
        The path or URL of a file that ends in ``.ozx``.
    folder
        The path of a folder that does not exist or is empty.
    storage_options
        Options of the archive's store.
    progress
        As for `pack`.

    Raises
    ------
    SourceError
        If the archive is missing, cut, damaged, or has entries that are compressed or lead out of it.
    TargetError
        If the folder is not free or cannot be written.

    Examples
    --------
    >>> import numpy as np, pyramid, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> image = pyramid.convert(np.zeros((300, 400), "uint8"), f"{folder}/a.ozx")
    >>> unpack(f"{folder}/a.ozx", f"{folder}/a.ome.zarr").objects
    5
    """
    began_s = time.perf_counter()
    place, target = path_or_url(archive, "archive"), path_or_url(folder, "folder")
    location = locate(place)
    if location.archive != location:
        raise SourceError(f"{location} is not a file that ends in .ozx; give the path or URL of one")
    check_folder(locate(target))
    objects = open_objects(place, storage_options)
    try:
        if objects.fingerprint("") is None:
            raise SourceError(f"{location} does not exist; check the path or the URL")
        keys = {key: size for key, size, _ in objects.entries()}
    except StorageError as error:
        raise SourceError(with_remedy(error, "check the address and the credentials")) from error
    check_keys(keys, str(location))
    give_notices(missing_folder(locate(target)))
    with showing_progress(progress, "unpack") as callback:
        write_folder(objects, list(keys), locate(target), PackTally(callback, list(keys.values())).add)
    seconds = time.perf_counter() - began_s
    return Packed(str(location), str(locate(target)), len(keys), sum(keys.values()), seconds)


def _options_of(url: str, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if locate(url).is_local else options


def _check_apart(source: Location, archive: Location) -> None:
    if source.holds(archive):
        raise TargetError(f"{archive}: it is in the source ({source}), of which it would be a part; give another file")
