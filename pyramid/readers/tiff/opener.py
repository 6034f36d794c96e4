"""The opener of TIFF files of all kinds, which recognizes them cheaply."""

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

# Suffixes of TIFFs: a file with one of them is refused if it is not a TIFF.
SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".lsm", ".stk", ".qptiff")
OTHERS = (".npy", ".zarr", ".n5")  # suffixes, of a file or of a folder above it, that mean another kind
# The first bytes of a TIFF: classic and BigTIFF, in both byte orders.
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COMPANIONS = (".companion.ome", ".ome.xml", ".ome")  # suffixes of OME-XML that names the TIFFs of an image


def open_tiff(source: object, options: Options) -> Source | None:
    """Open a TIFF at a path or URL.

    A file is recognized by its first four bytes or by its suffix. A file at a URL is not looked at if the URL's suffix
    means another kind.

    Returns
    -------
    Source | None
        None for anything else.

    Raises
    ------
    SourceError
        For a file that only has the name of a TIFF, or is damaged, or has an encoding that cannot be decoded. The same
        goes for one with several images if ``options.series`` does not choose one.
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
            raise SourceError(
                f"{place} is not a TIFF, though its name says so: it begins with {magic!r}; unpack it if it is "
                "compressed, rename it if it is of another kind, or copy it again"
            )
        return None
    from pyramid.readers.tiff.source import open_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

    return open_tiff_file(place, options)


def _look_at_path(path: Path) -> tuple[Place, bytes] | None:
    """Return a file and its first bytes; None if it is not a file."""
    if not path.is_file():
        return None
    from pyramid.readers.files.file import local_file  # noqa: PLC0415  (start-up: numpy)

    place = local_file(path)
    with place.open() as file:
        return place, file.read(len(MAGIC[0]))


def _look_at_url(url: str, options: Options) -> tuple[Place, bytes] | None:
    """Return a file at a URL and its first bytes; None if it is of another kind."""
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
        return None  # it may be a folder: a store that forbids listing refuses both alike
    if place is None:
        if named:
            raise SourceError(f"the file {location} does not exist; check the spelling")
        return None
    return place, place.head[: len(MAGIC[0])]
