"""The folder in which a zipped OME-Zarr is built, and its end as one file.

A conversion to ``cells.ozx`` writes ``cells.ozx.unfinished``, as any OME-Zarr is written, and packs that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pyramid.errors import OptionError, PyramidError, TargetError
from pyramid.feedback.notices import give_notices
from pyramid.feedback.showing import showing_progress
from pyramid.packing.archiving import check_archive_name, write_archive
from pyramid.packing.listing import list_objects
from pyramid.packing.progress import PackProgress
from pyramid.stores import Location, locate, open_file, open_objects
from pyramid.stores.location import ARCHIVE_ENDING
from pyramid.writing.create import remove_content
from pyramid.writing.errors import wrap_errors

if TYPE_CHECKING:
    from pyramid.options.convert import Options

# Ending of the folder, after the name of the archive.
UNFINISHED = ".unfinished"
# Ending of a hidden folder that is packed and being removed on a disk. It has a name of its own, as a folder that was
# only begun may be as empty, and one that no folder of a user has, as it is removed whenever it is found.
PACKED = ".pyramid-packed"


def building_place(source: object, target: str, options: Options) -> str | None:
    """Return the path or URL to which a conversion to `target` writes its objects.

    It is `target` itself unless that is a zipped OME-Zarr. It is None if nothing is left to do.

    Parameters
    ----------
    source
        What is converted.
    target
        A path or URL.
    options
        Only ``format``, ``ome_zarr_version``, ``overwrite``, ``resume`` and ``target_storage_options`` are used.

    Raises
    ------
    OptionError
        For a version of OME-Zarr that cannot be zipped.
    TargetError
        If the archive exists and is not to be replaced, or is the source.
    """
    location = locate(target)
    if not is_archive(location):
        return target
    check_archive_name(location)
    if options.format == "n5":
        raise OptionError("format: only an OME-Zarr is zipped; give a TARGET that ends in .n5")
    if options.ome_zarr_version == "0.4":
        raise OptionError("ome_zarr_version: a zipped OME-Zarr is 0.5 or newer; give that, or a TARGET in .ome.zarr")
    _check_source(source, location)
    place = str(location) + UNFINISHED
    if options.overwrite:
        return place
    with wrap_errors(str(location), "what is there", "read"):
        if open_file(target, options.target_storage_options).fingerprint("") is None:
            return place
        if not options.resume:
            raise TargetError(
                f"{location} exists; give another target, or overwrite=True to replace it, or resume=True to go on if "
                "it is unfinished"
            )
        objects = open_objects(place, options.target_storage_options)
        if location.is_local:
            return place if os.path.isdir(objects.location.path) else None
        return None if objects.size("zarr.json") is None else place


def tidy(target: str, storage_options: Mapping[str, Any] | None) -> None:
    """Remove the rest of a finished archive's folder, and say that it is finished."""
    _remove(str(locate(target)) + UNFINISHED, storage_options)
    give_notices((f"{locate(target)} is finished: nothing is left to do",), target)


def pack_target(place: str, target: str, storage_options: Mapping[str, Any] | None, progress: object = False) -> None:
    """Write the archive of what a conversion has written to `place`, and remove that.

    Nothing is done if `place` is the target. After an error `place` is kept, so that a run with ``resume`` packs it.
    `progress` is the choice for the conversion; a function takes the states of that, so that nothing is shown here.

    Raises
    ------
    TargetError
        If the archive cannot be written, or `place` not be removed.
    """
    if place == target:
        return
    objects = open_objects(place, storage_options)
    try:
        listed, comment = list_objects(objects)
        file = open_file(target, storage_options)
        shown: bool | Callable[[PackProgress], object] | None = None
        if progress is not None:
            shown = progress is True
        with showing_progress(shown, "pack") as callback:
            write_archive(objects, listed, comment, file, callback)
    except (PyramidError, KeyboardInterrupt) as error:
        error.add_note(f"{objects.location} is whole; the same with resume=True packs it")
        raise
    _remove(place, storage_options)


def is_archive(location: Location) -> bool:
    """Return whether a target is named as a zipped OME-Zarr, and is not a folder."""
    return location.path.lower().endswith(ARCHIVE_ENDING) and location.archive is not None


def _check_source(source: object, target: Location) -> None:
    """Raise TargetError if the source is the archive, or in it."""
    if isinstance(source, str | os.PathLike):
        location = locate(os.fspath(source).partition("::")[0])
        if target.holds(location):
            raise TargetError(f"{target}: target and source ({location}) overlap; give another target")


def _remove(place: str, storage_options: Mapping[str, Any] | None) -> None:
    """Remove a folder that is packed, the root's document first.

    On a disk it is renamed before. A renamed folder that an earlier run has left is removed too.
    """
    with wrap_errors(place, "what was packed", "removed"):
        location = locate(place)
        if not location.is_local:
            remove_content(location, open_objects(place, storage_options))
            return
        parent, name = os.path.split(location.path.removesuffix(UNFINISHED))
        packed = os.path.join(parent, f".{name}{PACKED}")
        _remove_folder(packed)
        if os.path.isdir(location.path):
            os.rename(location.path, packed)
            _remove_folder(packed)


def _remove_folder(path: str) -> None:
    """Remove a folder, if it exists."""
    if os.path.isdir(path):
        objects = open_objects(path)
        remove_content(objects.location, objects)
        os.rmdir(path)
