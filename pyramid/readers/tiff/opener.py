"""TIFF in all its kinds, through tifffile's understanding of pages and imagecodecs' decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError, StorageError
from pyramid.readers.paths import is_url, local_path
from pyramid.stores import locate

if TYPE_CHECKING:
    from pathlib import Path

    from pyramid.model import Source
    from pyramid.options.convert import Options
    from pyramid.readers.files.file import Place

SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".lsm", ".stk", ".qptiff")
OTHERS = (".npy", ".zarr", ".n5")  # endings that tell another kind, of a file or of a folder above
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COMPANIONS = (".companion.ome", ".ome.xml", ".ome")  # OME-XML that says which TIFFs hold an image


def open_tiff(source: object, options: Options) -> Source | None:
    """Open a TIFF; None where `source` is no path or URL of one.

    A file is one by its first four bytes or by its suffix. At a URL it is looked at where the URL's ending does not
    say that it is of another kind.

    Raises
    ------
    SourceError
        For a file that only calls itself a TIFF, one that is damaged or holds what no decoder knows, and one that
        holds several images where ``options.series`` does not say which.
    """
    path = local_path(source)
    if path is not None:
        found = _look_at_path(path)
    elif is_url(source):
        found = _look_at_url(str(source), options)
    else:
        return None
    if found is None:
        return None
    place, magic = found
    if place.is_local and place.name.lower().endswith(COMPANIONS) and b"<" in magic:
        from pyramid.readers.tiff.source import open_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

        return open_tiff_file(place, options)
    if magic not in MAGIC:
        if place.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{place} is not a TIFF, though its name says so: it begins with {magic!r}")
        return None
    from pyramid.readers.tiff.source import open_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

    return open_tiff_file(place, options)


def _look_at_path(path: Path) -> tuple[Place, bytes] | None:
    """A file and its first bytes."""
    if not path.is_file():
        return None
    from pyramid.readers.files.file import local_file  # noqa: PLC0415  (start-up: numpy)

    place = local_file(path)
    with place.open() as file:
        return place, file.read(len(MAGIC[0]))


def _look_at_url(url: str, options: Options) -> tuple[Place, bytes] | None:
    """A file at a URL and its first bytes; None where there is no file, and where its kind is another."""
    location = locate(url)
    parts = location.path.lower().split("/")
    named = parts[-1].endswith(SUFFIXES)
    if not named and any(part.endswith(OTHERS) for part in parts):
        return None
    from pyramid.readers.files.remote import remote_file  # noqa: PLC0415  (start-up: numpy)

    try:
        place = remote_file(url, options)
    except SourceError as error:
        cause = error.__cause__
        if named or not (isinstance(cause, StorageError) and cause.permanent):
            raise
        return None  # where nothing may be listed, a folder is refused as a file is
    if place is None:
        if named:
            raise SourceError(f"there is no file {location}; check the spelling")
        return None
    return place, place.head[: len(MAGIC[0])]
