"""TIFF in all its kinds, through tifffile's understanding of pages and imagecodecs' decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import SourceError
from pyramid.readers.paths import is_url, local_path

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options import Options

SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".lsm", ".stk", ".qptiff")
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_tiff(source: object, options: Options) -> Source | None:
    """Open a TIFF; None where `source` is no path of one.

    A file is one by its first four bytes or by its suffix.

    Raises
    ------
    SourceError
        For a file that only calls itself a TIFF, one that is damaged or holds what no decoder knows, and one that
        holds several images where ``options.series`` does not say which.
    """
    path = local_path(source)
    if path is None:
        if is_url(source) and str(source).lower().endswith(SUFFIXES):
            raise SourceError(f"{source}: a TIFF is read from a disk of this machine only; copy it here first")
        return None
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}; check its permissions") from error
    if magic not in MAGIC:
        if path.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{path} is not a TIFF, though its name says so: it begins with {magic!r}")
        return None
    from pyramid.readers.tiff_source import open_tiff_file  # noqa: PLC0415  (start-up: tifffile takes 0.4 s)

    return open_tiff_file(path, options)
